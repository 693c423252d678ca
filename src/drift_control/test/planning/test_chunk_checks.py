"""A planner's verdict on a chunk arrives whenever it does, and counts in the epoch of that chunk."""

import numpy as np
import pytest
from drift_control.gate.state import Reason, State
from drift_control.inputs import ChunkVerdict
from drift_control.planning.chunk import chunk_joints
from drift_control.robot.pose import pose_to_action


@pytest.fixture
def driven(new_bench):
    """An armed gate, and the chunk that its policy drives from."""
    bench = new_bench()
    bench.tick(arm=True)
    chunk = bench.line((0.02, 0.0, 0.0))
    bench.tick(chunk=chunk)
    assert bench.tick().state is State.POLICY
    return bench, chunk


def verdict(chunk, text="step 3 of chunk 1: the arm would enter keep-out box post"):
    return ChunkVerdict(chunk.id, chunk.epoch, text)


def test_a_chunk_that_a_planner_finds_in_collision_ends_in_a_hold_with_the_reason(driven):
    bench, chunk = driven
    tick = bench.tick(chunk_verdict=verdict(chunk))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.COLLISION)
    assert tick.text == "step 3 of chunk 1: the arm would enter keep-out box post"
    assert tick.epoch == chunk.epoch + 1 and tick.armed
    bench.run(1.0)
    assert np.array_equal(bench.commands[-1], bench.commands[-2])
    bench.tick(chunk=bench.line((0.02, 0.0, 0.0)))
    assert bench.tick().state is State.POLICY  # a fresh chunk drives again


def test_a_verdict_without_an_objection_or_on_another_chunk_changes_nothing(driven):
    bench, chunk = driven
    assert bench.tick(chunk_verdict=verdict(chunk, "")).state is State.POLICY
    old = ChunkVerdict(chunk.id + 7, chunk.epoch, "late")
    assert bench.tick(chunk_verdict=old).state is State.POLICY
    void = ChunkVerdict(chunk.id, chunk.epoch - 1, "of an older epoch")
    assert bench.tick(chunk_verdict=void).state is State.POLICY


def test_a_verdict_that_is_there_in_the_same_tick_as_its_chunk_counts(driven):
    bench, _ = driven
    chunk = bench.line((0.02, 0.0, 0.0))
    tick = bench.tick(chunk=chunk, chunk_verdict=verdict(chunk))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.COLLISION)


def test_a_verdict_on_a_chunk_that_was_replaced_meanwhile_counts(driven):
    bench, first = driven
    bench.tick(chunk=bench.line((0.02, 0.0, 0.0)))
    bench.run(0.1)
    tick = bench.tick(chunk_verdict=verdict(first))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.COLLISION)


def test_a_chunk_that_waits_while_the_person_drives_is_not_begun_and_she_goes_on(driven):
    bench, _ = driven
    bench.run(0.2, joy=lambda: bench.stick((0.0, 0.05, 0.0)))
    tick = bench.tick(chunk_verdict=ChunkVerdict(1, 1, "late"), joy=bench.stick((0.0, 0.05, 0.0)))
    assert tick.state is State.EXPERT


def test_the_joints_of_a_chunk_of_poses_are_found_one_from_the_other(panda):
    poses = [panda.forward(panda.home + 0.02 * k) for k in range(1, 5)]
    data = np.array([pose_to_action(pose, 0.04) for pose in poses])

    class Chunk:
        action_space = "tcp_pose"

    Chunk.data = data
    q = chunk_joints(panda, Chunk, panda.home)
    assert q.shape == (4, 7)
    for found, pose in zip(q, poses, strict=True):
        assert np.allclose(panda.forward(found).position, pose.position, atol=1e-4)
