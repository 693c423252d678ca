"""Rules for a chunk that has just arrived."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drift_control.chunks.clock import STEPS_MAX
from drift_control.freshness import ahead
from drift_control.gate.config import GateConfig
from drift_control.gate.state import Reason
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.inputs import Chunk, Now
from drift_control.robot.robot import Robot


class IntakeRule(Protocol):
    """Object to a chunk, or return None."""

    def check(self, chunk: Chunk, now: Now) -> GuardVerdict | None: ...


def _bad(text: str) -> GuardVerdict:
    return GuardVerdict(Reaction.HOLD, Reason.BAD_CHUNK, text)


@dataclass(frozen=True)
class ChunkShape:
    """The right width for the action space, at least one step, a positive dt."""

    n_joints: int

    def check(self, chunk: Chunk, now: Now) -> GuardVerdict | None:
        widths = {"tcp_pose": 10, "joint_position": self.n_joints + 1}
        if chunk.action_space not in widths:
            return _bad(f"action_space={chunk.action_space!r} must be one of {sorted(widths)}")
        shape = np.shape(chunk.data)
        width = widths[chunk.action_space]
        if len(shape) != 2 or not 1 <= shape[0] <= STEPS_MAX or shape[1] != width:
            return _bad(f"data of chunk {chunk.id} must be (1..{STEPS_MAX}, {width}), got {shape}")
        if not 1e-3 <= chunk.dt_s <= 10.0:
            return _bad(f"dt_s={chunk.dt_s} of chunk {chunk.id} must lie in [0.001, 10]")
        return None


@dataclass(frozen=True)
class ChunkFinite:
    """All finite, no number too large for a length or angle, rotation columns that span a plane."""

    limit: float = 100.0  # [m] or [rad]

    def check(self, chunk: Chunk, now: Now) -> GuardVerdict | None:
        if not np.isfinite((chunk.stamp_s, chunk.oldest_input_s)).all():
            return _bad(f"stamps of chunk {chunk.id} must be finite")
        if not np.isfinite(chunk.data).all():
            return _bad(f"data of chunk {chunk.id} must be finite")
        if np.abs(chunk.data).max() > self.limit:
            return _bad(f"data of chunk {chunk.id} must stay within +-{self.limit}")
        if chunk.action_space == "tcp_pose":
            first, second = chunk.data[:, 3:6], chunk.data[:, 6:9]
            area = np.linalg.norm(np.cross(first, second), axis=1)
            if area.min() < 1e-3 or np.linalg.norm(first, axis=1).min() < 1e-3:
                return _bad(f"rotation columns of chunk {chunk.id} must span a plane")
        return None


@dataclass(frozen=True)
class ChunkNotAhead:
    """Neither the chunk nor its oldest input is from the future."""

    def check(self, chunk: Chunk, now: Now) -> GuardVerdict | None:
        objection = ahead(max(chunk.stamp_s, chunk.oldest_input_s), now.ros_s)
        return _bad(f"chunk {chunk.id}: {objection}") if objection else None


@dataclass(frozen=True)
class CameraFresh:
    """The oldest camera or joint sample behind the chunk is young enough at its arrival."""

    timeout_s: float

    def check(self, chunk: Chunk, now: Now) -> GuardVerdict | None:
        age_s = now.ros_s - chunk.oldest_input_s
        if age_s <= self.timeout_s:
            return None
        text = f"oldest input of chunk {chunk.id} is {age_s:.2f} s old, allowed: {self.timeout_s}"
        return GuardVerdict(Reaction.HOLD, Reason.CAMERA_STALE, text)


def intake_rules(config: GateConfig, robot: Robot) -> list[IntakeRule]:
    """Return the rules in order: later ones rely on earlier ones."""
    return [
        ChunkShape(robot.n_joints),
        ChunkFinite(),
        ChunkNotAhead(),
        CameraFresh(config.camera_timeout_s),
    ]
