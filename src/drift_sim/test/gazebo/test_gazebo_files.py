"""World, robot, bridge and controllers, read by Gazebo's own parser and compared with MuJoCo's model."""

from dataclasses import replace
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import yaml
from drift_config.errors import ConfigError
from drift_sim.external.controllers import controller_names, controller_parameters
from drift_sim.external.elements import roll_pitch_yaw, rotation_of, sdf_geometry, urdf_geometry
from drift_sim.external.mirror import Mirror
from drift_sim.gazebo.bridge import bridge_arguments, bridge_entries
from drift_sim.gazebo.cameras import horizontal_fov_rad
from drift_sim.gazebo.description import build_description
from drift_sim.gazebo.makers import makers_description
from drift_sim.gazebo.server import command, environment
from drift_sim.gazebo.world import build_world
from hypothesis import given
from hypothesis import strategies as st
from makers import makers_urdf
from sdformat import Placed, check_urdf, sdf

TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def made(robots, within_reach, tmp_path_factory):
    """A function that writes the files of a cell with an arm; it returns its mirror and the world's file."""
    cells = {}

    def make(robot, task):
        if (robot, task) not in cells:
            folder = tmp_path_factory.mktemp(f"{robot}_{task}")
            mirror = Mirror(robots[robot], within_reach(task, robot))
            mirror.reset_objects(3)
            flange = makers_description(robots[robot]).flange
            makers = makers_urdf(robots[robot], flange)
            urdf = build_description(makers, flange, mirror, "/run/controllers.yaml", "/left", 10.0)
            (folder / "robot.urdf").write_text(urdf)
            (folder / "world.sdf").write_text(build_world(mirror, folder / "robot.urdf", 10.0, 50.0))
            cells[robot, task] = mirror, folder / "world.sdf"
        return cells[robot, task]

    return make


@pytest.mark.parametrize("task", ["place", "insert", "place_three_cameras"])
def test_gazebos_own_parser_finds_no_fault_in_the_world_with_its_robot(made, task):
    _, world = made("ur5e", task)
    assert sdf("--check", world).strip() == "Valid."
    assert "root Link: world has 1 child" in check_urdf(world.with_name("robot.urdf"))


@pytest.mark.parametrize("robot", ["fr3", "ur3e"])
def test_other_arms_too(made, robot):
    _, world = made(robot, "place")
    assert sdf("--check", world).strip() == "Valid."
    check_urdf(world.with_name("robot.urdf"))


@pytest.mark.parametrize("robot, task", [("ur5e", "insert"), ("fr3", "place")])
def test_everything_stands_where_it_stands_in_mujoco_and_is_as_large(made, robot, task):
    mirror, world = made(robot, task)
    placed = Placed(world)
    model, data = mirror.model, mujoco.MjData(mirror.model)
    data.qpos[:] = mirror.data.qpos  # things as after the reset, but joints at zero, as in the files
    joints = [*mirror.robot.config.joint_names, *mirror.robot.config.gripper.joints]
    data.qpos[[model.joint(name).qposadr[0] for name in joints]] = 0.0
    data.mocap_pos[:], data.mocap_quat[:] = mirror.data.mocap_pos, mirror.data.mocap_quat
    mujoco.mj_forward(model, data)
    names = [model.geom(at).name for at in range(model.ngeom) if model.geom(at).name]
    assert {"table", "object", "palm", "finger_joint1_pad", "finger_joint2_pad"} <= set(names)
    assert ("wall_x+" if task == "insert" else "disc") in names
    for name in names:
        geom = model.geom(name)
        touched = model.geom_contype[geom.id] != 0
        body = model.body(int(model.geom_bodyid[geom.id])).name
        of_hand = body == "hand" or body.startswith("finger")  # in the URDF, collisions go by their link
        shapes = {"visual": f"{name}_visual"}
        if touched:
            shapes["collision"] = f"{body if of_hand else name}_collision"
        for kind, part in shapes.items():
            element, frame = placed.one(kind, part)
            assert np.abs(frame[:3, 3] - data.geom_xpos[geom.id]).max() < TOLERANCE, name
            assert np.abs(frame[:3, :3] - data.geom_xmat[geom.id].reshape(3, 3)).max() < TOLERANCE, name
            assert np.abs(_half_size(element) - geom.size).max() < TOLERANCE, name
        assert touched or not any(f"{name}_collision" in found for found in placed.found), name


def _half_size(element):
    (shape,) = element.find("geometry")
    if shape.tag == "box":
        return np.array([float(word) / 2 for word in shape.findtext("size").split()])
    return np.array([float(shape.findtext("radius")), float(shape.findtext("length")) / 2, 0.0])


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_both_cameras_see_a_point_at_the_same_pixel_in_gazebo_and_in_mujoco(made, camera):
    mirror, world = made("ur5e", "insert")
    placed = Placed(world)
    model, data = mirror.model, mujoco.MjData(mirror.model)
    mujoco.mj_forward(model, data)  # at zero, as in the file
    sensor, frame = placed.one("sensor", camera)
    (config,) = (item for item in mirror.task.cameras if item.name == camera)
    at = model.camera(camera).id
    eye, axes = data.cam_xpos[at], data.cam_xmat[at].reshape(3, 3)
    # sdformat writes the pose of a sensor that it moves into another link with six digits
    tolerance = TOLERANCE if camera == "front" else 1e-5
    assert np.abs(frame[:3, 3] - eye).max() < tolerance
    lens = sensor.find("camera")
    assert float(sensor.findtext("update_rate")) == 10.0
    assert (lens.findtext("image/width"), lens.findtext("image/height")) == ("64", "64")
    focal = 32.0 / np.tan(float(lens.findtext("horizontal_fov")) / 2)
    scale = 32.0 / np.tan(np.radians(model.cam_fovy[at]) / 2)
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y, depth = rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.uniform(0.2, 1.0)
        point = eye + axes @ [x * depth, y * depth, -depth]  # MuJoCo: right, up, backward
        forward, left, up = frame[:3, :3].T @ (point - frame[:3, 3])  # Gazebo: forward, left, up
        seen = np.array([32.0 - focal * left / forward, 32.0 - focal * up / forward])
        assert np.abs(seen - [32.0 + scale * x, 32.0 - scale * y]).max() < (
            1e-4 if camera == "front" else 1e-2
        )


def test_a_wide_picture_gets_a_wider_angle(tasks):
    wide = replace(tasks["place"].cameras[0], width=128, height=64)
    # tan(45 degrees) = 1, twice as wide: 2 atan(2)
    assert horizontal_fov_rad(90.0, wide) == pytest.approx(2.2142974, abs=1e-7)


def test_what_moves_has_the_mass_of_mujoco_and_the_goal_is_put_but_never_moved(made):
    mirror, world = made("ur5e", "insert")
    models = {model.get("name"): model for model in Placed(world).world.findall("model")}
    assert set(models) == {"cell", "object", "goal", "camera_front", "robot"}
    assert models["goal"].findtext("static") == "true" and models["object"].findtext("static") == "false"
    inertial = models["object"].find("link/inertial")
    assert float(inertial.findtext("mass")) == 0.08
    # a box of 0.04 x 0.04 x 0.06 m: m/12 (b² + c²) = 0.08/12 (0.0016 + 0.0036)
    assert float(inertial.findtext("inertia/ixx")) == pytest.approx(3.4667e-5, rel=1e-4)
    assert float(inertial.findtext("inertia/izz")) == pytest.approx(2.1333e-5, rel=1e-4)
    frictions = sorted(float(mu.text) for mu in models["robot"].iter("mu"))
    assert frictions == [0.8, 1.5, 1.5]  # palm and finger pads; sdformat could drop them
    world_element = Placed(world).world
    assert float(world_element.findtext("physics/max_step_size")) == 0.002
    assert [float(word) for word in world_element.findtext("gravity").split()] == [0.0, 0.0, -9.81]
    assert {light.get("name") for light in world_element.findall("light")} == {"light_0", "headlight"}


def test_the_robot_is_commanded_by_position_and_starts_at_home(made):
    mirror, world = made("ur5e", "place")
    urdf = ElementTree.parse(world.with_name("robot.urdf")).getroot()
    (system,) = urdf.findall("ros2_control")  # the maker's own is gone
    assert system.findtext("hardware/plugin") == "gz_ros2_control/GazeboSimSystem"
    starts = {
        joint.get("name"): float(joint.findtext("state_interface/param")) for joint in system.findall("joint")
    }
    config = mirror.robot.config
    assert list(starts) == [*config.joint_names, "finger_joint1", "finger_joint2"]
    assert list(starts.values()) == pytest.approx([*config.home_rad, 0.04, 0.04], abs=1e-12)
    assert {item.get("name") for item in system.iter("command_interface")} == {"position"}
    plugin = urdf.find("gazebo/plugin")
    assert plugin.get("name") == "gz_ros2_control::GazeboSimROS2ControlPlugin"
    assert (plugin.findtext("parameters"), plugin.findtext("ros/namespace")) == (
        "/run/controllers.yaml",
        "/left",
    )
    assert plugin.find("ros/remapping") is None
    limit = urdf.find("joint[@name='finger_joint2']/limit")
    assert (limit.get("lower"), limit.get("upper"), limit.get("effort")) == ("0.0", "0.04", "20.0")


def test_joint_states_come_under_the_first_topic_of_the_robots_file(made):
    mirror, world = made("fr3", "place")
    first, *_ = mirror.robot.config.joint_state_topics
    assert first != "joint_states"
    plugin = ElementTree.parse(world.with_name("robot.urdf")).getroot().find("gazebo/plugin")
    assert plugin.findtext("ros/remapping") == f"joint_states:={first}"


def test_an_arm_without_a_description_and_one_with_other_joints_are_refused(robots, tasks):
    with pytest.raises(ConfigError, match="robot=panda: no description package is known for the arm panda"):
        makers_description(robots["panda"])
    mirror = Mirror(robots["ur5e"], tasks["place"])
    makers = makers_urdf(robots["ur5e"], "tool0").replace("elbow_joint", "elbow")
    with pytest.raises(ConfigError, match="robot=ur5e must have .*; it lacks elbow_joint, tool9$"):
        build_description(makers, "tool9", mirror, "c.yaml", "/", 10.0)


def test_shapes_that_gazebo_does_not_know_are_refused_by_name():
    root = ElementTree.Element("visual")
    with pytest.raises(ConfigError, match="geom of type mesh cannot .* box, sphere, cylinder, capsule"):
        sdf_geometry(root, int(mujoco.mjtGeom.mjGEOM_MESH), np.ones(3))
    with pytest.raises(ConfigError, match="geom of type capsule cannot .* box, sphere, cylinder$"):
        urdf_geometry(root, int(mujoco.mjtGeom.mjGEOM_CAPSULE), np.ones(3))


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: sum(x * x for x in q) > 0.1))
def test_roll_pitch_yaw_turns_as_the_matrix_does(quaternion):
    rotation = rotation_of(np.array(quaternion) / np.linalg.norm(quaternion))
    roll, pitch, yaw = roll_pitch_yaw(rotation)
    turned = np.eye(3)
    for angle, (a, b) in ((roll, (1, 2)), (pitch, (2, 0)), (yaw, (0, 1))):  # about fixed x, then y, then z
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[b, a], turn[a, b] = np.sin(angle), -np.sin(angle)
        turned = turn @ turned
    assert np.abs(turned - rotation).max() < 1e-8


def test_a_camera_that_looks_straight_down_has_its_pitch_at_the_end_of_its_range():
    down = np.array(((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)))
    assert roll_pitch_yaw(down) == pytest.approx([0.0, np.pi / 2, 0.0], abs=1e-12)


def test_the_bridge_carries_clock_images_and_poses_from_gazebo_and_nothing_to_it(made):
    mirror, world = made("ur5e", "place_three_cameras")
    entries = yaml.safe_load(yaml.safe_dump(bridge_entries(mirror.task, mirror.things())))
    assert {entry["direction"] for entry in entries} == {"GZ_TO_ROS"}
    carried = {entry["ros_topic_name"]: entry["ros_type_name"] for entry in entries}
    wanted = {"/clock": "rosgraph_msgs/msg/Clock"}
    for camera in mirror.task.cameras:
        wanted[camera.topic] = "sensor_msgs/msg/Image"
        wanted[f"camera/{camera.name}/camera_info"] = "sensor_msgs/msg/CameraInfo"
    wanted |= {f"gazebo/{thing}/pose": "geometry_msgs/msg/PoseStamped" for thing in ("object", "goal")}
    assert carried == wanted
    # what comes from Gazebo is published there: by the sensors and the pose publishers of this very world
    placed = Placed(world).world
    published = {"/clock"} | {f"/{sensor.findtext('topic')}" for sensor in placed.iter("sensor")}
    published |= {f"/{lens.findtext('camera_info_topic')}" for lens in placed.iter("camera")}
    poses = [plugin.findtext("topic") for plugin in placed.iter("plugin") if plugin.find("topic") is not None]
    assert {entry["gz_topic_name"] for entry in entries} == published | set(poses)
    assert bridge_arguments(mirror.task) == (
        "/world/place_three_cameras/set_pose@ros_gz_interfaces/srv/SetEntityPose",
    )
    assert placed.get("name") == "place_three_cameras"


def test_the_controllers_are_those_of_the_robots_file(robots):
    arm = robots["ur5e"].config
    said = controller_parameters(arm, "scaled_joint_trajectory_controller", 100.0)
    manager = said["/**/controller_manager"]["ros__parameters"]
    assert manager["update_rate"] == 500  # each step of the world
    assert manager["scaled_joint_trajectory_controller"] == {
        "type": "joint_trajectory_controller/JointTrajectoryController"
    }
    own = said["/**/scaled_joint_trajectory_controller"]["ros__parameters"]
    assert own["joints"] == list(arm.joint_names) and own["command_interfaces"] == ["position"]
    assert said["/**/hand_controller"]["ros__parameters"]["joints"] == ["finger_joint1", "finger_joint2"]
    assert controller_names(arm, "a") == ["joint_state_broadcaster", "a", "hand_controller"]
    forward = controller_parameters(robots["panda"].config, "forward_position_controller", 100.0)
    kinds = forward["/**/controller_manager"]["ros__parameters"]
    assert kinds["forward_position_controller"] == {
        "type": "position_controllers/JointGroupPositionController"
    }
    # a lag of 1 / (gain x rate) = 20 ms
    gain = said["/**/gz_ros_control"]["ros__parameters"]["position_proportional_gain"]
    assert 1.0 / (gain * manager["update_rate"]) == pytest.approx(0.02)


def test_gazebo_runs_without_a_window_and_finds_the_plug_in():
    assert command("/run/world.sdf") == ["gz", "sim", "-s", "-r", "--headless-rendering", "/run/world.sdf"]
    before = {"AMENT_PREFIX_PATH": "/ws:/opt/ros/jazzy", "GZ_SIM_SYSTEM_PLUGIN_PATH": "/mine"}
    assert environment(before)["GZ_SIM_SYSTEM_PLUGIN_PATH"] == "/mine:/ws/lib:/opt/ros/jazzy/lib"
    assert environment({})["GZ_SIM_SYSTEM_PLUGIN_PATH"] == ""
