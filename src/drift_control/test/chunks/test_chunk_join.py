import numpy as np
import pytest
from drift_control.chunks.clock import ChunkClock
from drift_control.chunks.join import ChunkJoin
from drift_control.inputs import Chunk
from drift_control.robot.pose import rotation_6d, rotation_from_vector, rotation_vector


def clock(xs, stamp_s, yaw=0.0, gripper_m=0.0):
    """Return a chunk along x at one yaw about z; step i is due at stamp_s + (i + 1) * 0.1 s."""
    turn = rotation_6d(rotation_from_vector(np.array([0.0, 0.0, yaw])))
    data = np.array([[x, 0.0, 0.0, *turn, gripper_m] for x in xs])
    return ChunkClock(Chunk(1, 1, stamp_s, 0.1, data, "tcp_pose", 1, stamp_s, 0.0), cubic=False)


def joint_clock(q, stamp_s):
    data = np.tile([q, 0.0], (20, 1))
    return ChunkClock(Chunk(1, 1, stamp_s, 0.1, data, "joint_position", 1, stamp_s, 0.0), cubic=False)


def join(old, new, now_s, blend_s=0.2):
    return ChunkJoin(new, ChunkJoin(old, None, 0.0, blend_s), now_s, blend_s)


def x(joined, time_s):
    return joined.at(time_s).pose.position[0]


def test_a_new_chunk_fades_in_along_a_smooth_step():
    # The old chunk stands at 0, the new one at 1 m; u = 0, 1/4, 1/2, 1 of 0.2 s: 3 u^2 - 2 u^3.
    joined = join(clock([0.0] * 20, 10.0), clock([1.0] * 20, 10.0), now_s=10.5)
    found = [x(joined, time_s) for time_s in (10.5, 10.55, 10.6, 10.7, 10.9)]
    assert found == pytest.approx([0.0, 0.15625, 0.5, 1.0, 1.0])


def test_the_twist_is_that_of_the_blend():
    # Halfway the weight grows by 6 u (1 - u) / 0.2 s = 7.5 per second, over 1 m and 0.4 rad.
    joined = join(clock([0.0] * 20, 10.0), clock([1.0] * 20, 10.0, yaw=0.4), now_s=10.5)
    point = joined.at(10.6)
    assert point.twist == pytest.approx([7.5, 0, 0, 0, 0, 3.0])
    assert rotation_vector(point.pose.rotation) == pytest.approx([0, 0, 0.2])


def test_the_old_chunk_runs_alone_until_the_first_due_time_of_the_new_one():
    # Observed at 10.5 s and already there at 10.52 s; its first set-point is due at 10.6 s.
    old = clock(np.arange(20) * 0.01, 10.0)
    joined = join(old, clock([1.0] * 20, 10.5), now_s=10.52)
    assert [x(joined, time_s) for time_s in (10.54, 10.6)] == pytest.approx([0.044, 0.05])


def test_a_chunk_in_the_middle_of_a_blend_goes_on_from_there():
    # At 10.6 s the first blend is halfway, at 0.5 m; the third chunk begins where that leads.
    joined = join(clock([0.0] * 20, 10.0), clock([1.0] * 20, 10.0), now_s=10.5)
    joined = ChunkJoin(clock([0.0] * 20, 10.0), joined, 10.6, 0.2)
    assert x(joined, 10.6) == pytest.approx(0.5)
    # at 10.65 s: (1 - 0.15625) of 3 * 0.75^2 - 2 * 0.75^3 = 0.84375
    assert x(joined, 10.65) == pytest.approx(0.84375 * 0.84375)
    assert x(joined, 10.8) == pytest.approx(0.0)


def test_without_a_blend_or_a_predecessor_a_chunk_begins_at_once():
    new = clock([1.0] * 20, 10.0)
    assert x(join(clock([0.0] * 20, 10.0), new, 10.5, blend_s=0.0), 10.52) == pytest.approx(1.0)
    assert x(ChunkJoin(new, None, 10.5, 0.2), 10.52) == pytest.approx(1.0)


def test_joints_and_gripper_are_blended_alike():
    joined = join(joint_clock(0.0, 10.0), joint_clock(0.2, 10.0), now_s=10.5)
    point = joined.at(10.6)
    assert point.joints == pytest.approx([0.1])
    assert point.joint_velocity == pytest.approx([1.5])  # 7.5 / s * 0.2 rad
    joined = join(clock([0.0] * 20, 10.0, gripper_m=0.08), clock([0.0] * 20, 10.0), now_s=10.5)
    assert joined.at(10.6).gripper_m == pytest.approx(0.04)
