"""The cell for mujoco_ros2_control: the same things at the same places, each joint with its own servo."""

from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import yaml
from drift_sim.external.mirror import Mirror
from drift_sim.mujoco_ros2_control.cell import build_cell
from drift_sim.mujoco_ros2_control.description import build_description
from drift_sim.mujoco_ros2_control.plugins import plugin_parameters
from sdformat import check_urdf


@pytest.fixture(scope="module")
def mirror(robots, tasks):
    mirror = Mirror(robots["ur5e"], tasks["insert"])
    mirror.reset_objects(5)
    return mirror


@pytest.fixture
def cell(mirror):
    """The model as the simulator compiles it, with the robot where its description puts it."""
    model = mujoco.MjModel.from_xml_string(build_cell(mirror))
    data = mujoco.MjData(model)
    names = [*mirror.robot.config.joint_names, "finger_joint1", "finger_joint2"]
    for name, q in zip(names, [*mirror.joint_positions(), *mirror.finger_positions()], strict=True):
        data.qpos[model.joint(name).qposadr[0]] = q
        data.ctrl[model.actuator(name).id] = q
    mujoco.mj_forward(model, data)
    return model, data


def test_everything_is_where_the_embedded_simulation_has_it(mirror, cell):
    model, data = cell
    for at in range(mirror.model.ngeom):
        name = mirror.model.geom(at).name
        if name:
            other = model.geom(name).id
            assert data.geom_xpos[other] == pytest.approx(mirror.data.geom_xpos[at], abs=1e-9), name
            assert data.geom_xmat[other] == pytest.approx(mirror.data.geom_xmat[at], abs=1e-9), name
            assert model.geom_size[other] == pytest.approx(mirror.model.geom_size[at], abs=1e-9), name
    for camera in ("front", "wrist"):
        at = model.camera(camera).id
        assert data.cam_xpos[at] == pytest.approx(mirror.data.cam_xpos[mirror.model.camera(camera).id])
        assert model.cam_fovy[at] == mirror.model.cam_fovy[mirror.model.camera(camera).id]
        assert list(model.cam_resolution[at]) == [64, 64]


def test_each_joint_has_a_position_servo_of_its_name_and_the_arm_stays_where_it_is_told(mirror, cell):
    model, data = cell
    actuators = {model.actuator(at).name for at in range(model.nu)}
    assert actuators == {*mirror.robot.config.joint_names, "finger_joint1", "finger_joint2"}
    before = data.qpos.copy()
    mujoco.mj_step(model, data, 500)  # a second
    joints = [model.joint(name).qposadr[0] for name in actuators]
    assert np.abs(data.qpos[joints] - before[joints]).max() < 1e-3


def test_a_hand_that_closes_on_nothing_closes_as_fast_as_the_embedded_one(mirror, cell, robots, tasks):
    model, data = cell
    embedded = Mirror(robots["ur5e"], tasks["insert"])
    embedded.reset(5)
    embedded.set_gripper_command(0.0)
    fingers = [model.joint(name).qposadr[0] for name in ("finger_joint1", "finger_joint2")]
    for name in ("finger_joint1", "finger_joint2"):
        data.ctrl[model.actuator(name).id] = 0.0
    for _ in range(20):
        embedded.step(10)
        mujoco.mj_step(model, data, 10)
        assert data.qpos[fingers].sum() == pytest.approx(embedded.gripper_m(), abs=1e-3)


def test_the_goal_stands_though_it_may_be_put_and_a_box_that_hits_it_does_not_move_it(cell):
    model, data = cell
    at = model.joint("goal_free").qposadr[0]
    before = data.qpos[at : at + 7].copy()
    box = model.joint("object_free")
    data.qpos[box.qposadr[0] : box.qposadr[0] + 3] = before[:3] + [0.0, -0.08, 0.03]
    data.qvel[box.dofadr[0] + 1] = 1.0  # m/s, towards the wall of the slot
    mujoco.mj_step(model, data, 500)
    assert np.abs(data.qpos[at : at + 3] - before[:3]).max() < 3e-4
    assert data.qpos[at + 3 : at + 7] == pytest.approx(before[3:], abs=1e-3)
    # put elsewhere by writing its state, as the service does
    data.qpos[at : at + 3] = [0.5, 0.15, 0.0]
    data.qvel[model.joint("goal_free").dofadr[0] :][:6] = 0.0
    mujoco.mj_step(model, data, 100)
    assert data.xpos[model.body("goal").id] == pytest.approx([0.5, 0.15, 0.0], abs=1e-4)


def test_the_description_names_the_joints_of_the_cell_and_starts_them_at_home(mirror, cell, tmp_path):
    model, _ = cell
    path = tmp_path / "robot.urdf"
    path.write_text(build_description(mirror, "/run/cell.xml"))
    assert "root Link: base_link" in check_urdf(path)
    urdf = ElementTree.parse(path).getroot()
    (system,) = urdf.findall("ros2_control")
    assert system.findtext("hardware/plugin") == "mujoco_ros2_control/MujocoSystemInterface"
    parameters = {item.get("name"): item.text for item in system.findall("hardware/param")}
    assert parameters == {"mujoco_model": "/run/cell.xml", "headless": "true"}
    joints = [joint.get("name") for joint in system.findall("joint")]
    assert set(joints) == {model.actuator(at).name for at in range(model.nu)}
    start = {
        joint.get("name"): float(joint.findtext("state_interface/param")) for joint in system.findall("joint")
    }
    assert [start[name] for name in mirror.robot.config.joint_names] == pytest.approx(mirror.robot.home)
    limit = urdf.find("joint[@name='elbow_joint']/limit")
    assert (float(limit.get("effort")), float(limit.get("velocity"))) == (150.0, pytest.approx(np.pi))


def test_pictures_and_things_come_under_the_topics_of_the_task(mirror):
    said = yaml.safe_load(yaml.safe_dump(plugin_parameters(mirror.task, "/left", 10.0, 50.0)))
    plugins = said["/**/mujoco_ros2_control_node"]["ros__parameters"]["mujoco_plugins"]
    assert plugins["things"] == {
        "type": "mujoco_ros2_control_plugins/FreeJointStatePublisherPlugin",
        "topic": "/left/mujoco/things",
        "publish_rate": 50.0,
    }
    assert plugins["cameras"]["camera_publish_rate"] == 10.0
    assert plugins["cameras"]["wrist"] == {
        "frame_name": "wrist_optical_frame",
        "info_topic": "/left/camera/wrist/camera_info",
        "image_topic": "/left/camera/wrist/image_raw",
        "depth_topic": "/left/mujoco/wrist/depth",
    }
    (alone,) = (plugin_parameters(mirror.task, "/", 10.0, 50.0).values(),)
    assert "/camera/front/image_raw" in str(list(alone))
