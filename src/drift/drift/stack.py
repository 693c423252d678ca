"""The nodes of a stack, as plain data: the one list that `drift up` and the launch file both start."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from drift_config.loader import to_plain
from drift_control.robot.robot import RobotConfig, load_robot
from drift_control.teleop.devices import DeviceConfig, check_fits, load_device
from drift_control.teleop.panel import NEW_FILE
from drift_core.task import TaskConfig, load_task
from drift_sim.node_config import SimNodeConfig
from trainer_node.config import TrainerConfig

from drift import run_folder
from drift.camera_places import camera_places, frame_publishers, unpublished
from drift.cameras import started_cameras
from drift.command_topic import command_topic
from drift.configuration import config_file, dds_profile, dds_profile_variable, moveit_file, nodes_file
from drift.errors import UserError
from drift.gate_transport import gate_environment
from drift.joystick.devices import device_names
from drift.learning_files import checked_beside
from drift.node_parameters import check_parameters, told
from drift.node_spec import GATE, SIMULATION, NodeSpec, Parameter
from drift.run_folder import RunFolder
from drift.simulators import SIMULATORS, Cell, Simulator
from drift.stack_arguments import StackArguments

CONSOLE_DEVICE = "keyboard"  # what console/joy is to the gate: see joysticks_beside in config/nodes.yaml
GATE_WATCHDOG_S = 2.0  # a hundred control ticks


@dataclass(frozen=True)
class StackSpec:
    """Everything that is started, and where it writes."""

    nodes: tuple[NodeSpec, ...]  # in the order of their start
    namespace: str  # "/" or "/name"
    robot: RobotConfig
    controller: str  # of ros2_control, which takes the commands; empty in MuJoCo
    environment: dict[str, str]  # what the user's environment does not say already
    run: RunFolder
    hints: tuple[str, ...] = ()  # to tell a person at the start
    files: dict[Path, str] = field(default_factory=dict)  # what the nodes read beside the configuration

    def create(self) -> "StackSpec":
        """Make the run's folders, and write the files."""
        self.run.create()
        for path, text in self.files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return self


def stack(arguments: StackArguments) -> StackSpec:
    """Return the stack for `arguments`, after reading and checking every file that its nodes will read."""
    robot_file = config_file("robot", arguments.robot_and_hand)
    task_file = config_file("task", arguments.task)
    joystick_file = config_file("joystick", arguments.joystick)
    train_file = config_file("train", arguments.train)
    arm = load_robot(robot_file)
    robot = arm.config
    device = load_device(joystick_file)
    check_fits(device, robot)
    joystick = device.config
    task = load_task(task_file)
    run = run_folder.named(arguments.run, arguments.robot_and_hand, arguments.task)
    with checked_beside(train_file, run, robot.name, task.name):
        if arguments.runs("robot"):
            _check_scene(arguments.sim, task)

    robot_and_task = {"robot_file": str(robot_file), "task_file": str(task_file)}
    checkpoints = {"checkpoint_folder": str(run.checkpoints)}
    overlay = _params_file(arguments)
    places = camera_places(robot, task) if arguments.sim == "none" else {}  # a simulation has its own cameras
    topic = "" if arguments.sim == "mujoco" else command_topic(robot, arguments.controller)
    controller = topic.rpartition("/")[0].rpartition("/")[2]
    simulator = Simulator()
    if arguments.sim == "mujoco":
        node = NodeSpec(
            "sim", "drift_sim", "node", dict(robot_and_task), essential=True, stop_stage=SIMULATION
        )
        simulator = Simulator((node,))
    elif arguments.sim in SIMULATORS and arguments.runs("robot"):
        parameters = told(SimNodeConfig, robot_and_task, arguments.ros_namespace, overlay)
        folder = run.path / arguments.sim
        cell = Cell(arm, task, robot_and_task, parameters, controller, arguments.ros_namespace, folder)
        simulator = SIMULATORS[arguments.sim](cell)
    trainer = NodeSpec(
        name="trainer",
        package="trainer_node",
        executable="node",
        part="trainer",
        parameters={
            **robot_and_task,
            **checkpoints,
            "train_file": str(train_file),
            "episode_folder": str(run.episodes),
            **({"record_bag": True} if arguments.record_bag == "true" else {}),
            **({} if arguments.runs("robot") else {"role": "train"}),
        },
    )
    nodes = [
        *simulator.nodes,
        NodeSpec(
            name="expert_gate",
            package="expert_gate_node",
            executable="node",
            parameters={"robot_file": str(robot_file), "joystick_file": str(joystick_file)},
            remappings={**({"command": topic} if topic else {}), **simulator.remappings},
            essential=True,
            stop_stage=GATE,
            environment=gate_environment(),
            watchdog_s=GATE_WATCHDOG_S,
        ),
        *_planner(arguments.planner, robot_file),
        trainer,
        NodeSpec(
            name="policy",
            package="drift_policy_node",
            executable="node",
            part="policy",
            parameters={**robot_and_task, **checkpoints},
        ),
        *_expert(arguments, robot_and_task, joystick),
        *_console(arguments.console, task_file, run),
        *_cameras(arguments.cameras, task),
        *frame_publishers(places),
    ]
    follows = arguments.follows_clock
    shared = {} if follows is None else {"use_sim_time": follows}
    nodes = [
        replace(
            node,
            parameters={**shared, **node.parameters},
            parameter_files=(nodes_file(), *([overlay] if overlay else []), *node.parameter_files),
        )
        for node in nodes
    ]
    check_parameters({node.name: node.parameters for node in nodes}, arguments.ros_namespace, overlay)
    started = [node for node in nodes if arguments.runs(node.part)]
    if arguments.runs("robot") and not arguments.runs("trainer"):
        (trainer,) = (node for node in nodes if node.name == "trainer")
        started.append(_recorder(trainer, arguments.ros_namespace, overlay))
    return StackSpec(
        nodes=tuple(started),
        namespace=arguments.ros_namespace,
        robot=robot,
        controller=controller,
        environment={name: value for name, value in _environment(run).items() if name not in os.environ},
        run=run,
        hints=(*arguments.hints, *(unpublished(places) if arguments.runs("robot") else ())),
        files=dict(simulator.files),
    )


def _check_scene(sim: str, task: TaskConfig) -> None:
    if sim == "mujoco":
        from drift_sim.scenes import make_arm_scene  # loads MuJoCo, which other simulations do without

        make_arm_scene(task)


def _recorder(trainer: NodeSpec, namespace: str, overlay: Path | None) -> NodeSpec:
    """Return the half of the trainer that records, for the robot's machine when the other half is elsewhere.

    It is told what the files say to the trainer.
    """
    shared = {key: value for key, value in trainer.parameters.items() if key == "use_sim_time"}
    given = {key: value for key, value in trainer.parameters.items() if key not in shared}
    said = to_plain(told(TrainerConfig, {**given, "role": "record"}, namespace, overlay))
    return replace(trainer, name="recorder", part="robot", parameters={**shared, **said})


def _planner(planner: str, robot_file: Path) -> list[NodeSpec]:
    if planner == "none":
        return []
    files = {"robot_file": str(robot_file), "moveit_file": str(moveit_file())}
    other = {} if planner == "ompl" else {"planner": planner}
    return [NodeSpec("planner", "drift_planner_node", "node", {**files, **other})]


def _console(said: str, task_file: Path, run: RunFolder) -> list[NodeSpec]:
    if said == "false":
        return []
    parameters: dict[str, Parameter] = {
        "task_file": str(task_file),
        "joystick_file": str(config_file("joystick", CONSOLE_DEVICE)),
        "run_folder": str(run.path),
        "episode_folder": str(run.episodes),
        "checkpoint_folder": str(run.checkpoints),
    }
    return [NodeSpec("console", "drift_console_node", "node", parameters)]


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


def _expert(arguments: StackArguments, files: dict[str, str], joystick: DeviceConfig) -> list[NodeSpec]:
    expert = arguments.expert
    if expert == "auto":
        expert = "joystick" if arguments.sim == "none" else "scripted"
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


def _check_connected(joystick: DeviceConfig) -> None:
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
