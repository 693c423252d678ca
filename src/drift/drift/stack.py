"""The nodes of a stack, as plain data: the one list that `drift up` and the launch file both start."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from drift_control.robot.robot import RobotConfig, load_robot
from drift_control.teleop.joystick import NEW_FILE, JoystickConfig, load_joystick
from drift_core.task import TaskConfig, load_task

from drift import run_folder
from drift.cameras import started_cameras
from drift.command_topic import command_topic
from drift.configuration import config_file, dds_profile, dds_profile_variable, moveit_file, nodes_file
from drift.errors import UserError
from drift.joystick.devices import device_names
from drift.learning_files import checked_beside
from drift.node_parameters import check_parameters
from drift.run_folder import RunFolder
from drift.stack_arguments import StackArguments

OTHERS, GATE, SIMULATION = 0, 1, 2  # stop stages: the gate brings the arm to rest while the arm still listens
GATE_WATCHDOG_S = 2.0  # a hundred control ticks


@dataclass(frozen=True)
class NodeSpec:
    """One node to start."""

    name: str
    package: str
    executable: str
    parameters: dict[str, bool | int | float | str] = field(default_factory=dict)  # win over the files
    parameter_files: tuple[Path, ...] = ()  # later ones win over earlier ones
    remappings: dict[str, str] = field(default_factory=dict)
    part: str = "robot"  # of the stack: what runs on one machine
    arguments: tuple[str, ...] = ()  # for programs that take more than ROS arguments
    essential: bool = False  # its death ends the whole stack; any other node is respawned
    stop_stage: int = OTHERS
    watchdog_s: float | None = None  # it sends heartbeats; silent for so long it hangs (`drift up` only)


@dataclass(frozen=True)
class StackSpec:
    """Everything that is started, and where it writes."""

    nodes: tuple[NodeSpec, ...]  # in the order of their start
    namespace: str  # "/" or "/name"
    robot: RobotConfig
    controller: str  # of ros2_control, which takes the commands; empty in MuJoCo
    environment: dict[str, str]  # what the user's environment does not say already
    run: RunFolder


def stack(arguments: StackArguments) -> StackSpec:
    """Return the stack for `arguments`, after reading and checking every file that its nodes will read."""
    robot_file = config_file("robot", arguments.robot_and_hand)
    task_file = config_file("task", arguments.task)
    joystick_file = config_file("joystick", arguments.joystick)
    train_file = config_file("train", arguments.train)
    robot = load_robot(robot_file).config
    joystick = load_joystick(joystick_file).config
    task = load_task(task_file)
    run = run_folder.named(arguments.run, arguments.robot_and_hand, arguments.task)
    with checked_beside(train_file, run, robot.name, task.name):
        if arguments.runs("robot"):
            _check_scene(arguments.sim, task)

    robot_and_task = {"robot_file": str(robot_file), "task_file": str(task_file)}
    checkpoints = {"checkpoint_folder": str(run.checkpoints)}
    topic = "" if arguments.sim == "mujoco" else command_topic(robot, arguments.controller)
    nodes = [
        *_simulation(arguments.sim, robot_and_task, task),
        NodeSpec(
            name="expert_gate",
            package="expert_gate_node",
            executable="node",
            parameters={"robot_file": str(robot_file), "joystick_file": str(joystick_file)},
            remappings={"command": topic} if topic else {},
            essential=True,
            stop_stage=GATE,
            watchdog_s=GATE_WATCHDOG_S,
        ),
        *_planner(arguments.planner, robot_file),
        NodeSpec(
            name="trainer",
            package="trainer_node",
            executable="node",
            part="trainer",
            parameters={
                **robot_and_task,
                **checkpoints,
                "train_file": str(train_file),
                "episode_folder": str(run.episodes),
            },
        ),
        NodeSpec(
            name="policy",
            package="drift_policy_node",
            executable="node",
            part="policy",
            parameters={**robot_and_task, **checkpoints},
        ),
        *_expert(arguments, robot_and_task, joystick),
        *_cameras(arguments.cameras, task),
    ]
    overlay = _params_file(arguments)
    follows = arguments.follows_clock
    shared = {} if follows is None else {"use_sim_time": follows}
    nodes = [
        replace(
            node,
            parameters={**shared, **node.parameters},
            parameter_files=(nodes_file(), *([overlay] if overlay else [])),
        )
        for node in nodes
    ]
    check_parameters({node.name: node.parameters for node in nodes}, arguments.ros_namespace, overlay)
    return StackSpec(
        nodes=tuple(node for node in nodes if arguments.runs(node.part)),
        namespace=arguments.ros_namespace,
        robot=robot,
        controller=topic.rpartition("/")[0].rpartition("/")[2],
        environment={name: value for name, value in _environment(run).items() if name not in os.environ},
        run=run,
    )


def _check_scene(sim: str, task: TaskConfig) -> None:
    if sim == "mujoco":
        from drift_sim.scenes import make_arm_scene  # loads MuJoCo, which other simulations do without

        make_arm_scene(task)


def _simulation(sim: str, files: dict[str, str], task: TaskConfig) -> list[NodeSpec]:
    if sim == "mujoco":
        return [NodeSpec("sim", "drift_sim", "node", dict(files), essential=True, stop_stage=SIMULATION)]
    if sim == "gazebo":
        # Gazebo itself, with the arm under gz_ros2_control, is started beside. "[" is one way, Gazebo to ROS:
        # a second publisher of /clock would make time jump. Not run where this was written, without Gazebo.
        images = (f"{camera.topic}@sensor_msgs/msg/Image[gz.msgs.Image" for camera in task.cameras)
        return [
            NodeSpec(
                name="gazebo_bridge",
                package="ros_gz_bridge",
                executable="parameter_bridge",
                arguments=("/clock@rosgraph_msgs/msg/Clock[gz.msgs.Clock", *images),
                essential=True,
                stop_stage=SIMULATION,
            )
        ]
    return []


def _planner(planner: str, robot_file: Path) -> list[NodeSpec]:
    if planner == "none":
        return []
    files = {"robot_file": str(robot_file), "moveit_file": str(moveit_file())}
    other = {} if planner == "ompl" else {"planner": planner}
    return [NodeSpec("planner", "drift_planner_node", "node", {**files, **other})]


def _cameras(said: str, task: TaskConfig) -> list[NodeSpec]:
    return [
        NodeSpec(
            name=f"camera_{camera.name}",
            package=camera.driver.package,
            executable=camera.driver.executable,
            parameters=camera.parameters,
            remappings=camera.remappings,
        )
        for camera in started_cameras(said, task)
    ]


def _expert(arguments: StackArguments, files: dict[str, str], joystick: JoystickConfig) -> list[NodeSpec]:
    expert = arguments.expert
    if expert == "auto":
        expert = "scripted" if arguments.sim == "mujoco" else "joystick"
    files = {**files, "joystick_file": str(config_file("joystick", "scripted"))}
    if expert == "scripted":
        return [NodeSpec("expert", "drift_sim", "expert", dict(files))]
    if expert == "demonstrator":
        return [NodeSpec("expert", "drift_sim", "expert", {**files, "mode": "demonstrate"})]
    driver = joystick.driver
    if expert == "joystick" and driver is not None:
        if arguments.runs("robot"):
            _check_connected(joystick)
        parameters, remappings = dict(driver.parameters), dict(driver.remappings)
        return [NodeSpec("joy", driver.package, driver.executable, parameters, remappings=remappings)]
    return []


def _check_connected(joystick: JoystickConfig) -> None:
    """Refuse to read a device for which the file is not; without any, one may still be plugged in."""
    found = device_names()
    if found and joystick.device_names and not set(found) & set(joystick.device_names):
        raise UserError(
            f"joystick={joystick.name} is for {', '.join(joystick.device_names)}; "
            f"connected: {', '.join(found)}; {NEW_FILE}"
        )


def _params_file(arguments: StackArguments) -> Path | None:
    if not arguments.params_file:
        return None
    path = Path(arguments.params_file).resolve()
    if not path.is_file():
        raise UserError(f"params_file={arguments.params_file} must be a file")
    return path


def _environment(run: RunFolder) -> dict[str, str]:
    return {
        dds_profile_variable(): str(dds_profile()),
        "MUJOCO_GL": "egl",
        "LP_NUM_THREADS": "1",  # small images in software: more threads only take a core from others
        "ROS_LOG_DIR": str(run.logs / "ros"),
    }
