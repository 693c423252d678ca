import re
from pathlib import Path

import pytest
from drift_control.gate.state import GuardFlag, Reason, Source, State

MESSAGES = Path(__file__).resolve().parents[3] / "drift_interfaces/msg"


def constants(message, prefix):
    """Return the constants of a message by name, without the prefix."""
    text = (MESSAGES / message).read_text()
    found = re.findall(rf"^uint\d+ {prefix}([A-Z_]+)=(\d+)", text, flags=re.MULTILINE)
    return {name: int(value) for name, value in found}


@pytest.mark.parametrize(
    ("enum", "message", "prefix"),
    [
        (Reason, "GateState.msg", "REASON_"),
        (Source, "Step.msg", "SOURCE_"),
        (GuardFlag, "Step.msg", "GUARD_"),
    ],
)
def test_enums_equal_the_messages(enum, message, prefix):
    ours = {name: int(member) for name, member in enum.__members__.items()}
    if enum is GuardFlag:
        ours.pop("NONE")
    assert ours == constants(message, prefix)


def test_states_equal_the_message():
    theirs = {k: v for k, v in constants("GateState.msg", "").items() if not k.startswith("REASON_")}
    assert {member.name: int(member) for member in State} == theirs
