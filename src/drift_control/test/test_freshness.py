import math

import pytest
from drift_control.freshness import ClockWatch, Freshness, ahead
from drift_control.inputs import Now


def test_never_received_is_infinitely_old():
    assert Freshness(timeout_s=0.2).age_s(Now(5.0, 5.0)) == math.inf


def test_a_stamp_may_be_30_ms_ahead_of_the_clock_and_not_more():
    assert ahead(100.03, ros_s=100.0) == "" == ahead(50.0, ros_s=100.0)
    assert ahead(1100.0, ros_s=100.0) == "the stamp is 1000.00 s ahead of the clock, allowed: 0.03 s"


def test_age_is_steady_time_since_arrival():
    freshness = Freshness(timeout_s=0.2)
    assert freshness.update(stamp_s=100.0, arrival_s=2.0)
    assert freshness.age_s(Now(steady_s=2.25, ros_s=0.0)) == 0.25


def test_a_stamp_that_stands_still_does_not_make_an_item_fresh():
    freshness = Freshness(timeout_s=0.2)
    freshness.update(100.0, 2.0)
    assert not freshness.update(100.0, 3.0)
    assert not freshness.update(math.nan, 3.0)
    assert freshness.age_s(Now(3.0, 0.0)) == 1.0


def test_a_stamp_that_went_back_counts_after_a_silence_but_one_that_stands_still_never_does():
    freshness = Freshness(timeout_s=0.2)
    assert freshness.update(100.0, 2.0)
    assert not freshness.update(70.0, 2.19)
    assert freshness.update(70.0, 2.21)
    assert not freshness.update(70.0, 9.0)


def test_the_same_item_handed_in_again_is_no_news_even_if_its_stamp_was_forgotten():
    freshness = Freshness(timeout_s=0.2)
    freshness.update(100.0, 2.0)
    freshness.forget_stamp()
    assert not freshness.update(100.0, 2.0)
    assert freshness.update(10.0, 2.02)


@pytest.mark.parametrize(("ros_s", "jump"), [(10.02, None), (10.3, None), (9.9, -0.1), (10.53, 0.53)])
def test_ros_time_may_not_go_back_nor_half_a_second_ahead(ros_s, jump):
    clock = ClockWatch(jump_s=0.5)
    assert clock.check(Now(1.0, 10.0)) is None
    assert clock.check(Now(1.02, ros_s)) == (jump if jump is None else pytest.approx(jump))


def test_a_long_pause_of_both_clocks_is_no_jump():
    clock = ClockWatch(jump_s=0.5)
    clock.check(Now(1.0, 10.0))
    assert clock.check(Now(4.0, 13.0)) is None
