"""The pulled cable is judged by what the gate says after it was pulled."""

import json
import subprocess
import sys

import pytest
from acceptance.two_machines import states, until
from drift_interfaces.msg import GateState

POLICY, HOLD = int(GateState.POLICY), int(GateState.HOLD)


def watching(*lines: tuple[int, float, int]) -> "subprocess.Popen[str]":
    """A program that says these states and their times, and ends."""
    said = "\n".join(json.dumps({"state": s, "at_s": at_s, "version": v}) for s, at_s, v in lines)
    return subprocess.Popen([sys.executable, "-c", f"print({said!r})"], stdout=subprocess.PIPE, text=True)


def test_a_hold_from_before_the_cable_was_pulled_does_not_count() -> None:
    with watching(
        (POLICY, 1.0, 1), (HOLD, 2.0, 1), (POLICY, 2.2, 1), (HOLD, 5.7, 1), (POLICY, 9.0, 1)
    ) as process:
        assert until(process, POLICY, since_s=0.0)["at_s"] == 1.0
        assert until(process, HOLD, since_s=5.0)["at_s"] == 5.7
        assert until(process, POLICY, since_s=8.0)["at_s"] == 9.0


def test_a_version_is_awaited_and_what_was_said_until_then_is_known() -> None:
    with watching((POLICY, 1.0, 1), (HOLD, 2.0, 1), (POLICY, 2.2, 1), (POLICY, 5.7, 3)) as process:
        said, again = states(process, 3)
    assert again["at_s"] == 5.7 and [line["state"] for line in said] == [POLICY, HOLD, POLICY, POLICY]


def test_a_state_that_never_comes_is_an_error_once_the_watch_ends() -> None:
    with watching((HOLD, 2.0, 1)) as process, pytest.raises(RuntimeError, match="ended without state=0"):
        until(process, HOLD, since_s=5.0)
