"""What leads, on real topics: pressed, moved, let go, and lost."""

import numpy as np
import pytest
from drift_control.gate.state import CommandSource, Reason, State
from drift_ros.gate_messages import to_joint_state
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

OTHERS = {"joysticks_beside": ["scripted"]}


class Tracked:
    """A thing whose pose is published at 100 Hz, and a pedal."""

    def __init__(self, world):
        self.world, self.pressed, self.alive, self.x_m = world, False, True, 0.3
        self.poses = world.create_publisher(PoseStamped, "phone/pose", 10)
        self.pedal = world.create_publisher(Bool, "pedal", 10)
        self.timer = world.create_timer(0.01, self._on_timer)

    def _on_timer(self):
        self.pedal.publish(Bool(data=self.pressed))
        if self.alive:
            msg = PoseStamped()
            msg.header.stamp, msg.header.frame_id = self.world.get_clock().now().to_msg(), "world"
            msg.pose.position.x, msg.pose.orientation.w = self.x_m, 1.0
            self.poses.publish(msg)

    def move(self):
        self.x_m += 0.0005  # 5 cm/s, halved by scale


class Leader:
    """A leader arm whose joints are published at 100 Hz, and a gamepad whose sticks nobody touches."""

    def __init__(self, world):
        self.world, self.pressed, self.alive, self.q = world, False, True, np.full(7, 0.2)
        self.joints = world.create_publisher(JointState, "gello/joint_states", 10)
        world.stick = lambda count: ((0.0,) * 8, tuple(int(self.pressed and i == 5) for i in range(11)))
        self.timer = world.create_timer(0.01, self._on_timer)

    def _on_timer(self):
        if self.alive:
            names = [f"fr3_joint{i}" for i in range(1, 8)]
            self.joints.publish(to_joint_state(names, self.q, self.world.get_clock().now().to_msg()))

    def move(self):
        self.q = self.q + 0.001 * np.eye(7)[0]


def patiently(stage, name, lead_silent_s=0.5):
    """Return the file of a device that is believed through the pauses of one thread that plays everything."""
    text = (stage.config_folder / "joysticks" / f"{name}.yaml").read_text()
    path = stage.files / f"{name}.yaml"
    text = text.replace("lead_silent_s: 0.2", f"lead_silent_s: {lead_silent_s}")
    path.write_text(text.replace(" silent_s: 0.25", " silent_s: 1.0"))
    return str(path)


@pytest.mark.parametrize(
    ("kind", "file", "topics"),
    [
        (Tracked, "pose_and_pedal", {"joy_topics": ["pedal", "expert/joy"]}),
        (Leader, "gello", {"joy_topics": ["joy", "expert/joy"]}),
    ],
)
def test_what_leads_is_followed_while_enable_is_held_and_held_when_it_is_lost(
    stage, patient_robot, kind, file, topics
):
    device = kind(stage.world)
    files = {"robot_file": str(patient_robot), "joystick_file": patiently(stage, file)}
    world = stage.start(**files, **topics, **OTHERS).sees_the_arm().world
    stage.spin(lambda: not stage.gate._out.controller.objection(), "controller")
    stage.spin(lambda: not stage.gate._tick.refused and stage.gate._inbox._newest.leads, "device at rest")
    assert stage.call(world.arm).success
    before = np.array(world.steps[-1].commanded)

    device.pressed = True
    stage.spin(lambda: world.steps[-1].source == CommandSource.EXPERT, "take-over")
    stage.spin_for(0.2)
    assert np.abs(np.array(world.steps[-1].commanded) - before).max() < 1e-6  # nothing moves at the press
    timer = world.create_timer(0.01, device.move)
    stage.spin(lambda: np.abs(np.array(world.steps[-1].commanded) - before).max() > 0.03, "motion")
    assert (np.abs(np.diff(stage.sent, axis=0)) <= world.robot.velocity * 0.02 + 1e-9).all()

    device.pressed = False
    stage.spin(lambda: world.state.state == State.HOLD, "hand-back")
    assert world.state.reason == Reason.WAITING_FOR_CHUNK

    world.destroy_timer(timer)
    device.pressed = True
    stage.spin(lambda: world.state.state == State.EXPERT, "second take-over")
    device.alive = False
    stage.spin(lambda: world.state.state == State.HOLD, "hold")
    silent = f"{stage.gate._devices._topics[1].name} is silent for more than 0.5 s"
    assert world.state.reason == Reason.JOY_LOST and world.state.text.startswith(silent)
