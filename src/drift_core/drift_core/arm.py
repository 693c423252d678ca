"""What learning knows of an arm; `drift_control` has the arms themselves."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

POINT = "point"  # stands for the arm's name in episodes and checkpoints of a task without arm


class ArmModel(Protocol):
    """An arm, as far as its name, its joints and its state count."""

    @property
    def name(self) -> str:
        """Name of the arm, as in its file and in every checkpoint."""

    @property
    def n_joints(self) -> int:
        """Number of joints J."""

    def near_home(self, q: np.ndarray) -> np.ndarray:
        """Return joint positions (..., J) [rad] without the whole turns by which they are away from home."""

    def state(self, q: np.ndarray, gripper_m: float) -> np.ndarray:
        """Return the state (S,) at joint positions (J,) [rad] and gripper opening [m], without turns."""


def state_of(arm: ArmModel | None) -> Callable[[np.ndarray, float], np.ndarray]:
    """Return what makes a state (S,) of positions (J,) and an opening [m]; without an arm they are it."""
    return _as_it_is if arm is None else arm.state


def _as_it_is(positions: np.ndarray, gripper_m: float) -> np.ndarray:
    return positions
