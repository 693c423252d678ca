from dataclasses import replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.arms import ARMS
from drift_control.horizon import RollingHorizon
from drift_control.robot import ik
from drift_control.robot.robot import Robot, load_robot
from drift_sim.hand import FINGER_JOINTS
from drift_sim.headless import mujoco
from drift_sim.ros2_control.trajectory_controller import Trajectory
from drift_sim.scenes import SCENES
from drift_sim.scenes.scene import TaskOutcome
from drift_sim.scenes.table.things import OBJECT_JOINT
from drift_sim.world import World

SIMULATED = [name for name, arm in ARMS.items() if arm.dynamics is not None]


@pytest.mark.parametrize("name", SIMULATED)
def test_physics_and_kinematics_agree_on_the_tcp(name, robots, within_reach):
    robot = robots[name]
    world = World(robot, within_reach("place", name))
    rng = np.random.default_rng(0)
    for _ in range(20):
        q = rng.uniform(np.maximum(robot.low, -2.5), np.minimum(robot.high, 2.5))
        world._data.qpos[world._arm_qpos] = q
        mujoco.mj_kinematics(world._model, world._data)
        expected = robot.forward(q)
        np.testing.assert_allclose(world.tcp().position, expected.position, atol=1e-9)
        np.testing.assert_allclose(world.tcp().rotation, expected.rotation, atol=1e-9)


@pytest.mark.parametrize("name", SIMULATED)
def test_an_arm_that_is_told_nothing_stays_where_it_is(name, robots, within_reach):
    world = World(robots[name], within_reach("place", name))
    world.step(1000)  # 2 s
    np.testing.assert_allclose(world.joint_positions(), robots[name].home, atol=1e-4)
    assert world.time_s == pytest.approx(2.0)


def test_the_tcp_is_where_the_joints_are_in_a_fast_move(world):
    world.set_joint_command(world.robot.home + 0.3)
    before = world.tcp().position
    for steps in (1, 3, 10, 50):
        world.step(steps)
        expected = world.robot.forward(world.joint_positions())
        np.testing.assert_allclose(world.tcp().position, expected.position, atol=1e-9)
        np.testing.assert_allclose(world.tcp().rotation, expected.rotation, atol=1e-9)
    assert np.linalg.norm(world.tcp().position - before) > 0.02


def test_truth_and_pictures_are_of_the_state_of_now(world):
    box = world._model.joint(OBJECT_JOINT)
    at = box.qposadr[0]
    world._data.qpos[at + 2] += 0.1
    world.set_joint_command(world.robot.home + 0.3)
    world.step(50)  # it falls for 0.1 s: half g t**2 = 0.049 m, and 1 m/s is 2 mm in each step
    np.testing.assert_allclose(world.truth().object.position, world._data.qpos[at : at + 3], atol=1e-12)
    assert world._data.qvel[box.dofadr[0] + 2] == pytest.approx(-0.98, abs=0.02)
    seen = {camera.name: world.render(camera.name) for camera in world.task.cameras}
    mujoco.mj_forward(world._model, world._data)
    for name, image in seen.items():
        assert np.array_equal(world.render(name), image), name


def test_a_picture_that_is_looked_at_later_shows_the_moment_when_it_was_taken(world):
    world.step(7)
    seen = {camera.name: world.render(camera.name) for camera in world.task.cameras}
    taken = {name: world.picture(name) for name in seen}
    world.move_goal()
    world.set_joint_command(world.robot.home + 0.3)
    world.step(50)
    now = {name: world.render(name) for name in seen}
    for name, picture in taken.items():
        assert picture.shape == seen[name].shape and picture.dtype == seen[name].dtype
        assert np.array_equal(np.asarray(picture), seen[name]), name
        assert not np.array_equal(now[name], seen[name]), name
        assert np.array_equal(world.render(name), now[name]), name


def test_the_arm_reaches_a_commanded_pose_within_a_second(world):
    target = world.robot.home + 0.1
    world.set_joint_command(target)
    world.step(500)
    np.testing.assert_allclose(world.joint_positions(), target, atol=2e-3)


def test_the_same_commands_by_either_interface_move_the_arm_alike(robots, tasks):
    # 0.4 rad/s of every joint for 1 s, told every 20 ms: by trajectory each is reached one period later
    world, robot = World(robots["ur5e"], tasks["place"]), robots["ur5e"]
    paths = []
    for by_trajectory in (False, True):
        world.reset(0)
        horizons, path = RollingHorizon(0.02, robot.low, robot.high), []
        for k in range(75):
            q = robot.home + 0.4 * 0.02 * min(k, 50)
            if by_trajectory:
                horizon = horizons.next(q, np.full(6, 0.4 if 0 < k < 50 else 0.0), world.time_s)
                names = robot.config.joint_names
                assert world.follow(Trajectory(names, horizon.due_s, horizon.q, horizon.v)) == ""
            else:
                world.set_joint_command(q)
            for _ in range(10):
                world.step()
                path.append(world.joint_positions())
        paths.append(np.array(path))
    stream, trajectory = paths
    np.testing.assert_allclose(stream[-1], trajectory[-1], atol=1e-3)
    # a staircase is half a period ahead of the line through its steps: 0.4 rad/s times 10 ms
    assert np.abs(stream[:-5] - trajectory[5:]).max() < 0.004
    assert np.abs(stream - trajectory).max() < 0.4 * 0.02


def test_the_hand_closes_to_the_opening_it_is_told(world):
    world.set_gripper_command(0.03)
    world.step(500)
    assert world.gripper_m() == pytest.approx(0.03, abs=1e-3)


@pytest.mark.parametrize("force_n", [20.0, 6.0])
def test_the_hand_grips_with_no_more_than_the_force_of_the_robots_file(robots, tasks, force_n):
    config = robots["panda"].config
    robot = Robot(replace(config, gripper=replace(config.gripper, force_n=force_n)))
    world = World(robot, tasks["place"])
    left, right = (world._data.joint(name) for name in FINGER_JOINTS)
    world.step(200)
    world._model.jnt_range[left.id][0] = world._model.jnt_range[right.id][0] = 0.03  # something stiff between
    world.set_gripper_command(0.0)
    world.step(500)
    force = np.abs(world._data.actuator_force[world._gripper_ctrl])
    assert force == pytest.approx(force_n, rel=1e-3)


def test_a_seed_means_the_same_start_whatever_the_arm_does(robots, tasks):
    first, second = World(robots["panda"], tasks["place"]), World(robots["ur5e"], tasks["place"])
    first.reset(7)
    second.reset(3)
    second.step(100)
    assert second.reset_objects(7)
    np.testing.assert_array_equal(first.truth().object.position, second.truth().object.position)
    np.testing.assert_array_equal(first.truth().goal.position, second.truth().goal.position)
    assert not np.array_equal(first.truth().object.position, _at(first, 8))


def test_a_moved_goal_is_half_its_region_away_and_inside_of_it(world):
    reset = world.scene.config.reset
    for seed in range(20):
        world.reset(seed)
        before = world.truth()
        world.move_goal()
        after = world.truth()
        np.testing.assert_allclose(np.abs(after.goal.position - before.goal.position), [0.07, 0.05, 0.0])
        assert np.all(after.goal.position[:2] >= reset.goal_low_m)
        assert np.all(after.goal.position[:2] <= reset.goal_high_m)
        np.testing.assert_array_equal(after.object.position, before.object.position)


def _at(world, seed):
    world.reset(seed)
    return world.truth().object.position


def test_starts_lie_in_the_ranges_of_the_task(world):
    reset = world.scene.config.reset
    for seed in range(50):
        world.reset(seed)
        box, goal = world.truth().object.position, world.truth().goal.position
        assert np.all(box[:2] >= reset.object_low_m) and np.all(box[:2] <= reset.object_high_m)
        assert np.all(goal[:2] >= reset.goal_low_m) and np.all(goal[:2] <= reset.goal_high_m)


def test_objects_are_not_reset_into_the_hand(world):
    world.reset(1)
    box = world.truth().object.position
    above = replace(world.robot.forward(world.robot.home), position=box + [0.0, 0.0, 0.02])
    solution = ik.solve(world.robot, above, world.robot.home)
    world._data.qpos[world._arm_qpos] = solution.q  # the fingers stand over the box; now close them into it
    world._data.qpos[world._finger_qpos] = 0.005
    before = world.truth().object.position
    assert not world.reset_objects(1)
    np.testing.assert_array_equal(world.truth().object.position, before)


def test_a_box_put_on_its_goal_and_released_is_a_success_after_the_hold(world):
    world.reset(2)
    goal = world.truth().goal.position
    at = world.scene._object_qpos
    world._data.qpos[at : at + 2] = goal[:2]
    world.step(50)  # 0.1 s, shorter than hold_s
    assert world.outcome() is TaskOutcome.RUNNING
    # the open hand has risen far enough, so that nothing is left to do: all of the partial credit
    assert world.score() == 0.5
    world.step(200)
    assert (world.outcome(), world.score()) == (TaskOutcome.SUCCESS, 1.0)
    world.reset(2)
    assert (world.outcome(), world.score()) == (TaskOutcome.RUNNING, 0.0)


def test_partial_credit_is_the_share_of_the_way_that_is_done(world):
    world.reset(2)
    grasp = world.truth().object.position
    world._data.qpos[world._arm_qpos] = ik.solve(
        world.robot, replace(world.tcp(), position=grasp + [0.0, 0.0, 0.08]), world.robot.home
    ).q
    mujoco.mj_forward(world._model, world._data)
    near = world.score()
    world._data.qpos[world._arm_qpos] = ik.solve(
        world.robot, replace(world.tcp(), position=grasp + [0.2, 0.3, 0.5]), world.robot.home
    ).q
    mujoco.mj_forward(world._model, world._data)
    assert 0.0 < near < 0.25, "reaching is less than half of all there is to do"
    assert world.score() == 0.0, "further away than at the start"
    world._to_go_at_start = 0.0  # as where a thing may begin on its goal
    assert world.score() == 0.0, "nothing was to do"


def test_a_box_that_leaves_the_table_is_a_failure(world):
    world.reset(2)
    world._data.qpos[world.scene._object_qpos] = 2.0
    world.step(100)
    assert (world.outcome(), world.score()) == (TaskOutcome.FAILURE, 0.0)


def test_the_front_camera_sees_the_red_box_where_the_truth_projects_it(world):
    for seed in range(3):
        world.reset(seed)
        image = world.render("front").astype(int)
        assert image.shape == (64, 64, 3)
        red = (image[..., 0] > 120) & (image[..., 1] < 70) & (image[..., 2] < 70)
        rows, columns = np.nonzero(red)
        seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        expected = _project(world.scene.cameras["front"], world.truth().object.position, 64)
        np.testing.assert_allclose(seen, expected, atol=1.0)  # one pixel of 8 mm


def _project(camera, point, size):
    """Return the pixel (x, y) of `point` (3,) by hand: a pinhole of `fovy_deg` that looks at `look_at_m`."""
    position, target = np.array(camera.position_m), np.array(camera.look_at_m)
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    focal = 0.5 * size / np.tan(0.5 * np.radians(camera.fovy_deg))
    way = np.asarray(point) - position
    return size / 2 + focal * np.array([way @ right, way @ down]) / (way @ forward)


def test_the_wrist_camera_sees_the_fingers_and_the_table(world):
    world.reset(0)
    image = world.render("wrist").astype(int)
    dark = (image.max(axis=-1) < 90).mean()
    assert 0.1 < dark < 0.6


def test_an_unknown_camera_is_refused(world):
    with pytest.raises(ConfigError, match="camera='rear' must be one of front, wrist"):
        world.render("rear")


def with_scene(task, part, **changes):
    return replace(task, scene={**task.scene, part: {**task.scene[part], **changes}})


def test_a_task_where_the_arm_may_not_or_cannot_go_is_refused_with_the_place(robots, tasks):
    # The UR10e's workspace begins at x = 0.30 m; its TCP cannot come down at 1.9 m.
    near = with_scene(tasks["place"], "reset", object_low_m=[0.26, -0.13])
    place = r"object of task place at \[0.26, -0.13, 0.02\] m"
    with pytest.raises(ConfigError, match=rf"{place} must lie in the workspace of robot ur10e, \[0.3, "):
        World(robots["ur10e"], near)
    World(robots["ur5e"], near).close()
    wide = replace(robots["ur5e"].config.workspace, high_m=(2.0, 0.4, 0.6))
    stretched = Robot(replace(robots["ur5e"].config, workspace=wide))
    far = with_scene(tasks["place"], "reset", goal_high_m=[1.9, 0.19])
    with pytest.raises(
        ConfigError, match=r"goal of task place at \[1.9, 0.09, 0.02\] m must be within reach"
    ):
        World(stretched, far)


def test_an_arm_without_a_hand_is_simulated_with_its_flange_as_tcp(config_folder, tasks):
    robot = load_robot(config_folder / "robots" / "panda+none.yaml")
    world = World(robot, tasks["place"])
    world.set_gripper_command(0.05)  # nobody to open
    world.step(500)
    assert world.gripper_m() == 0.0 and world.finger_positions().shape == (0,)
    np.testing.assert_allclose(
        world.tcp().position, robot.forward(world.joint_positions()).position, atol=1e-9
    )
    assert world.render("wrist").shape == (64, 64, 3)
    world.close()


def test_a_hand_that_the_simulation_does_not_have_is_refused_by_name(config_folder, tasks):
    robot = load_robot(config_folder / "robots" / "ur5e+robotiq_2f85.yaml")
    with pytest.raises(
        ConfigError, match="gripper=robotiq_2f85 cannot be simulated, must be parallel_hand or"
    ):
        World(robot, tasks["place"])


def test_an_arm_without_dynamics_is_not_simulated(robots, tasks):
    robot = Robot(robots["ur10e"].config)
    robot.arm = replace(robot.arm, dynamics=None)
    with pytest.raises(ConfigError, match="arm='ur10e' must have dynamics"):
        World(robot, tasks["place"])


def test_an_unknown_kind_of_scene_and_one_without_arm_are_refused(robots, tasks):
    task = tasks["place"]
    with pytest.raises(ConfigError, match="scene.kind='shelf' of task place must be one of table, fork"):
        World(robots["panda"], replace(task, scene={**task.scene, "kind": "shelf"}))
    with pytest.raises(ConfigError, match="scene.kind='fork' of task fork has no arm"):
        World(robots["panda"], tasks["fork"])
    assert {task.scene["kind"] for task in tasks.values()} == set(SCENES)  # each kind has a task


def test_a_task_beyond_the_reach_of_a_small_arm_is_refused_with_the_place(robots, tasks):
    place = r"object of task place at \[0.54, -0.13, 0.02\] m"
    workspace = r"the workspace of robot ur3e, \[0.23, -0.25, 0.0\] .. \[0.4, 0.25, 0.35\]"
    with pytest.raises(ConfigError, match=rf"{place} must lie in {workspace}"):
        World(robots["ur3e"], tasks["place"])


@pytest.mark.parametrize(
    ("name", "mass_kg"),  # of the links, the sum on paper
    [
        ("panda", 16.062132),
        ("fr3", 15.4947),
        ("ur3e", 8.7985),
        ("ur5e", 17.7),
        ("ur10e", 29.104),
        ("ur16e", 27.26),
    ],
)
def test_the_mass_of_an_arm_is_the_makers(name, mass_kg, robots, within_reach):
    world = World(robots[name], within_reach("place", name))
    links = [world._model.body(f"{joint}_link").mass[0] for joint in robots[name].config.joint_names]
    assert sum(links) == pytest.approx(mass_kg)


def test_the_inertia_of_a_link_that_the_maker_gives_is_the_one_that_is_simulated(robots, tasks):
    # The UR10e's upper arm: principal moments of its tensor, whatever the frame that it is given in.
    world = World(robots["ur10e"], tasks["place"])
    xx, yy, zz, xy, xz, yz = 0.02814, 0.77068, 0.76943, 0.00005, -0.01561, 0.00002
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    body = world._model.body("shoulder_lift_joint_link")
    np.testing.assert_allclose(np.sort(body.inertia), np.linalg.eigvalsh(tensor), rtol=1e-6)
    np.testing.assert_allclose(body.ipos, [0.38 - 0.6127, 0.0, 0.158], atol=1e-12)


def test_two_worlds_with_the_same_commands_agree_to_the_bit(robots, tasks):
    states = []
    for _ in range(2):
        world = World(robots["ur5e"], tasks["insert"])
        world.reset(5)
        for k in range(100):
            world.set_joint_command(robots["ur5e"].home + 0.002 * k)
            world.set_gripper_command(0.08 - 0.0005 * k)
            world.step(5)
        states.append(world._data.qpos.copy())
    np.testing.assert_array_equal(states[0], states[1])
