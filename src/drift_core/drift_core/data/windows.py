"""Training windows: each observation a policy would have had in an episode, with its labels.

The recorded arrivals are replayed through the same Assembler that runs live, so that no window contains a
sample that had not arrived when the policy would have used it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from drift_core.data.labels import Labels, cut_labels
from drift_core.episodes.record import Episode, Source
from drift_core.errors import DataError
from drift_core.observation.assembler import Assembler, Selection, StateOf
from drift_core.observation.spec import ObservationSpec


class WindowClass(IntEnum):
    """Who drove after the observation."""

    DEMONSTRATION = 0  # the expert, in a demonstration; first label valid
    INTERVENTION = 1  # the expert, after taking over; first label valid
    PRE_INTERVENTION = 2  # the policy, shortly before the expert took over
    POLICY = 3  # the policy
    IDLE = 4  # nobody, or it is not known for sure


@dataclass(frozen=True, eq=False)
class FutureSet:
    """What N windows saw at Tf later policy steps of their episode."""

    frame_index: np.ndarray  # (N, Tf) rows of the windows' `frame_rows`; where masked, the window's newest
    state: np.ndarray  # (N, Tf, S) float32; where masked, the window's newest
    mask: np.ndarray  # (N, Tf) bool, false where the episode does not go on that far, or has a gap


@dataclass(frozen=True, eq=False)
class WindowSet:
    """The N windows of one episode. Each frame is stored once; a row of `frame_rows` is one moment."""

    episode_id: str
    t_ref_s: np.ndarray  # (N,)
    frames: dict[str, np.ndarray]  # by camera: (K, H, W, 3) uint8 RGB
    frame_rows: np.ndarray  # (F, cameras) rows of `frames`, cameras in the order of `frames`
    frame_index: np.ndarray  # (N, To) rows of `frame_rows`, newest last
    state: np.ndarray  # (N, To, S) float32
    actions: np.ndarray  # (N, T, A) float32
    mask: np.ndarray  # (N, T) bool, true where the label is valid
    window_class: np.ndarray  # (N,) WindowClass
    future: FutureSet | None = None  # when asked for
    score: float | None = None  # of the episode

    def __len__(self) -> int:
        return len(self.t_ref_s)

    @property
    def expert_labels(self) -> int:
        """Number of policy steps that became labels: windows whose first label is valid."""
        return int(self.mask[:, 0].sum())

    @property
    def counts(self) -> dict[str, int]:
        """Number of windows in each class by its name in lower case."""
        return {c.name.lower(): int((self.window_class == c).sum()) for c in WindowClass}

    def trainable(self) -> "WindowSet":
        """Return the windows with at least one valid label, and only their frames."""
        chosen = self.mask[:, 0]
        seen, future = self.frame_index[chosen], self.future
        steps = seen.shape[1]
        if future is not None:
            seen = np.concatenate([seen, future.frame_index[chosen]], axis=1)
        rows, frame_index = np.unique(seen, return_inverse=True)
        frame_index = frame_index.reshape(seen.shape)
        if future is not None:
            future = FutureSet(frame_index[:, steps:], future.state[chosen], future.mask[chosen])
        frame_rows, frames = self.frame_rows[rows], {}
        for column, (camera, images) in enumerate(self.frames.items()):
            used, frame_rows[:, column] = np.unique(frame_rows[:, column], return_inverse=True)
            frames[camera] = images[used]
        return replace(
            self,
            t_ref_s=self.t_ref_s[chosen],
            frames=frames,
            frame_rows=frame_rows,
            frame_index=frame_index[:, :steps],
            future=future,
            state=self.state[chosen],
            actions=self.actions[chosen],
            mask=self.mask[chosen],
            window_class=self.window_class[chosen],
        )


def cut_windows(
    episode: Episode,
    spec: ObservationSpec,
    state_of: StateOf,
    latency_s: Mapping[str, float],
    horizon: int,
    action_space: str,
    pre_intervention_s: float = 1.0,
    future_steps: Sequence[int] = (),
) -> WindowSet:
    """Cut one window per policy step out of `episode`, also those without a valid label.

    Windows within `pre_intervention_s` before a take-over are marked as such. `future_steps`: policy steps
    from a window to observations to come that go with it.
    """
    unknown = {camera.name for camera in spec.cameras} - set(episode.frames)
    if unknown:
        raise DataError(f"episode {episode.meta.id}: cameras={sorted(unknown)} were not recorded")
    assembler = Assembler(spec, state_of, latency_s)
    on_grid = _on_grid(list(_replay(episode, assembler)), spec.dt_s)
    ticks = list(on_grid.values())
    t_ref_s = np.array([tick.t_ref_s for tick in ticks])
    labels = cut_labels(episode.steps, t_ref_s, spec.dt_s, horizon, action_space)
    frames, frame_rows, frame_index = _gather_frames(ticks, spec)
    state_shape = (len(ticks), spec.observation_steps, spec.state_dim)
    state = np.array([assembler.state(tick) for tick in ticks], dtype=np.float32).reshape(state_shape)
    return WindowSet(
        episode.meta.id,
        t_ref_s,
        frames,
        frame_rows,
        frame_index,
        state,
        labels.actions,
        labels.mask,
        _classify(labels, episode.meta.kind == "demonstration", pre_intervention_s),
        _look_ahead(list(on_grid), frame_index, state, future_steps) if future_steps else None,
        episode.meta.score,
    )


def _replay(episode: Episode, assembler: Assembler) -> Iterator[Selection]:
    """Put the recorded samples in the order of arrival; yield each observation when it first was complete."""
    sources: list[str | None] = [None, *(camera.name for camera in assembler.spec.cameras)]
    samples = [episode.joints if name is None else episode.frames[name] for name in sources]
    arrival_s = np.concatenate([sample.arrival_s for sample in samples])
    which = np.concatenate([np.full(len(sample), n) for n, sample in enumerate(samples)]).astype(int)
    index = np.concatenate([np.arange(len(sample)) for sample in samples])
    done_s = -np.inf
    order = np.argsort(arrival_s, kind="stable")
    for position, event in enumerate(order):
        name, at = sources[which[event]], int(index[event])
        if name is None:
            joints = episode.joints
            assembler.put_joints(
                joints.positions_rad[at], joints.gripper_m[at], joints.stamp_s[at], joints.arrival_s[at]
            )
        else:
            camera = episode.frames[name]
            assembler.put_frame(name, camera.image(at), camera.stamp_s[at], camera.arrival_s[at])
        if position + 1 < len(order) and arrival_s[order[position + 1]] == arrival_s[event]:
            continue  # what arrives at the same instant is seen together
        t_ref_s = assembler.t_ref_s()
        if t_ref_s is not None and t_ref_s > done_s:
            selection = assembler.select()
            if isinstance(selection, Selection):
                done_s = t_ref_s
                yield selection


def _on_grid(selections: list[Selection], dt_s: float) -> dict[int, Selection]:
    """Return the observation nearest to each policy step, by its number, in `dt_s` from the first one."""
    if not selections:
        return {}
    start_s = selections[0].t_ref_s
    nearest: dict[int, Selection] = {}
    for selection in selections:
        slot = round((selection.t_ref_s - start_s) / dt_s)
        due_s = start_s + slot * dt_s
        if slot not in nearest or abs(selection.t_ref_s - due_s) < abs(nearest[slot].t_ref_s - due_s):
            nearest[slot] = selection
    return dict(sorted(nearest.items()))


def _look_ahead(
    steps: list[int], frame_index: np.ndarray, state: np.ndarray, future_steps: Sequence[int]
) -> FutureSet:
    """Return the newest frame and state of the windows `future_steps` after each one; `steps` are theirs."""
    row_of = {step: row for row, step in enumerate(steps)}
    rows = np.array([[row_of.get(step + ahead, -1) for ahead in future_steps] for step in steps], dtype=int)
    rows = rows.reshape(len(steps), len(future_steps))
    mask = rows >= 0
    rows = np.where(mask, rows, np.arange(len(steps))[:, None])
    return FutureSet(frame_index[rows, -1], state[rows, -1], mask)


def _gather_frames(
    ticks: list[Selection], spec: ObservationSpec
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Number the distinct frames of each camera and the distinct moments of all of them."""
    cameras = [camera.name for camera in spec.cameras]
    numbers: dict[str, dict[float, int]] = {camera: {} for camera in cameras}
    images: dict[str, list[np.ndarray]] = {camera: [] for camera in cameras}
    moments: dict[tuple[int, ...], int] = {}
    frame_index = np.zeros((len(ticks), spec.observation_steps), dtype=np.int64)
    for n, tick in enumerate(ticks):
        for k in range(spec.observation_steps):
            moment = []
            for camera in cameras:
                frame = tick.frames[camera][k]
                if frame.time_s not in numbers[camera]:
                    numbers[camera][frame.time_s] = len(images[camera])
                    images[camera].append(frame.image)
                moment.append(numbers[camera][frame.time_s])
            frame_index[n, k] = moments.setdefault(tuple(moment), len(moments))
    frames = {
        camera.name: np.array(images[camera.name], dtype=np.uint8).reshape(-1, camera.height, camera.width, 3)
        for camera in spec.cameras
    }
    frame_rows = np.array(list(moments), dtype=np.int64).reshape(len(moments), len(cameras))
    return frames, frame_rows, frame_index


def _classify(labels: Labels, demonstration: bool, pre_intervention_s: float) -> np.ndarray:
    """Return the WindowClass of each window (N,)."""
    policy = labels.driver == Source.POLICY
    return np.select(
        [labels.mask[:, 0], policy & (labels.expert_in_s <= pre_intervention_s), policy],
        [
            WindowClass.DEMONSTRATION if demonstration else WindowClass.INTERVENTION,
            WindowClass.PRE_INTERVENTION,
            WindowClass.POLICY,
        ],
        WindowClass.IDLE,
    )
