"""Which stamps are believed."""

from drift_core.observation.stamps import Ordering, StampOrder

IN_ORDER, LATE, SET_BACK = Ordering.IN_ORDER, Ordering.LATE, Ordering.SET_BACK


def take(order, source, *stamps_s):
    return [order.take(source, stamp_s) for stamp_s in stamps_s]


def test_small_disorder_is_order():
    assert take(StampOrder(), "front", 10.0, 10.2, 10.1, 9.2) == [IN_ORDER] * 4


def test_single_late_stamps_are_late_and_change_nothing():
    order = StampOrder()
    assert take(order, "front", 10.0, 8.7, 10.1, 8.8, 10.2, 8.9) == [IN_ORDER, LATE] * 3
    assert order.behind_s("front", 8.7) == 1.5


def test_three_old_stamps_in_a_row_that_go_on_are_a_clock_that_was_set_back():
    order = StampOrder()
    assert take(order, "front", 10.0, 3.0, 3.1, 3.2, 3.3) == [IN_ORDER, LATE, LATE, SET_BACK, IN_ORDER]


def test_an_old_stamp_that_stands_still_is_no_clock():
    assert take(StampOrder(), "joints", 10.0, 3.0, 3.0, 3.0, 3.0) == [IN_ORDER] + [LATE] * 4


def test_a_clock_that_is_set_back_twice_is_counted_from_the_second_time():
    assert take(StampOrder(), "front", 10.0, 3.0, 3.1, 1.0, 1.1, 1.2) == [IN_ORDER] + [LATE] * 4 + [SET_BACK]


def test_sources_are_judged_by_themselves_and_forgotten_together():
    order = StampOrder()
    assert take(order, "front", 10.0) + take(order, "wrist", 5.0, 5.1) == [IN_ORDER] * 3
    assert take(order, "front", 1.0, 1.1, 1.2)[-1] == SET_BACK
    assert take(order, "wrist", 1.2) == [IN_ORDER]
