"""The rolling horizon for a trajectory controller: where the arm goes, and stops if nothing follows."""

import numpy as np


def rolling_horizon(
    command_rad: np.ndarray, last_rad: np.ndarray, low_rad: np.ndarray, high_rad: np.ndarray
) -> np.ndarray:
    """Return three points (3, J), one control period apart: the command, half a step beyond, rest there.

    Each new command replaces the rest of the old horizon; if none comes, the arm slows down and stands.
    """
    beyond = np.clip(command_rad + 0.5 * (command_rad - last_rad), low_rad, high_rad)
    return np.stack([command_rad, beyond, beyond])
