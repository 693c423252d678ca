"""The fault injection judges its rows: one that is not as it must be fails the run."""

import pytest
from acceptance.verdict import Expected, conclude, objections

HOLD = Expected("HOLD", "BAD_CHUNK", 100.0)
ROW = {
    "fault": "chunk with NaN", "detect_ms": 11.0, "decel_start_ms": 11.0, "standstill_ms": 91.0,
    "allowed_standstill_ms": 164.0, "max_joint_step_rad": 0.012, "max_commanded_tcp_speed": 0.15,
    "state": "HOLD", "reason": "BAD_CHUNK", "recovered": True,
}  # fmt: skip
GOES_ON = ROW | dict.fromkeys(("detect_ms", "standstill_ms", "allowed_standstill_ms"))
GOES_ON |= {"state": "POLICY", "reason": "NONE"}


def test_rows_as_they_must_be_are_not_objected_to():
    assert objections(ROW, HOLD, 0.02) == []
    assert objections(GOES_ON, Expected("POLICY"), 0.02) == []
    ended = ROW | {"state": "ended", "reason": "expert_gate was killed (SIGKILL)", "recovered": None}
    assert objections(ended, Expected("ended", "expert_gate", 1500.0), 0.02) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "POLICY"}, "state=POLICY must be HOLD"),
        ({"reason": "CHUNK_STALE"}, "reason=CHUNK_STALE must be BAD_CHUNK"),
        ({"detect_ms": 101.0}, "detect_ms=101 must be at most 100"),
        ({"detect_ms": None}, "detect_ms=– must be at most 100"),
        ({"standstill_ms": 165.0}, "standstill_ms=165 must be at most 164"),
        ({"standstill_ms": None}, "standstill_ms=–: the arm must come to rest"),
        ({"max_commanded_tcp_speed": 0.26}, "max_commanded_tcp_speed=0.2600 must be at most 0.2500"),
        ({"max_joint_step_rad": 0.021}, "max_joint_step_rad=0.0210 must be at most 0.0200"),
        ({"recovered": False}, "the same driver must move the arm again once the cause is gone"),
    ],
)
def test_each_figure_that_is_wrong_is_named_with_what_it_must_be(changes, said):
    assert objections(ROW | changes, HOLD, 0.02) == [said]


def test_a_hold_where_nothing_may_happen_is_wrong():
    assert objections(GOES_ON | {"detect_ms": 40.0}, Expected("POLICY"), 0.02) == [
        "detect_ms=40: nothing may happen"
    ]


def test_one_wrong_row_makes_the_exit_code_1(capsys):
    rows = [ROW | {"wrong": ""}, ROW | {"fault": "sim SIGKILL", "wrong": "state=running must be ended"}]
    assert (conclude(rows[:1]), conclude(rows)) == (0, 1)
    assert capsys.readouterr().out.splitlines() == [
        "1 faults, wrong: 0",
        "sim SIGKILL: state=running must be ended",
        "2 faults, wrong: 1",
    ]
