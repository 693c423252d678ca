"""What `drift doctor --robot` says: pure judgements, and real nodes beside stand-ins for the drivers."""

import json
import threading
import time
from dataclasses import replace
from datetime import date
from importlib.util import find_spec

import numpy as np
import pytest
from drift.cli import app
from drift.configuration import config_file
from drift.doctor.finding import Severity
from drift.doctor.robot import (
    arm,
    calibrated,
    cameras,
    clocks,
    commands,
    controller,
    description,
    gripper,
    packages,
)
from drift.doctor.robot.joint_states import TopicHeard, joint_states
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot import controller as controller_probe
from drift.ros.robot.node import RobotProbe
from drift_control.inputs import ArmState
from drift_control.robot.robot import Robot, load_robot
from drift_core.calibration.camera_place import CameraPlace
from drift_core.calibration.transform import StaticTransform
from drift_core.task import load_task
from drift_ros import qos
from drift_ros.gate_messages import to_joint_state
from drift_ros.images import to_image
from drift_ros.testing.real_arms import message_packages
from drift_sim.ros.stand_in.franka import FrankaRobot
from drift_sim.ros.stand_in.grippers import FrankaHand
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from drift_sim.ros.stand_in.ur import UrRobot
from drift_sim.ros2_control.gripper import GripperJoint
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.ur_arm import UrArm
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory
from typer.testing import CliRunner

UR, FR3 = "scaled_joint_trajectory_controller", "fr3_arm_controller"
JTC = "joint_trajectory_controller/JointTrajectoryController"
LOOK_S = 1.5
LIMIT_S = 15.0


def wanted(robot="ur5e+none", name=UR, **changes) -> Wanted:
    config = replace(load_robot(config_file("robot", robot)).config, **changes)
    task = load_task(config_file("task", "place"))
    topic = {"joint_trajectory": "joint_trajectory", "forward_position": "commands"}
    command_topic = f"/{name}/{topic[config.command_interface]}"
    measured = [
        replace(camera, latency_measured=date(2026, 11, 1), latency_error_s=0.003) for camera in task.cameras
    ]
    places = {
        camera.name: place(config.name, camera.name, parent)
        for camera, parent in zip(measured, (config.base_frame, config.tip_frame), strict=True)
    }
    return Wanted(config, "/", command_topic, measured, task.dt_s, 50.0, "place", places)


def place(robot: str, camera: str, parent: str) -> CameraPlace:
    frame = StaticTransform.of(parent, f"{camera}_lens", np.eye(4))
    return CameraPlace(robot, camera, date(2026, 11, 1), 0.06, (1e-4, 2e-4, 1e-4), (0.01, 0.02, 0.01), frame)


UR5E = wanted()
POSITIONS = tuple(f"{joint}/position" for joint in UR5E.robot.joint_names)
RIGHT = controller.Heard(
    limit_s=6.0,
    listed={UR: controller.Listed("active", JTC, POSITIONS)},
    hardware={"ur5e": "active"},
    can_ask=True,
    listeners=["trajectory_msgs/msg/JointTrajectory"],
    parameters={"interpolate_from_desired_state": False},
)


def of(kind: str, state: str = "active", interfaces=POSITIONS) -> controller.Heard:
    return replace(RIGHT, listed={UR: controller.Listed(state, kind, tuple(interfaces))})


def test_the_driver_is_looked_for_where_the_commands_go() -> None:
    for name, where in ((UR, ""), (f"left/{UR}", "/left")):
        there = wanted("ur5e+none", name)
        assert (there.controller, there.driver_namespace) == (UR, where)
    assert wanted("ur5e+none").file == "config/robots/ur5e.yaml"


def test_a_controller_that_is_active_with_what_the_gate_needs_passes() -> None:
    rows = [check(UR5E, RIGHT) for check in (controller.presence, controller.kind, controller.joints)]
    rows.append(controller.parameters(UR5E, RIGHT))
    assert {row.status for row in rows} == {Severity.PASS}
    assert rows[-1].text == "no state tolerance; interpolate_from_desired_state: false, either is right"


@pytest.mark.parametrize(
    ("heard", "text", "remedy"),
    [
        (replace(RIGHT, listed={}), f"no controller {UR} is loaded; active: none", f"spawner {UR}"),
        (of(JTC, "inactive"), f"controller {UR} is inactive", f"switch_controllers --activate {UR}"),
        (
            replace(RIGHT, hardware={"ur5e": "unconfigured"}),
            "hardware ur5e is unconfigured",
            "why it went down",
        ),
        (replace(RIGHT, listeners=[]), f"{UR} is active, but nobody listens", "--controller /NAMESPACE"),
        (replace(RIGHT, listed=None, listeners=[]), f"nobody listens to /{UR}", "start the arm's driver"),
    ],
)
def test_a_controller_that_executes_nothing_is_a_failure_with_its_remedy(heard, text, remedy) -> None:
    finding = controller.presence(UR5E, heard)
    assert finding.status is Severity.FAIL
    assert finding.text.startswith(text) and remedy in finding.advice


def test_what_cannot_be_asked_is_a_warning_that_says_so() -> None:
    blind = controller.presence(UR5E, replace(RIGHT, listed=None, can_ask=False))
    assert blind.status is Severity.WARN and "controller_manager_msgs is not installed" in blind.text
    alone = controller.presence(UR5E, replace(RIGHT, listed=None))
    assert alone.status is Severity.WARN and "no controller manager answered in 6 s" in alone.text


def test_a_controller_of_another_type_is_told_by_its_class_or_by_what_its_topic_carries() -> None:
    by_class = controller.kind(UR5E, of("position_controllers/JointGroupPositionController"))
    assert by_class.status is Severity.FAIL and "command_interface: joint_trajectory" in by_class.text
    by_topic = controller.kind(UR5E, replace(of("own/Own"), listeners=["std_msgs/msg/Float64MultiArray"]))
    assert by_topic.status is Severity.FAIL and "is of std_msgs/msg/Float64MultiArray" in by_topic.text
    assert controller.kind(UR5E, of("own/Own")).status is Severity.PASS


def test_a_franka_is_not_commanded_by_positions_whatever_the_controller() -> None:
    fr3 = wanted("fr3+none", FR3)
    names = fr3.robot.joint_names
    for end, status in (("position", Severity.FAIL), ("effort", Severity.PASS)):
        listed = {FR3: controller.Listed("active", JTC, tuple(f"{name}/{end}" for name in names))}
        assert controller.kind(fr3, replace(RIGHT, listed=listed)).status is status


def test_the_order_of_joints_counts_for_positions_and_not_for_trajectories() -> None:
    turned = of(JTC, interfaces=POSITIONS[::-1])
    assert controller.joints(UR5E, turned).status is Severity.PASS
    stream = wanted(command_interface="forward_position")
    finding = controller.joints(stream, turned)
    assert finding.status is Severity.FAIL and "config/robots/ur5e.yaml" in finding.advice
    five = controller.joints(UR5E, of(JTC, interfaces=POSITIONS[:5]))
    assert five.status is Severity.FAIL
    by_parameter = replace(turned, listed=None, parameters={"joints": list(stream.robot.joint_names[::-1])})
    assert controller.joints(stream, by_parameter).status is Severity.FAIL


def test_a_state_tolerance_below_the_gates_own_limit_is_a_failure() -> None:
    # ur5e.yaml: tracking_error_max_rad 0.18
    for tolerance_rad, status in ((0.15, Severity.FAIL), (0.2, Severity.PASS), (0.0, Severity.PASS)):
        given = {"constraints.elbow_joint.trajectory": tolerance_rad, "constraints.goal_time": 0.0}
        finding = controller.parameters(UR5E, replace(RIGHT, parameters=given))
        assert finding.status is status
        assert ("constraints.elbow_joint.trajectory=0.15" in finding.text) is (status is Severity.FAIL)


def test_hand_guiding_needs_its_controller_loaded_and_inactive() -> None:
    assert controller.hand_guiding(UR5E, RIGHT) is None  # off
    guided, name = wanted(hand_guiding="ur"), "freedrive_mode_controller"

    def seen(state: str | None):
        listed = (
            {}
            if state is None
            else {name: controller.Listed(state, "ur_controllers/FreedriveModeController")}
        )
        finding = controller.hand_guiding(guided, replace(RIGHT, listed={**(RIGHT.listed or {}), **listed}))
        assert finding is not None
        return finding

    assert seen("inactive").status is Severity.PASS
    assert f"spawner {name} --inactive" in seen(None).advice
    assert f"--deactivate {name} --activate {UR}" in seen("active").advice
    silent = controller.hand_guiding(guided, replace(RIGHT, listed=None))
    assert silent is not None and silent.status is Severity.FAIL


def test_the_controller_of_hand_guiding_of_one_of_two_arms_is_looked_for_by_its_name_and_manager() -> None:
    name = "left_freedrive_mode_controller"
    left = replace(
        wanted(hand_guiding="ur", hand_guiding_controller=name), topic=f"/left/{UR}/joint_trajectory"
    )
    finding = controller.hand_guiding(left, RIGHT)
    assert finding is not None and finding.text == f"no controller {name} is loaded"
    assert f"spawner {name} --inactive -c /left/controller_manager" in finding.advice


def test_whoever_else_commands_the_arm_is_named() -> None:
    assert commands.commanders(UR5E, ["/expert_gate"], 0).text == "nobody but /expert_gate"
    other = commands.commanders(UR5E, ["/expert_gate", "/servo_node"], 0)
    assert other.status is Severity.FAIL and other.text.startswith("/servo_node publishes ")
    assert commands.commanders(UR5E, ["/expert_gate", "/left/expert_gate"], 0).status is Severity.FAIL
    goal = commands.commanders(UR5E, [], 1)
    assert goal.status is Severity.FAIL and f"/{UR}/follow_joint_trajectory" in goal.text


def test_the_arms_own_words_are_split_into_what_is_and_what_to_do() -> None:
    stopped = ArmState(False, True, 1.0, 0.0, "the UR is in PROTECTIVE STOP: clear it, then arm again")
    finding = arm.arm(UR5E, stopped, 6.0)
    assert (finding.text, finding.advice) == ("the UR is in PROTECTIVE STOP", "clear it, then arm again")
    assert arm.arm(UR5E, None, 6.0).text.startswith("nothing heard of io_and_status_controller")
    assert arm.arm(wanted("panda+none"), None, 6.0).status is Severity.WARN
    assert arm.slider(ArmState(True, False, 0.2, 0.0)).text == "20%: the gate slows down with it"
    assert arm.slider(ArmState(True, False, 0.0, 0.0)).status is Severity.FAIL


def test_joint_states_are_judged_by_publisher_rate_and_missing_joints() -> None:
    names = frozenset(UR5E.robot.joint_names)
    right = TopicHeard(("/joint_state_broadcaster",), 500.0, names, of_arm=True)

    def judged(heard: TopicHeard, trouble: str = "", elsewhere=()):
        return joint_states(UR5E, {"/joint_states": heard}, trouble, elsewhere)

    assert judged(right).text == "/joint_states 500 Hz by /joint_state_broadcaster"
    assert judged(replace(right, rate_hz=20.0)).status is Severity.WARN
    restamped = judged(
        replace(right, publishers=("/joint_state_publisher",)), elsewhere=["/franka/joint_states"]
    )
    assert restamped.status is Severity.FAIL and "there are also /franka/joint_states" in restamped.advice
    nobody = judged(replace(right, publishers=()), "all joints: never received")
    assert nobody.status is Severity.FAIL and nobody.text.startswith("nobody publishes /joint_states")
    prefixed = replace(right, names=frozenset({"left_elbow_joint"}))
    other = judged(prefixed, "elbow_joint: never received")
    assert other.status is Severity.FAIL and "the messages have left_elbow_joint" in other.text


@pytest.mark.parametrize(
    ("least_s", "latency_s", "status"),
    [
        (0.001, 0.0, Severity.PASS),
        (-0.02, 0.0, Severity.PASS),
        (-0.04, 0.0, Severity.FAIL),  # 40 ms ahead, 30 are allowed
        (-0.04, 0.05, Severity.PASS),  # of a camera whose file says so
        (0.25, 0.0, Severity.WARN),
        (1.7e9, 0.0, Severity.FAIL),  # simulated time
    ],
)
def test_a_stamp_ahead_of_its_arrival_is_a_clock_that_is_ahead(least_s, latency_s, status) -> None:
    finding = clocks.clocks({"/joint_states": clocks.Delay(least_s, 100, latency_s)})
    assert finding.status is status
    assert clocks.clocks({}) is None


def test_a_camera_is_judged_by_what_it_sends() -> None:
    front = UR5E.cameras[0]
    right = cameras.CameraHeard(
        ("/usb_cam",), ("sensor_msgs/msg/Image",), False, 30.0, (640, 480), focal_pixel=610.0
    )

    def judged(elsewhere=(), camera=front, **changes):
        return cameras.camera(camera, 0.1, f"/{front.topic}", replace(right, **changes), elsewhere)

    assert judged().text == "640x480 at 30.0 Hz by /usb_cam"
    assert judged(rate_hz=8.0).status is Severity.WARN  # the policy needs 10
    silent = judged(publishers=(), elsewhere=["/image_raw"])
    assert silent.status is Severity.FAIL and "images come on /image_raw" in silent.text
    pressed = judged(publishers=(), elsewhere=["/image_raw", f"/{front.topic}/compressed"])
    assert pressed.status is Severity.WARN and "image_transport: compressed" in pressed.advice
    assert judged(rate_hz=0.0).status is Severity.FAIL
    assert judged(refusal="encoding='16UC1' is depth, not colour").status is Severity.FAIL
    assert judged(types=("sensor_msgs/msg/CompressedImage",)).status is Severity.FAIL
    assert judged(camera=replace(front, reliability="reliable")).status is Severity.FAIL


def test_a_camera_without_calibration_is_named_with_the_remedy() -> None:
    right = cameras.CameraHeard(("/a",), ("sensor_msgs/msg/Image",), True, 30.0, (64, 64), focal_pixel=70.0)
    assert cameras.calibration([("front", right)]).text == "front f = 70 pixel"
    zero, none = replace(right, focal_pixel=0.0), replace(right, focal_pixel=None)
    finding = cameras.calibration([("front", zero), ("wrist", none)])
    assert finding.status is Severity.WARN and "cameracalibrator" in finding.advice
    assert finding.text == (
        "not calibrated: wrist: no camera_info; front: camera_info has no focal length (K is 0)"
    )
    assert cameras.calibration([("front", replace(right, rate_hz=0.0))]) is None


def test_a_latency_is_shown_with_its_age_and_error_and_one_never_measured_with_the_remedy() -> None:
    today = date(2026, 11, 29)
    text = "front 0 ms (28 days old, ±3.0 ms), wrist 0 ms (28 days old, ±3.0 ms), by config/tasks/place.yaml"
    assert calibrated.latency(UR5E, today).text == text
    guessed = replace(UR5E, cameras=[replace(UR5E.cameras[0], latency_measured=None), UR5E.cameras[1]])
    finding = calibrated.latency(guessed, today)
    assert finding.status is Severity.WARN and finding.text.endswith(": front not measured")
    assert finding.advice.startswith("drift calibrate camera-latency --robot ur5e+none --task place")


def test_the_place_of_a_camera_must_fit_its_pictures_and_the_description() -> None:
    today, frames = date(2026, 11, 29), {"front": "front_lens", "wrist": "wrist_lens"}
    links = "".join(f'<link name="{name}"/>' for name in ("base_link", "tool0", "hand_tcp"))

    def judged(wanted=UR5E, frames=frames, robot=f"<robot>{links}</robot>"):
        return calibrated.places(wanted, frames, robot, today)

    worth = "28 days old, ±0.20 mm, ±0.020 deg, 0.06 px"
    assert judged().text == f"front on base_link, {worth}; wrist on hand_tcp, {worth}"
    assert judged().status is judged(robot=None).status is judged(frames={}).status is Severity.PASS
    other = judged(frames={"front": "default_cam"})
    assert other.status is Severity.FAIL
    assert other.text == "pictures of front are in frame default_cam, its place was measured for front_lens"
    twice = judged(robot=f'<robot>{links}<link name="wrist_lens"/></robot>')
    assert twice.status is Severity.FAIL and "two publishers of one frame" in twice.text
    floating = judged(robot='<robot><link name="base_link"/></robot>')
    assert floating.status is Severity.WARN and "wrist is mounted on hand_tcp, which" in floating.text
    missing = judged(replace(UR5E, places={"front": UR5E.places["front"]}))
    assert missing.status is Severity.WARN and missing.text.endswith("; wrist not measured")
    assert "drift calibrate hand-eye --robot ur5e+none --task place --camera wrist" in missing.advice


def urdf(names) -> str:
    joints = "".join(f'<joint name="{name}" type="revolute"/>' for name in names)
    return f'<robot name="arm">{joints}<joint name="mount" type="fixed"/></robot>'


def test_a_description_must_have_the_arms_joints() -> None:
    names = UR5E.robot.joint_names
    assert description.description(UR5E, urdf(names)).text == "arm has the 6 joints"
    other = description.description(UR5E, urdf([f"left_{name}" for name in names]))
    assert other.status is Severity.FAIL and "it has left_shoulder_pan_joint" in other.text
    assert description.description(UR5E, "<robot>").status is Severity.FAIL
    assert description.description(UR5E, None).status is Severity.WARN


def test_a_gripper_needs_somebody_who_takes_what_it_is_told() -> None:
    hand = load_robot(config_file("robot", "fr3+franka_hand")).config.gripper
    offered = {
        "/franka_gripper/grasp": ["franka_msgs/action/Grasp"],
        "/franka_gripper/move": ["franka_msgs/action/Move"],
    }
    assert gripper.gripper(hand, "/franka_gripper", (), offered).status is Severity.PASS
    half = {"/franka_gripper/grasp": ["franka_msgs/action/Grasp"]}
    assert "/franka_gripper/move" in gripper.gripper(hand, "/franka_gripper", (), half).text
    fingers = load_robot(config_file("robot", "ur5e")).config.gripper
    assert gripper.gripper(fingers, "/gripper_command", (), {}).status is Severity.FAIL
    numbers = ["std_msgs/msg/Float64MultiArray"]
    assert gripper.gripper(fingers, "/gripper_command", numbers, {}).status is Severity.PASS


def test_a_message_package_of_the_gripper_is_needed_and_the_others_are_missed() -> None:
    ur = packages.packages(UR5E.robot, lambda name: name != "ur_dashboard_msgs")
    assert ur.status is Severity.WARN and "ur-dashboard-msgs" in ur.advice
    fr3 = wanted("fr3+franka_hand", FR3).robot
    assert packages.packages(fr3, lambda name: False).status is Severity.FAIL
    assert packages.packages(fr3, lambda name: True).text == "controller_manager_msgs, franka_msgs"


class Cell(Node):
    """Cameras, a description, and what should not be there: silent until told."""

    def __init__(self, robot: Robot, cameras) -> None:
        super().__init__("cell")
        image = np.zeros((64, 64, 3), np.uint8)
        for camera in cameras:
            folder = camera.topic.rpartition("/")[0]
            pictures = self.create_publisher(Image, camera.topic, qos.IMAGE)
            infos = self.create_publisher(CameraInfo, f"{folder}/camera_info", qos.IMAGE)

            def send(pictures=pictures, infos=infos, frame=f"{camera.name}_lens"):
                pictures.publish(to_image(image, "rgb8", self.get_clock().now().to_msg(), frame))
                infos.publish(CameraInfo(k=[70.0] * 9))

            self.create_timer(0.05, send)
        self.described = self.create_publisher(String, "robot_description", qos.LATCHED)
        self.described.publish(String(data=urdf(robot.config.joint_names)))


class RealStage:
    """An arm with its driver and cameras in one thread; probes look at it from another."""

    def __init__(self) -> None:
        self.executor, self.nodes = SingleThreadedExecutor(), []
        self.control = None
        self._looks = SingleThreadedExecutor()

    def add(self, node):
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def start(self, wanted: Wanted, kind=LaggingArm, **options):
        robot = load_robot(config_file("robot", wanted.robot.name))
        interface = options.pop("kind", wanted.robot.command_interface)
        self.control = Ros2Control(robot, ArmOptions(wanted.controller, interface, **options), kind)
        for node in self.control.nodes:
            self.executor.add_node(node)
        self.cell = self.add(Cell(robot, wanted.cameras))
        self.control.start()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self

    def look(self, wanted: Wanted):
        """Return the rows by name."""
        probe = RobotProbe(wanted, LOOK_S)
        self._looks.add_node(probe)
        end_s = time.monotonic() + LOOK_S
        while time.monotonic() < end_s:
            self._looks.spin_once(timeout_sec=0.02)
        rows = dict(probe.findings())
        self._looks.remove_node(probe)
        probe.destroy_node()
        return rows

    def seen(self, wanted: Wanted, row: str, text: str, status=Severity.FAIL):
        """Look until a row says `text`: on a busy machine the graph takes its time."""
        end_s, said = time.monotonic() + LIMIT_S, {}
        while row not in said or text not in said[row].text or said[row].status is not status:
            assert time.monotonic() < end_s, said
            said = self.look(wanted)
        return said

    def close(self) -> None:
        self.executor.shutdown()
        self._looks.shutdown()
        if self.control is not None:
            self._thread.join()
            self.control.close()
        for node in self.nodes:
            node.destroy_node()

    def _spin(self) -> None:
        try:
            self.executor.spin()
        except ExternalShutdownException:
            return


@pytest.fixture
def stage(ros):
    with message_packages():
        stage = RealStage()
        yield stage
        stage.close()


def bad(rows) -> dict[str, str]:
    return {name: row.text for name, row in rows.items() if row.status is not Severity.PASS}


def test_a_ur_that_is_ready_passes_every_row_and_each_fault_fails_one_of_them(stage, monkeypatch) -> None:
    stage.start(UR5E, UrArm)
    ur = stage.add(UrRobot(stage.control))
    rows = stage.seen(UR5E, "camera wrist", "64x64", Severity.PASS)
    assert bad(rows) == {}
    assert "state tolerance 0.2 rad" in rows["parameters"].text

    ur.set(slider_percent=0.0)
    stage.seen(UR5E, "speed slider", "0 %")
    ur.set(slider_percent=100.0, safety_mode=3)
    rows = stage.seen(UR5E, "arm", "PROTECTIVE STOP")
    assert "pendant" in rows["arm"].advice
    assert "is inactive" in rows["controller"].text  # by controller_stopper
    ur.set(safety_mode=1, program=True)
    stage.seen(UR5E, "controller", "is active", Severity.PASS)

    other = stage.add(Node("servo_node"))
    stranger = other.create_publisher(JointTrajectory, UR5E.topic, 1)
    stage.seen(UR5E, "who commands", "/servo_node publishes")
    other.destroy_publisher(stranger)
    stage.cell.described.publish(String(data=urdf(["fr3_joint1"])))
    rows = stage.seen(UR5E, "description", "it has fr3_joint1")
    assert bad(rows).keys() == {"description"}
    stage.cell.described.publish(String(data=urdf(UR5E.robot.joint_names)))

    missing = "controller_manager_msgs"
    monkeypatch.setattr(
        controller_probe, "find_spec", lambda name: None if name == missing else find_spec(name)
    )
    rows = stage.look(UR5E)
    assert "controller_manager_msgs is not installed" in rows["controller"].text
    assert bad(rows).keys() == {"controller"} and rows["controller"].status is Severity.WARN
    assert rows["joint order"].text.startswith("6 joints")  # by the controller's own parameter


def test_an_fr3_that_is_ready_passes_every_row_and_a_reflex_is_told(stage) -> None:
    fr3 = wanted("fr3+franka_hand", FR3)
    stage.start(fr3, rate_hz=1000.0, interface="effort", state_tolerance_rad=0.0)
    franka = stage.add(FrankaRobot(stage.control))
    stage.add(FrankaHand(("fr3_finger_joint1", "fr3_finger_joint2"), GripperJoint(0.08, 0.1)))
    rows = stage.seen(fr3, "camera wrist", "64x64", Severity.PASS)
    assert bad(rows) == {}
    assert "/franka_gripper/joint_states" in rows["joint states"].text
    franka.reflex()
    rows = stage.seen(fr3, "arm", "REFLEX")
    assert "joint_motion_generator_acceleration_discontinuity" in rows["arm"].text
    assert "error_recovery" in rows["arm"].advice
    assert rows["controller"].status is Severity.FAIL


def test_a_stream_of_positions_to_joints_in_another_order_or_a_controller_of_another_type_is_told(
    stage,
) -> None:
    panda = wanted("panda+none", "arm_controller")
    stage.start(panda, joints=panda.robot.joint_names[::-1], rate_hz=100.0)
    rows = stage.seen(panda, "joint order", "['panda_joint7'")
    assert "config/robots/panda.yaml" in rows["joint order"].advice
    trajectories = replace(
        panda, robot=replace(panda.robot, command_interface="joint_trajectory"),
        topic="/arm_controller/joint_trajectory",
    )  # fmt: skip
    rows = stage.seen(trajectories, "controller type", "JointGroupPositionController")
    assert "nobody listens" in rows["controller"].text


def test_old_positions_with_new_stamps_and_a_clock_ahead_are_told(stage) -> None:
    stage.start(UR5E, UrArm, joint_states="driver/joint_states")
    stage.add(UrRobot(stage.control))
    echo = stage.add(Node("joint_state_publisher"))
    states = echo.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
    names, home = UR5E.robot.joint_names, load_robot(config_file("robot", "ur5e+none")).home

    def send():
        stamp = echo.get_clock().now().to_msg()
        stamp.sec += 1
        states.publish(to_joint_state(names, home, stamp))

    echo.create_timer(0.03, send)
    rows = stage.seen(UR5E, "joint states", "joint_state_publisher")
    assert "/driver/joint_states" in rows["joint states"].advice
    rows = stage.seen(UR5E, "clocks", "are ahead")
    assert "/joint_states -99" in rows["clocks"].text or "/joint_states -100" in rows["clocks"].text
    driver = replace(UR5E, robot=replace(UR5E.robot, joint_state_topics=("driver/joint_states",)))
    assert stage.look(driver)["joint states"].status is Severity.PASS


def test_without_a_driver_the_command_says_so_in_one_line_and_fails() -> None:
    begun_s = time.monotonic()
    answer = CliRunner().invoke(app, ["doctor", "--robot", "ur5e", "--gripper", "none", "--json"])
    assert time.monotonic() - begun_s < 25.0  # 6 s of listening, and imports on a busy machine
    assert answer.exit_code == 1
    rows = json.loads(answer.output)
    assert [row["check"] for row in rows if row["status"] == "fail"] == [
        "driver",
        "camera front",
        "camera wrist",
    ]
    assert "/scaled_joint_trajectory_controller/joint_trajectory" in rows[0]["text"]
    assert "ROS_DOMAIN_ID" in rows[0]["advice"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--robot", "ur9"], "robot=ur9 must be one of:"),
        (
            ["--robot", "ur5e", "--controller", "forward_position_controller"],
            "takes forward_position by its name",
        ),
        (["--gripper", "none"], "are for an arm: say --robot NAME as well"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_is_asked(words, text) -> None:
    answer = CliRunner().invoke(app, ["doctor", *words])
    assert answer.exit_code != 0
    assert text in f"{answer.output}{answer.exception}"
