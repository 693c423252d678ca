"""The pulled cable is judged by what the gate says after it was pulled."""

import json
import subprocess
import sys

import pytest
from acceptance.two_machines import until
from drift_interfaces.msg import GateState

POLICY, HOLD = int(GateState.POLICY), int(GateState.HOLD)


def watching(*lines: tuple[int, float]) -> "subprocess.Popen[str]":
    """A program that says these states and their times, and ends."""
    said = "\n".join(json.dumps({"state": state, "at_s": at_s}) for state, at_s in lines)
    return subprocess.Popen([sys.executable, "-c", f"print({said!r})"], stdout=subprocess.PIPE, text=True)


def test_a_hold_from_before_the_cable_was_pulled_does_not_count() -> None:
    with watching((POLICY, 1.0), (HOLD, 2.0), (POLICY, 2.2), (HOLD, 5.7), (POLICY, 9.0)) as process:
        assert until(process, POLICY, since_s=0.0)["at_s"] == 1.0
        assert until(process, HOLD, since_s=5.0)["at_s"] == 5.7
        assert until(process, POLICY, since_s=8.0)["at_s"] == 9.0


def test_a_state_that_never_comes_is_an_error_once_the_watch_ends() -> None:
    with watching((HOLD, 2.0)) as process, pytest.raises(RuntimeError, match="ended without state=0"):
        until(process, HOLD, since_s=5.0)
