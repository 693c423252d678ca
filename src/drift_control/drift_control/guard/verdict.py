"""What a rule says when it objects."""

from dataclasses import dataclass
from enum import IntEnum

from drift_control.gate.state import GuardFlag, Reason


class Reaction(IntEnum):
    """How strongly the gate reacts, from mild to strong."""

    CLAMP = 1  # execute less than was asked for, and count it
    HOLD = 2  # decelerate to standstill; a chunk of the next epoch may go on
    HELP = 3  # decelerate to standstill and wait for the person
    FAULT = 4  # decelerate to standstill, latched until an explicit arm


@dataclass(frozen=True)
class GuardVerdict:
    """One objection."""

    reaction: Reaction
    reason: Reason
    text: str  # the reason in words, with values
    flag: GuardFlag = GuardFlag.NONE
