"""Time-aligned observations from camera frames and joint samples that arrive in any order.

The same object runs in the policy node, in the in-process loop and in the cutting of training windows, where
the recorded arrivals are replayed: given the same arrivals, all three see the same observation to the bit.

    time        stamp - latency of a camera frame; the stamp of a joint sample
    t_ref       the newest time at which every camera has a sample: the oldest of the cameras' newest frames
                (without cameras: the newest joint sample)
    history     step k back stands for t_ref - k dt: the nearest frame of each camera, at most dt / 2 off, and
                the joints interpolated at t_ref - k dt
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from drift_core.errors import DataError, ShapeError
from drift_core.observation.spec import Image, Observation, ObservationSpec
from drift_core.observation.timeline import SAME_TIME_S, Timeline

StateOf = Callable[[np.ndarray, float], np.ndarray]  # joint positions (J,) [rad], opening [m] -> state (S,)

_SLACK_S = 1.0  # kept beyond the history, for sources that lag behind each other
_MAX_FRAMES = 256  # per camera
_MAX_JOINTS = 4096


@dataclass(frozen=True, eq=False)
class Frame:
    """One camera image."""

    time_s: float  # stamp minus latency
    stamp_s: float
    arrival_s: float
    image: Image


@dataclass(frozen=True, eq=False)
class _Joints:
    positions_rad: np.ndarray  # (J,)
    gripper_m: float


@dataclass(frozen=True)
class Missing:
    """Why there is no observation yet."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """Why a sample was not kept."""

    reason: str


@dataclass(frozen=True, eq=False)
class Selection:
    """The samples that make one observation; step To - 1 is the newest."""

    t_ref_s: float
    frames: dict[str, tuple[Frame, ...]]  # by camera: To frames
    positions_rad: np.ndarray  # (To, J)
    gripper_m: np.ndarray  # (To,)
    oldest_input_s: float


class Assembler:
    """Keep the newest samples of every source and join them into observations."""

    def __init__(self, spec: ObservationSpec, state_of: StateOf, latency_s: Mapping[str, float]) -> None:
        self.spec = spec
        self._state_of = state_of
        self._cameras = {camera.name: camera for camera in spec.cameras}
        if set(latency_s) != set(self._cameras):
            raise DataError(f"latency_s={sorted(latency_s)} must name the cameras {sorted(self._cameras)}")
        self.latency_s = dict(latency_s)
        keep_s = spec.observation_steps * spec.dt_s + _SLACK_S
        self._frames: dict[str, Timeline[Frame]] = {
            name: Timeline(keep_s, _MAX_FRAMES) for name in self._cameras
        }
        self._joints: Timeline[_Joints] = Timeline(keep_s, _MAX_JOINTS)
        self._refused: dict[str, Refused] = {}

    def put_frame(self, camera: str, image: Image, stamp_s: float, arrival_s: float) -> Refused | None:
        """Take an RGB image; None if it was kept. The caller must not write into `image` afterwards."""
        spec = self._cameras.get(camera)
        if spec is None:
            raise DataError(
                f"camera={camera!r} is unknown; allowed: {', '.join(sorted(self._cameras)) or 'none'}"
            )
        if image.shape != (spec.height, spec.width, 3) or image.dtype != np.uint8:
            raise ShapeError(
                f"camera {camera}: image must be ({spec.height}, {spec.width}, 3) uint8, "
                f"got {image.shape} {image.dtype}"
            )
        if not np.isfinite(stamp_s):
            return self._refuse(camera, f"stamp_s={stamp_s} must be finite")
        time_s = stamp_s - self.latency_s[camera]
        if not self._frames[camera].insert(time_s, Frame(time_s, stamp_s, arrival_s, image)):
            return Refused(f"camera {camera}: stamp_s={stamp_s:.6f} is a duplicate or too old")
        self._refused.pop(camera, None)
        return None

    def put_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> Refused | None:
        """Take joint positions (J,) and the gripper's opening; None if they were kept."""
        positions = np.array(positions_rad, dtype=np.float64)
        if positions.ndim != 1:
            raise ShapeError(f"joints: positions_rad must be (J,), got {positions.shape}")
        if self._joints.samples and positions.shape != self._joints.samples[-1].positions_rad.shape:
            expected = self._joints.samples[-1].positions_rad.shape
            raise ShapeError(f"joints: positions_rad must be {expected} as before, got {positions.shape}")
        if not (np.isfinite(positions).all() and math.isfinite(gripper_m)):
            return self._refuse(
                "joints", f"positions_rad={positions.tolist()}, gripper_m={gripper_m} must be finite"
            )
        if not math.isfinite(stamp_s):
            return self._refuse("joints", f"stamp_s={stamp_s} must be finite")
        if not self._joints.insert(stamp_s, _Joints(positions, float(gripper_m))):
            return Refused(f"joints: stamp_s={stamp_s:.6f} is a duplicate or too old")
        self._refused.pop("joints", None)
        return None

    def t_ref_s(self) -> float | None:
        """Return the time a new observation would stand for, None as long as a source never spoke."""
        sources = list(self._frames.values()) if self._frames else [self._joints]
        if not all(source.times_s for source in sources):
            return None
        return min(source.times_s[-1] for source in sources)

    def newest_s(self) -> dict[str, float]:
        """Return the time of the newest sample of each camera that has spoken."""
        return {name: timeline.times_s[-1] for name, timeline in self._frames.items() if timeline.times_s}

    def select(self) -> Selection | Missing:
        """Choose the samples for the newest observation."""
        t_ref_s = self.t_ref_s()
        if t_ref_s is None or not self._joints.times_s:
            return self._never_received()
        dt_s, steps = self.spec.dt_s, self.spec.observation_steps
        times_s = [t_ref_s - k * dt_s for k in range(steps - 1, -1, -1)]
        frames: dict[str, tuple[Frame, ...]] = {}
        for camera, timeline in self._frames.items():
            chosen: list[Frame] = []
            for time_s in times_s:
                at = timeline.nearest(time_s)
                if at is None or abs(timeline.times_s[at] - time_s) > dt_s / 2 + SAME_TIME_S:
                    return self._missing(
                        camera, f"no frame within {dt_s / 2:g} s of t_ref - {t_ref_s - time_s:g} s"
                    )
                chosen.append(timeline.samples[at])
            frames[camera] = tuple(chosen)
        positions, grippers, oldest_s = [], [], t_ref_s
        for time_s in times_s:
            around = self._joints.around(time_s)
            if around is None:
                late = time_s - self._joints.times_s[-1]
                why = f"newest sample is {late:g} s before it" if late > 0 else "no sample that old"
                return self._missing("joints", f"not known at t_ref - {t_ref_s - time_s:g} s: {why}")
            low, high = around
            low_s, high_s = self._joints.times_s[low], self._joints.times_s[high]
            if high_s - low_s > dt_s + SAME_TIME_S:
                return self._missing(
                    "joints", f"gap of {high_s - low_s:g} s at t_ref - {t_ref_s - time_s:g} s"
                )
            before, after = self._joints.samples[low], self._joints.samples[high]
            weight = 0.0 if low == high else (time_s - low_s) / (high_s - low_s)
            positions.append(before.positions_rad + weight * (after.positions_rad - before.positions_rad))
            grippers.append(before.gripper_m + weight * (after.gripper_m - before.gripper_m))
            oldest_s = min(oldest_s, low_s)
        oldest_s = min([oldest_s] + [frame.time_s for chosen in frames.values() for frame in chosen])
        return Selection(t_ref_s, frames, np.array(positions), np.array(grippers), oldest_s)

    def assemble(self) -> Observation | Missing:
        """Return the newest observation, or why there is none."""
        selection = self.select()
        if isinstance(selection, Missing):
            return selection
        images = {
            camera: np.stack([np.asarray(frame.image) for frame in frames])
            for camera, frames in selection.frames.items()
        }
        return Observation(selection.t_ref_s, images, self.state(selection), selection.oldest_input_s)

    def state(self, selection: Selection) -> np.ndarray:
        """Return the states (To, S) float32 of a selection."""
        joints = zip(selection.positions_rad, selection.gripper_m, strict=True)
        state = np.array([self._state_of(q, float(gripper_m)) for q, gripper_m in joints], dtype=np.float32)
        expected = (self.spec.observation_steps, self.spec.state_dim)
        if state.shape != expected:
            raise ShapeError(f"state must be {expected}, got {state.shape}")
        return state

    def reset(self) -> None:
        """Forget all samples, as after a jump of the clock or a new episode."""
        for timeline in self._frames.values():
            timeline.clear()
        self._joints.clear()
        self._refused.clear()

    def _refuse(self, source: str, reason: str) -> Refused:
        self._refused[source] = Refused(f"{source}: {reason}")
        return self._refused[source]

    def _missing(self, source: str, reason: str) -> Missing:
        refused = self._refused.get(source)
        return Missing(f"{source}: {reason}" + (f" (last refused: {refused.reason})" if refused else ""))

    def _never_received(self) -> Missing:
        silent = [camera for camera, timeline in self._frames.items() if not timeline.times_s]
        source = silent[0] if silent else "joints"
        return self._missing(source, "never received")
