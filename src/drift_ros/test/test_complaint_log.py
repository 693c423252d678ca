"""What a node lacks is said once, when it has lasted, and when it is over."""

import pytest
from drift_ros.complaint_log import PATIENCE_S, ComplaintLog


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log(said) -> ComplaintLog:
    return ComplaintLog(said.append, said.append)


def test_what_is_over_before_anybody_wonders_is_not_said(log, said):
    for second in range(int(PATIENCE_S)):
        log.take("camera front: never received", float(second))
    for second in range(20):
        log.take("", PATIENCE_S + second)
    assert said == []


def test_what_lasts_is_said_once_whatever_its_numbers_and_its_end_is_said(log, said):
    for second in range(30):
        log.take(f"joint_states: nothing for {second}.5 s", float(second))
    assert said == ["for 5 s: joint_states: nothing for 5.5 s"]
    for second in range(30, 50):
        log.take("", float(second))
    assert said[1:] == ["nothing is wrong any more"]


def test_another_complaint_is_said_and_one_that_flickers_waits_until_it_lasts(log, said):
    for second in range(40):
        log.take(
            "front: never received" if second < 10 or second % 2 else "wrist: never received", float(second)
        )
    assert said == ["for 5 s: front: never received"]
    for second in range(40, 50):
        log.take("wrist: never received", float(second))
    assert said[1:] == ["for 5 s: wrist: never received"]


def test_numbers_in_names_tell_complaints_apart(log, said):
    for second in range(20):
        log.take(f"panda_joint{1 if second < 10 else 4}: never received", float(second))
    for second in range(20, 30):
        log.take("camera_0, camera_1: never received", float(second))
    assert said == [
        "for 5 s: panda_joint1: never received",
        "for 5 s: panda_joint4: never received",
        "for 5 s: camera_0, camera_1: never received",
    ]
