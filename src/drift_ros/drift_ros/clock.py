"""Clocks: ages are measured on the steady clock, stamps are ROS time; pure code sees float seconds."""

import time

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType

NANOSECONDS = 1_000_000_000


def steady_s() -> float:
    """Return the steady time in seconds: never set, never jumps, the same for all processes of a machine."""
    return time.monotonic()


def steady_clock() -> Clock:
    """Return a clock for timers that must keep running when /clock stops."""
    return Clock(clock_type=ClockType.STEADY_TIME)


def to_seconds(stamp: Time) -> float:
    """Return a message stamp in seconds."""
    return stamp.sec + stamp.nanosec / NANOSECONDS


def to_stamp(seconds: float) -> Time:
    """Return `seconds` (not negative) as a message stamp, rounded to a nanosecond."""
    whole = int(seconds)
    nanosec = round((seconds - whole) * NANOSECONDS)
    return Time(sec=whole + nanosec // NANOSECONDS, nanosec=nanosec % NANOSECONDS)


def ros_s(clock: Clock) -> float:
    """Return the time of a node's clock in seconds (system time, or /clock with use_sim_time)."""
    return clock.now().nanoseconds / NANOSECONDS
