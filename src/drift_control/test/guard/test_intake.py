"""Chunks that must not be executed, and whom they concern: the policy, never the person."""

import numpy as np
import pytest
from drift_control.gate.state import Reason, State


def poisoned(bench, value):
    data = bench.chunk().data.copy()
    data[7, 1] = value
    return data


BAD = {
    "nan": lambda bench: bench.chunk(poisoned(bench, np.nan)),
    "infinite": lambda bench: bench.chunk(poisoned(bench, np.inf)),
    "kilometres": lambda bench: bench.chunk(poisoned(bench, 1000.0)),
    "no rotation": lambda bench: bench.chunk(np.zeros((16, 10))),
    "narrow": lambda bench: bench.chunk(np.zeros((16, 9))),
    "flat": lambda bench: bench.chunk(np.zeros(160)),
    "empty": lambda bench: bench.chunk(np.zeros((0, 10))),
    "other space": lambda bench: bench.chunk(action_space="torque"),
    "other robot": lambda bench: bench.chunk(np.zeros((16, 7)), action_space="joint_position"),
    "no time": lambda bench: bench.chunk(dt_s=0.0),
    "no stamp": lambda bench: bench.chunk(stamp_s=np.nan),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_chunk_holds_the_policy_and_says_so(bench, bad):
    assert bench.tick(chunk=bench.line((0.05, 0, 0))).state is State.POLICY
    bench.run(0.3)
    epoch = bench.ticks[-1].epoch
    tick = bench.tick(chunk=bad(bench))
    assert (tick.state, tick.reason, tick.epoch) == (State.HOLD, Reason.BAD_CHUNK, epoch + 1)
    assert tick.armed and tick.chunks_refused == 1
    bench.run(1.0)
    assert np.array_equal(bench.commands[-1], bench.commands[-2])  # at rest
    assert bench.tick(chunk=bench.chunk()).state is State.POLICY  # and a sound one goes on


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_chunk_does_not_take_the_arm_from_the_person(bench, bad):
    bench.run(0.3, joy=bench.stick)
    epoch = bench.ticks[-1].epoch
    tick = bench.run(0.3, joy=bench.stick, chunk=lambda: bad(bench))
    assert (tick.state, tick.reason, tick.epoch) == (State.EXPERT, Reason.NONE, epoch)
    assert tick.chunks_refused == 15  # one per tick, counted


def test_a_bad_chunk_does_not_interrupt_homing(bench):
    bench.run(0.5, joy=lambda: bench.stick(linear=(0.1, 0, 0)))
    bench.run(0.5, joy=lambda: bench.stick(enabled=False))
    assert bench.tick(home=True).state is State.HOMING
    tick = bench.tick(chunk=BAD["nan"](bench))
    assert (tick.state, tick.chunks_refused) == (State.HOMING, 1)
    tick = bench.run(5.0)
    assert (tick.state, tick.text) == (State.HOLD, "at home")


def test_a_bad_chunk_while_armed_and_waiting_is_said(bench):
    tick = bench.tick(chunk=BAD["nan"](bench))
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.BAD_CHUNK, True)


def test_a_bad_chunk_means_nothing_to_an_arm_that_is_not_armed(new_bench):
    bench = new_bench()
    bench.tick()
    tick = bench.tick(chunk=BAD["nan"](bench))
    assert (tick.state, tick.reason, tick.chunks_refused) == (State.HOLD, Reason.NOT_ARMED, 1)


def test_a_bad_chunk_of_an_old_epoch_is_not_even_counted(bench):
    tick = bench.tick(chunk=bench.chunk(poisoned(bench, np.nan), epoch=bench.ticks[-1].epoch - 1))
    assert (tick.reason, tick.chunks_refused) == (Reason.WAITING_FOR_CHUNK, 0)


def test_a_chunk_from_an_old_camera_image_is_not_executed(bench):
    tick = bench.tick(chunk=bench.chunk(oldest_input_s=bench.ros_s - 0.6))  # camera_timeout_s is 0.5
    assert (tick.state, tick.reason) == (State.HOLD, Reason.CAMERA_STALE)


def test_a_chunk_whose_input_comes_from_the_future_is_not_executed(bench):
    tick = bench.tick(chunk=bench.chunk(oldest_input_s=bench.ros_s + 0.05))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.BAD_CHUNK)
    assert tick.text == "chunk 1: the stamp is 0.05 s ahead of the clock, allowed: 0.03 s"


def test_a_chunk_overtaken_by_a_later_one_is_dropped(bench):
    bench.tick(chunk=bench.chunk())
    newest = bench.run(0.2).chunk_id
    assert bench.tick(chunk=bench.chunk(delay_s=0.4)).chunk_id == newest


def test_when_the_chunk_runs_out_the_arm_decelerates_and_holds(bench):
    bench.tick(chunk=bench.line((0.05, 0, 0), steps=8))  # 0.8 s
    assert bench.run(0.7).state is State.POLICY
    tick = bench.run(1.0)
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.CHUNK_STALE, True)
    assert np.array_equal(bench.commands[-1], bench.commands[-2])


def test_a_chunk_that_arrived_long_ago_is_not_executed_further(bench):
    chunk = bench.line((0.01, 0, 0), steps=40)  # 4 s long; chunk_timeout_s is 1.5
    bench.tick(chunk=chunk)
    assert bench.run(1.4).state is State.POLICY
    assert bench.run(0.2).reason is Reason.CHUNK_STALE
