"""The hand of a scripted expert: what it reads of the gate, and what it does with the stick."""

from dataclasses import dataclass
from typing import Literal

from drift_control.gate.state import State

Mode = Literal["demonstrate", "correct"]  # drive all the time, or take over when the policy goes wrong


@dataclass(frozen=True)
class GateView:
    """What the expert reads of the gate."""

    state: State
    armed: bool
    epoch: int


@dataclass(frozen=True)
class ScriptedStick:
    """One joystick reading."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]
