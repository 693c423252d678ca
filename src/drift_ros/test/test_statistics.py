import pytest
from drift_ros.statistics import EventRate, Percentiles


def test_percentiles_of_one_to_a_hundred():
    latency = Percentiles(size=100)
    for value in range(-50, 101):  # the first 51 are forgotten
        latency.add(float(value))
    summary = latency.summary()
    assert (summary.count, summary.p50, summary.max) == (100, 50.5, 100.0)
    assert summary.p99 == pytest.approx(99.01)


def test_ten_events_in_five_seconds_are_two_hertz():
    rate = EventRate(window_s=5.0)
    for k in range(10):
        rate.add(k * 0.5)
    assert rate.hz(4.5) == 2.0
    assert rate.hz(20.0) == 0.0
