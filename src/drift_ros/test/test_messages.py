"""Between messages and the values of the pure packages."""

import sys
import types
from dataclasses import fields, replace

import numpy as np
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.horizon import Horizon
from drift_control.inputs import Chunk, JoyReading, LeaderReading, PoseReading
from drift_control.tick import Tick
from drift_core.episodes import StepRecord
from drift_core.messages.steps import to_step_record
from drift_interfaces.msg import ActionChunk, GateState, Step
from drift_ros.chunk_message import to_chunk, to_chunk_message
from drift_ros.clock import to_stamp
from drift_ros.device_messages import to_leader_reading, to_pedal, to_pose_reading
from drift_ros.gate_messages import (
    to_gate_state,
    to_joint_state,
    to_joy,
    to_joy_message,
    to_numbers,
    to_step,
    to_trajectory,
)
from drift_ros.images import to_rgb
from geometry_msgs.msg import PoseStamped
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image, Joy
from std_msgs.msg import Bool

CHUNK = Chunk(4, 2, 10.5, 0.1, np.arange(30.0).reshape(3, 10), "tcp_pose", 7, 10.25, 99.0)
TICK = Tick(
    seq=12,
    state=State.POLICY,
    reason=Reason.NONE,
    text="policy drives",
    armed=True,
    epoch=3,
    intervention_id=1,
    source=CommandSource.POLICY,
    chunk_id=4,
    policy_version=7,
    chunk_age_s=0.25,
    command=np.arange(7.0),
    velocity=np.zeros(7),
    gripper_m=0.04,
    reference=np.arange(7.0),
    measured=np.arange(8.0),
    action=np.arange(10.0),
    guard_flags=GuardFlag.VELOCITY | GuardFlag.RAMP,
    sent=True,
    marks=frozenset(),
    stamp_s=100.5,
    target_distance_rad=0.3,
    proposed_chunk_id=5,
    proposed=np.arange(10.0) / 4,
)


STEP_FIELDS_OF_BEFORE = [
    name for name in Step.get_fields_and_field_types() if name not in ("proposed_chunk_id", "proposed")
]


def over_the_wire(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def test_a_chunk_survives_the_wire():
    msg = over_the_wire(to_chunk_message(CHUNK, "base", inference_ms=12.5))
    back = to_chunk(msg, arrival_s=99.0)
    assert np.array_equal(back.data, CHUNK.data)
    for name in (
        "id",
        "epoch",
        "stamp_s",
        "dt_s",
        "action_space",
        "policy_version",
        "oldest_input_s",
        "arrival_s",
    ):
        assert getattr(back, name) == getattr(CHUNK, name)
    assert (msg.header.frame_id, msg.inference_ms) == ("base", 12.5)
    assert (msg.sampler, msg.seed, msg.latent_steps, len(msg.latent)) == ("", 0, 0, 0), "nobody said"


def test_what_a_chunk_was_made_from_survives_the_wire():
    latent = np.linspace(-2.0, 2.0, 40, dtype=np.float32).reshape(4, 10)  # a network of four steps
    msg = over_the_wire(to_chunk_message(CHUNK, "base", 12.5, "ddim-8", 2**64 - 1, latent))
    assert (msg.sampler, msg.seed, msg.latent_steps) == ("ddim-8", 2**64 - 1, 4)
    assert np.array_equal(np.array(msg.latent, np.float32).reshape(4, 10), latent)


def test_a_chunk_of_the_wrong_size_or_kind_is_kept_for_the_gate_to_refuse():
    msg = ActionChunk(n_steps=3, dim=10, data=[0.0] * 29, action_space=9)
    chunk = to_chunk(msg, 0.0)
    assert chunk.data.shape == (1, 29) and chunk.action_space == "unknown (9)"


def test_a_tick_becomes_a_step_and_a_record():
    msg = over_the_wire(to_step(TICK, "base"))
    assert list(msg.commanded) == [0, 1, 2, 3, 4, 5, 6, 0.04]
    assert msg.guard_flags == Step.GUARD_VELOCITY | Step.GUARD_RAMP and msg.source == Step.SOURCE_POLICY
    record = to_step_record(msg)
    assert (record.stamp_s, record.seq, record.chunk_age_s) == (100.5, 12, 0.25)
    assert np.array_equal(record.action, np.arange(10.0)) and np.array_equal(record.measured, np.arange(8.0))
    # Both ways to a recorded step lead to the same: in one process, and over the wire.
    direct = StepRecord.of(TICK)
    for field in fields(StepRecord):
        assert np.array_equal(getattr(record, field.name), getattr(direct, field.name)), field.name


def test_a_step_has_the_fields_of_its_record_under_the_same_names():
    names = [field.name for field in fields(StepRecord)]
    assert list(Step.get_fields_and_field_types()) == ["header", *names[1:]]
    assert names[0] == "stamp_s"  # header.stamp


def test_a_step_before_the_first_joint_state_has_empty_vectors():
    tick = replace(TICK, command=None, gripper_m=None, measured=None, action=None)
    record = to_step_record(over_the_wire(to_step(tick, "base")))
    assert [len(record.commanded), len(record.measured), len(record.action)] == [0, 0, 0]


def test_a_step_of_before_wants_nothing():
    class Before:
        """A message of a bag whose definition has not the fields that came later."""

        def __init__(self, msg):
            vars(self).update({name: getattr(msg, name) for name in STEP_FIELDS_OF_BEFORE})

    record = to_step_record(Before(to_step(TICK, "base")))
    assert (record.proposed_chunk_id, record.proposed, record.guard_flags) == (0, None, 130)


def test_a_tick_says_who_drives():
    msg = over_the_wire(to_gate_state(TICK, dry_run=True))
    assert (msg.state, msg.reason, msg.epoch, msg.armed, msg.dry_run) == (GateState.POLICY, 0, 3, True, True)
    assert msg.text == "policy drives"


def test_joystick_and_joint_states():
    joy = to_joy(over_the_wire(to_joy_message((0.5, -1.0), (0, 1), to_stamp(3.5))), arrival_s=8.0)
    assert (joy.axes, joy.buttons, joy.stamp_s, joy.arrival_s) == ((0.5, -1.0), (0, 1), 3.5, 8.0)
    assert to_joy(Joy(), 0.0).axes == ()
    joints = over_the_wire(to_joint_state(["a", "b"], np.array([0.25, 0.5]), to_stamp(3.5)))
    assert (list(joints.name), list(joints.position), list(joints.velocity)) == (["a", "b"], [0.25, 0.5], [])


def test_commands_for_both_kinds_of_controller():
    assert list(to_numbers(np.array([0.25, 0.5])).data) == [0.25, 0.5]
    q, v = np.array([[0.0, 1.0], [0.5, 1.5]]), np.array([[0.25, 0.25], [0.0, 0.0]])
    msg = over_the_wire(to_trajectory(["a", "b"], Horizon(np.array([0.0, 0.02]), q, v)))
    assert [list(point.positions) for point in msg.points] == [[0.0, 1.0], [0.5, 1.5]]
    assert [list(point.velocities) for point in msg.points] == [[0.25, 0.25], [0.0, 0.0]]
    assert [point.time_from_start.nanosec for point in msg.points] == [0, 20_000_000]
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec) == (0, 0)  # begins when it arrives


def test_rare_encodings_go_through_cv_bridge_where_it_is_installed(monkeypatch):
    class CvBridge:
        def imgmsg_to_cv2(self, msg, wanted):
            return f"{msg.encoding} as {wanted}"

    module = types.ModuleType("cv_bridge")
    module.CvBridge = CvBridge
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    assert to_rgb(Image(encoding="nv24")) == "nv24 as rgb8"


def test_a_pose_a_leaders_joints_and_a_pedal_arrive_as_they_were_sent():
    msg = PoseStamped()
    msg.header.stamp, msg.header.frame_id = to_stamp(10.5), "room"
    msg.pose.position.x, msg.pose.position.z, msg.pose.orientation.w = 0.25, -1.0, 1.0
    pose = PoseReading((0.25, 0.0, -1.0), (0.0, 0.0, 0.0, 1.0), "room", 10.5, 99.0)
    assert to_pose_reading(msg, 99.0) == pose
    joints = to_joint_state(["a", "b"], np.array([0.5, -2.0]), to_stamp(10.5))
    assert to_leader_reading(joints, 99.0) == LeaderReading(("a", "b"), (0.5, -2.0), 10.5, 99.0)
    assert to_pedal(Bool(data=True), 99.0) == JoyReading((), (1,), 99.0, 99.0)
