import pytest
from drift_core.intervals import paired_difference, success_rate


def test_wilson_interval_of_eight_in_ten_is_the_textbook_one():
    rate = success_rate([True] * 8 + [False] * 2)
    assert rate.value == 0.8
    assert rate.low == pytest.approx(0.4902, abs=1e-4)
    assert rate.high == pytest.approx(0.9433, abs=1e-4)


def test_no_success_at_all_still_has_an_upper_bound():
    rate = success_rate([False] * 10)
    assert rate.low == 0.0
    assert rate.high == pytest.approx(0.2775, abs=1e-4)  # z² / (n + z²)


def test_a_rate_reads_as_count_percentage_and_interval():
    assert str(success_rate([True] * 8 + [False] * 2)) == "8/10 = 80 % [49, 94]"


def test_paired_difference_counts_gains_minus_losses():
    before = [False, False, True, True]
    after = [True, True, False, True]
    difference = paired_difference(before, after)
    assert difference.value == 0.25  # two gained, one lost, of four
    assert difference.low < 0.25 < difference.high


def test_unpaired_rollouts_are_refused():
    with pytest.raises(ValueError, match=r"before \(1\) and after \(2\) must pair up"):
        paired_difference([True], [True, False])
