"""What pages are told of who is in trouble, and what to do about it."""

from drift_console_node.exchange import Seen
from drift_console_node.remedies import is_trouble, remedy
from drift_console_node.state_message import faults
from drift_control.gate.state import Reason


def gate(reason, state="HOLD", since_s=90.0):
    return Seen({"state": state, "reason": reason, "text": f"{reason} in words", "since_s": since_s}, 100.0)


def node(level, message="", arrival_s=99.0, since_s=95.0):
    return Seen({"level": level, "message": message, "since_s": since_s}, arrival_s)


def test_every_reason_that_tells_of_trouble_has_something_to_do():
    assert [reason.name for reason in Reason if is_trouble(reason.name) and not remedy(reason.name)] == []
    assert not is_trouble("NONE") and not is_trouble("WAITING_FOR_CHUNK") and not is_trouble("NOT_ARMED")
    assert is_trouble("reason 99") and remedy("reason 99") is None  # of a newer gate


def test_the_worst_comes_first_with_its_remedy_and_since_when():
    seen = {
        "gate": gate("PROTECTIVE_STOP", "FAULT"),
        "policy": Seen({}, 99.0),
        "node policy": node(1, "camera front: nothing for 1.2 s"),
        "node trainer": node(0),
        "node sim": node(2, "rendering failed", since_s=60.0),
        "node planner": node(0, arrival_s=80.0),
    }
    found = faults(seen, 100.0)
    assert [(fault["from"], fault["level"], fault["since_s"]) for fault in found] == [
        ("planner", 2, 5.0), ("gate", 2, 10.0), ("sim", 2, 40.0), ("policy", 1, 5.0),
    ]  # fmt: skip
    assert found[0]["what"] == "says nothing for 20 s" and "logs/planner.log" in found[0]["do"]
    assert "pendant" in found[1]["do"]


def test_what_the_gate_says_is_not_said_twice():
    seen = {"gate": gate("JOY_LOST"), "node expert_gate": node(1, "HOLD: JOY_LOST in words")}
    assert [fault["from"] for fault in faults(seen, 100.0)] == ["gate"]
    seen["node expert_gate"] = node(1, arrival_s=90.0)
    assert {fault["from"] for fault in faults(seen, 100.0)} == {"gate", "expert_gate"}
    assert faults({"gate": gate("NONE", "POLICY"), "node policy": node(0)}, 100.0) == []
