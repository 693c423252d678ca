"""In one tick events count in one order, and nothing new begins beside a stop."""

import drift_control.loop
import pytest
from drift_control.gate.gate import Event
from drift_control.gate.state import State


@pytest.fixture
def events(bench, monkeypatch):
    """A function that runs one tick and returns the events that the state machine was told, in order."""
    told = []
    step = drift_control.loop.step

    def note(status, happening):
        told.append(happening.event)
        return step(status, happening)

    monkeypatch.setattr(drift_control.loop, "step", note)

    def run(**inputs):
        told.clear()
        bench.tick(**inputs)
        return list(told)

    return run


def test_a_fault_comes_before_shutdown_stop_and_clock_and_they_hold_all_others_back(bench, events):
    bench.ready(protective_stop=True)
    bench.ros_s += 5.0
    told = events(stop=True, shutdown=True, arm=True, home=True, joy=bench.stick(), chunk=bench.chunk())
    assert told == [Event.FAULT, Event.SHUTDOWN, Event.STOP, Event.CLOCK_JUMP]


def test_the_person_comes_before_requests_and_they_before_a_chunk(bench, events):
    told = events(arm=True, home=True, joy=bench.stick(), chunk=bench.chunk())
    # Home means nothing while she drives, and neither does the chunk.
    assert told == [Event.ENABLE, Event.HOME, Event.CHUNK_READY]
    assert bench.ticks[-1].state is State.EXPERT


def test_each_event_meets_the_state_that_the_earlier_ones_left(bench, events):
    # Letting go raises the epoch, so that the chunk which came with it is void; to arm again is possible.
    bench.tick(joy=bench.stick())
    told = events(arm=True, joy=bench.stick(enabled=False), chunk=bench.chunk())
    assert told == [Event.ENABLE_FREE, Event.RELEASE, Event.ARM]


def test_arming_while_enable_is_held_makes_it_void(bench, events):
    bench.tick(stop=True, joy=bench.stick())
    assert events(arm=True, joy=bench.stick()) == [Event.ARM, Event.ENABLE_VOID]
    assert bench.tick(joy=bench.stick()).state is State.HOLD


def test_a_chunk_that_is_held_back_is_looked_at_when_the_hold_is_over(bench, events):
    bench.joints_silent = True
    bench.run(0.3)  # joint_state_timeout_s is 0.2
    chunk = bench.chunk([[float("nan")] * 10])
    assert Event.BAD_CHUNK not in events(chunk=chunk)
    bench.joints_silent = False
    assert events(chunk=chunk) == [Event.ENABLE_FREE, Event.BAD_CHUNK]
