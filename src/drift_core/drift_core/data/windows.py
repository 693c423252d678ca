"""Training windows: each observation a policy would have had in an episode, with its labels.

The recorded arrivals are replayed through the same Assembler that runs live, so that no window contains a
sample that had not arrived when the policy would have used it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

import numpy as np

from drift_core.data.labels import Labels, between_set_backs, cut_labels, out_of_order
from drift_core.data.numbered import number, numbered, of_one_pixel
from drift_core.data.replay import JOINTS, Replay
from drift_core.episodes.record import Episode, Frames, Steps, StepSource
from drift_core.errors import DataError
from drift_core.observation.assembler import Assembler, Selection, StateOf
from drift_core.observation.spec import ObservationSpec
from drift_core.observation.timeline import SAME_TIME_S


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
    frames: dict[str, Frames]  # by camera: K of them, encoded
    frame_rows: np.ndarray  # (F, cameras) rows of `frames`, cameras in the order of `frames`
    frame_index: np.ndarray  # (N, To) rows of `frame_rows`, newest last
    state: np.ndarray  # (N, To, S) float32
    actions: np.ndarray  # (N, T, A) float32
    mask: np.ndarray  # (N, T) bool, true where the label is valid
    window_class: np.ndarray  # (N,) WindowClass
    idle: np.ndarray  # (N,) bool, the expert stood still during all labels
    intervention: np.ndarray  # (N,) the take-over that the labels are of
    remark: str = ""  # what of the episode is lost, or why it gives no label, in words
    future: FutureSet | None = None  # when asked for
    score: float | None = None  # of the episode, where nobody gave one by its outcome; None: unknown
    weight: float = 1.0  # of the episode
    ended_s: dict[int, float] = field(default_factory=dict)  # by take-over: its last control step
    task: int = 0  # which one, where a policy learns several

    def __len__(self) -> int:
        return len(self.t_ref_s)

    @property
    def expert_labels(self) -> int:
        """Number of policy steps that became labels: windows whose first label is valid."""
        return int(self.mask[:, 0].sum())

    @property
    def idle_labels(self) -> int:
        """Number of labels at which the expert stood still, and went on to."""
        return int(self.idle.sum())

    @property
    def counts(self) -> dict[str, int]:
        """Number of windows in each class by its name in lower case."""
        return {c.name.lower(): int((self.window_class == c).sum()) for c in WindowClass}

    @property
    def take_overs(self) -> dict[int, int]:
        """Number of labels of each take-over that has any."""
        ids, labels = np.unique(self.intervention[self.mask[:, 0]], return_counts=True)
        return dict(zip(ids.tolist(), labels.tolist(), strict=True))

    def trainable(self, unlabelled: bool = False) -> "WindowSet":
        """Return the windows with at least one valid label, and only their frames.

        `unlabelled`: also those without one whose observations to come are there.
        """
        chosen = self.mask[:, 0]
        if unlabelled and self.future is not None:
            chosen = chosen | self.future.mask.any(axis=1)
        return self._chosen(chosen)

    def only(self, intervention: int) -> "WindowSet":
        """Return the windows with a label of one take-over, and only their frames."""
        return self._chosen(self.mask[:, 0] & (self.intervention == intervention))

    def relabelled(self, rows: np.ndarray, actions: np.ndarray, mask: np.ndarray) -> "WindowSet":
        """Return windows that show what `rows` (M,) show, one or several times, with labels of their own.

        `actions` (M, T, A) float32, valid where `mask` (M, T).
        """
        return replace(self._chosen(rows), actions=actions, mask=mask)

    def _chosen(self, chosen: np.ndarray) -> "WindowSet":
        """Return the windows for which `chosen` (N,) is true, or those that it counts (M,)."""
        seen, future = self.frame_index[chosen], self.future
        steps = seen.shape[1]
        if future is not None:
            seen = np.concatenate([seen, future.frame_index[chosen]], axis=1)
        rows, frame_index = np.unique(seen, return_inverse=True)
        frame_index = frame_index.reshape(seen.shape)
        if future is not None:
            future = FutureSet(frame_index[:, steps:], future.state[chosen], future.mask[chosen])
        frame_rows, frames = self.frame_rows[rows], {}
        for column, (camera, recorded) in enumerate(self.frames.items()):
            used, frame_rows[:, column] = np.unique(frame_rows[:, column], return_inverse=True)
            frames[camera] = recorded.chosen(used)
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
            idle=self.idle[chosen],
            intervention=self.intervention[chosen],
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
    near_home: Callable[[np.ndarray], np.ndarray] = lambda q: q,
    action_dim: int = 0,
    at_s: np.ndarray | None = None,
) -> WindowSet:
    """Cut one window per policy step out of `episode`, also those without a valid label; decodes no frame.

    Windows within `pre_intervention_s` before a take-over are marked as such. `future_steps`: policy steps
    from a window to observations to come that go with it. `near_home`: joint positions (..., J) without the
    whole turns that the state does not see. `action_dim`: A, where no control step tells. `at_s` (K,): a
    window for each observation of one of these times, if there was one, in place of one per policy step.
    """
    unknown = {camera.name for camera in spec.cameras} - set(episode.frames)
    if unknown:
        raise DataError(f"episode {episode.meta.id}: cameras={sorted(unknown)} were not recorded")
    assembler = Assembler(of_one_pixel(spec), state_of, latency_s)
    replay = Replay(numbered(episode), assembler)
    shown = list(replay.run())
    on_grid = _on_grid(shown, spec.dt_s) if at_s is None else _at(shown, np.sort(at_s))
    ticks = list(on_grid.values())
    t_ref_s = np.array([tick.t_ref_s for tick in ticks])
    part = np.array([part for part, _ in on_grid], dtype=int)
    labels = _cut_parts(episode.steps, t_ref_s, part, replay.set_backs, spec.dt_s, horizon, action_space)
    if not len(episode.steps):
        nothing = np.zeros((len(ticks), horizon, action_dim), dtype=np.float32)
        labels = replace(labels, actions=nothing)
    if action_space == "joint_position" and len(episode.steps) and ticks:
        labels = _in_turn_of_state(labels, np.array([tick.positions_rad[-1] for tick in ticks]), near_home)
    used, frame_rows, frame_index = _gather_frames(on_grid, spec)
    frames = {camera: episode.frames[camera].chosen(rows) for camera, rows in used.items()}
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
        labels.idle,
        labels.intervention,
        _remark(episode, replay, labels),
        _look_ahead(list(on_grid), frame_index, state, future_steps) if future_steps else None,
        episode.meta.credit,
        episode.meta.weight,
        _ends(episode.steps),
    )


def _ends(steps: Steps) -> dict[int, float]:
    """Return when the expert drove last, by take-over."""
    ended_s: dict[int, float] = {}
    expert = steps.source == StepSource.EXPERT
    for take_over, stamp_s in zip(steps.intervention_id[expert], steps.stamp_s[expert], strict=True):
        ended_s[int(take_over)] = max(float(stamp_s), ended_s.get(int(take_over), -np.inf))
    return ended_s


def _cut_parts(
    steps: Steps,
    t_ref_s: np.ndarray,
    part: np.ndarray,
    set_backs: int,
    dt_s: float,
    horizon: int,
    action_space: str,
) -> Labels:
    """Cut the labels of the windows at `t_ref_s` (N,), each with the steps between the same two set-backs."""
    parts = between_set_backs(steps)
    if len(parts) != set_backs + 1:  # after the first one nobody knows which steps belong to which windows
        nothing = replace(steps, **{field.name: getattr(steps, field.name)[:0] for field in fields(steps)})
        parts = [parts[0], *[nothing] * set_backs]
    cut = [
        cut_labels(parts[n], t_ref_s[part == n], dt_s, horizon, action_space) for n in range(set_backs + 1)
    ]
    columns = {
        name.name: np.concatenate([getattr(labels, name.name) for labels in cut]) for name in fields(Labels)
    }
    return Labels(**columns)


def _in_turn_of_state(labels: Labels, q: np.ndarray, near_home: Callable[[np.ndarray], np.ndarray]) -> Labels:
    """Return joint labels less the whole turns that the states do not show, with the arm at `q` (N, J).

    All labels of a window by the same turns: a window in which the joint passes half a turn has no jump.
    """
    actions = labels.actions.copy()
    actions[..., : q.shape[1]] -= (q - near_home(q))[:, None]
    return replace(labels, actions=actions)


def _remark(episode: Episode, replay: Replay, labels: Labels) -> str:
    """Say what is lost of an episode, or why a demonstration gives no label; empty: neither."""
    remarks = [f"repaired: {episode.meta.repaired}"] if episode.meta.repaired else []
    if replay.set_backs:
        remarks.append(f"set-backs of the clock: {replay.set_backs}")
    unused = {name: n for name, n in replay.unused.items() if replay.set_backs or name != JOINTS}
    if unused:
        remarks.append(
            f"late or repeated samples: {', '.join(f'{n} of {name}' for name, n in unused.items())}"
        )
    if disorder := sum(map(out_of_order, between_set_backs(episode.steps))):
        remarks.append(f"control steps stamped before one that came earlier: {disorder}")
    if episode.meta.kind == "demonstration" and not labels.mask[:, 0].any():
        if not len(labels.mask):
            remarks.append(f"no observation: {replay.missing or 'no sample'}")
        elif not (episode.steps.source == StepSource.EXPERT).any():
            remarks.append("no label: the expert drove no control step")
        else:
            remarks.append("no label: the expert drove, but without observations at those times")
    return "; ".join(remarks)


def _on_grid(selections: list[tuple[int, Selection]], dt_s: float) -> dict[tuple[int, int], Selection]:
    """Return the observation nearest to each policy step.

    They are numbered by the set-backs before them, and in `dt_s` from the first observation after each.
    """
    nearest: dict[tuple[int, int], Selection] = {}
    start_s: dict[int, float] = {}
    for part, selection in selections:
        begin_s = start_s.setdefault(part, selection.t_ref_s)
        slot = part, round((selection.t_ref_s - begin_s) / dt_s)
        due_s = begin_s + slot[1] * dt_s
        if slot not in nearest or abs(selection.t_ref_s - due_s) < abs(nearest[slot].t_ref_s - due_s):
            nearest[slot] = selection
    return dict(sorted(nearest.items()))


def _at(selections: list[tuple[int, Selection]], at_s: np.ndarray) -> dict[tuple[int, int], Selection]:
    """Return the observations of the times `at_s` (K,), ascending; numbered in their order."""
    found = {}
    for nth, (part, selection) in enumerate(selections):
        after = np.searchsorted(at_s, selection.t_ref_s - SAME_TIME_S)
        if after < len(at_s) and at_s[after] <= selection.t_ref_s + SAME_TIME_S:
            found[part, nth] = selection
    return found


def _look_ahead(
    steps: list[tuple[int, int]], frame_index: np.ndarray, state: np.ndarray, future_steps: Sequence[int]
) -> FutureSet:
    """Return the newest frame and state of the windows `future_steps` after each one; `steps` are theirs."""
    row_of = {step: row for row, step in enumerate(steps)}
    later = [[(part, step + ahead) for ahead in future_steps] for part, step in steps]
    rows = np.array([[row_of.get(step, -1) for step in ahead] for ahead in later], dtype=int)
    rows = rows.reshape(len(steps), len(future_steps))
    mask = rows >= 0
    rows = np.where(mask, rows, np.arange(len(steps))[:, None])
    return FutureSet(frame_index[rows, -1], state[rows, -1], mask)


def _gather_frames(
    ticks: dict[tuple[int, int], Selection], spec: ObservationSpec
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return the distinct frames of each camera (K,), and the distinct moments of all as rows of them."""
    cameras = [camera.name for camera in spec.cameras]
    numbers: dict[str, dict[int, int]] = {camera: {} for camera in cameras}
    moments: dict[tuple[int, ...], int] = {}
    frame_index = np.zeros((len(ticks), spec.observation_steps), dtype=np.int64)
    for n, tick in enumerate(ticks.values()):
        for k in range(spec.observation_steps):
            moment = []
            for camera in cameras:
                frame = number(np.asarray(tick.frames[camera][k].image))
                moment.append(numbers[camera].setdefault(frame, len(numbers[camera])))
            frame_index[n, k] = moments.setdefault(tuple(moment), len(moments))
    frame_rows = np.array(list(moments), dtype=np.int64).reshape(len(moments), len(cameras))
    used = {camera: np.array(list(frames), dtype=np.int64) for camera, frames in numbers.items()}
    return used, frame_rows, frame_index


def _classify(labels: Labels, demonstration: bool, pre_intervention_s: float) -> np.ndarray:
    """Return the WindowClass of each window (N,)."""
    policy = labels.driver == StepSource.POLICY
    return np.select(
        [labels.mask[:, 0], policy & (labels.expert_in_s <= pre_intervention_s), policy],
        [
            WindowClass.DEMONSTRATION if demonstration else WindowClass.INTERVENTION,
            WindowClass.PRE_INTERVENTION,
            WindowClass.POLICY,
        ],
        WindowClass.IDLE,
    )
