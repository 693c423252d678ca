import pytest
from builtin_interfaces.msg import Time
from drift_ros.clock import to_seconds, to_stamp


def test_a_stamp_and_its_seconds_agree():
    assert to_seconds(Time(sec=12, nanosec=500_000_000)) == 12.5
    assert to_stamp(12.5) == Time(sec=12, nanosec=500_000_000)
    assert to_stamp(1.9999999999) == Time(sec=2, nanosec=0)


def test_present_day_seconds_keep_a_microsecond():
    stamp = Time(sec=1_795_000_000, nanosec=123_456_000)
    assert to_seconds(to_stamp(to_seconds(stamp))) == pytest.approx(to_seconds(stamp), abs=1e-6)
