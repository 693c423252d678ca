"""The kills are judged: whatever is lost, torn, foreign or left, or goes on too late, fails the run."""

import pytest
from acceptance.kills import is_wrong

ROW = {
    "target": "trainer", "kills": 3, "median_s": 9.0, "max_s": 20.0,
    "lost": 0, "torn": 0, "foreign": 0, "left": 0,
}  # fmt: skip


def test_a_row_of_kills_that_cost_nothing_is_right():
    assert not is_wrong(ROW)


@pytest.mark.parametrize(
    "change",
    [{"lost": 1}, {"torn": 1}, {"foreign": 1}, {"left": 1}, {"max_s": 20.1}, {"max_s": float("inf")}],
)
def test_each_loss_and_a_stream_that_stands_too_long_is_wrong(change):
    assert is_wrong(ROW | change)
