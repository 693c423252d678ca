"""What can be said about a stack; `drift up` and the launch file both offer exactly these."""

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from drift_config.yaml_file import read_yaml

from drift import configuration
from drift.errors import UserError

_NAMESPACE = re.compile(r"^/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?$")
PARTS = ("robot", "policy", "trainer")


def _argument(default: str, text: str, choices: tuple[str, ...] = (), file: str = "") -> Any:
    return field(default=default, metadata={"help": text, "choices": choices, "file": file})


@dataclass(frozen=True)
class StackArguments:
    """One stack: which arm, in which simulation, for which task, driven by whom."""

    robot: str = _argument(
        "", "the arm: a file of config/robots; empty: as ur_type says, else panda", file="robot"
    )
    gripper: str = _argument(
        "", "the hand: a file of config/grippers; empty: the one that the arm's file names"
    )
    sim: str = _argument(
        "mujoco",
        "mujoco: embedded, real time; gazebo: with the maker's description of the arm; mujoco_ros2_control: "
        "MuJoCo under ros2_control; none: the arm's own driver runs",
        ("mujoco", "gazebo", "mujoco_ros2_control", "none"),
    )
    task: str = _argument("place", "what to do: a file of config/tasks", file="task")
    expert: str = _argument(
        "auto",
        "who holds the joystick: scripted (in simulation: takes over when the policy fails), demonstrator "
        "(drives all the time), joystick (you; its file names the driver), none; auto: scripted or joystick",
        ("auto", "scripted", "demonstrator", "joystick", "none"),
    )
    joystick: str = _argument(
        "gamepad", "driver, axes and buttons: a file of config/joysticks", file="joystick"
    )
    train: str = _argument("default", "how to train: a file of config/train", file="train")
    planner: str = _argument(
        "ompl",
        "who finds ways around obstacles: ompl (built in), move_group (a MoveIt that runs), moveit_py, none",
        ("ompl", "move_group", "moveit_py", "none"),
    )
    console: str = _argument(
        "true",
        "whether the console is served to browsers of this machine, on port 8420 or the next that is free",
        ("true", "false"),
    )
    namespace: str = _argument("", "ROS namespace of all nodes, for two stacks on one network")
    run: str = _argument("", "folder of episodes, checkpoints and logs; empty: a new one in runs/")
    params_file: str = _argument("", "parameter file that overrides config/nodes.yaml")
    controller: str = _argument(
        "", "name of the ros2_control controller; empty: after the robot's command_interface; not for MuJoCo"
    )
    ur_type: str = _argument("", "another name for robot, as UR's launch files have it")
    cameras: str = _argument(
        "",
        "drivers to start for the task's cameras, files of config/cameras: "
        "front=usb_cam@/dev/video2,wrist=realsense; empty: they run already",
    )
    parts: str = _argument(
        "all",
        "what this machine runs, joined by commas: robot (arm, gate, planner, joystick, cameras, and without "
        "the trainer here the recorder), policy, trainer; see docs/two_machines.md",
    )
    record_bag: str = _argument(
        "false",
        "whether the trainer records a bag of rosbag2 beside each episode, in the run's folder bags/",
        ("true", "false"),
    )
    use_sim_time: str = _argument(
        "auto",
        "whether the nodes follow /clock; auto: a simulator that has one, or as a launch file around says",
        ("auto", "true", "false"),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "robot", self._arm())  # under both names the same
        for item in arguments():
            value = getattr(self, item.name)
            if item.name == "task" and value in configuration.choices("task") and not _has_arm(value):
                raise UserError(f"task={value} has no arm: it runs in the in-process shell only")
            if item.choices and value not in item.choices:
                raise UserError(f"{item.name}={value} must be one of: {', '.join(item.choices)}")
        if self.cameras and self.sim != "none":
            raise UserError(f"cameras={self.cameras} needs sim=none, got sim={self.sim}, which has its own")
        if self.parts != "all" and not set(self.parts.split(",")) <= set(PARTS):
            raise UserError(f"parts={self.parts} must be all, or some of {', '.join(PARTS)} joined by commas")
        if not _NAMESPACE.match(self.namespace):
            raise UserError(f"namespace={self.namespace} must be names of letters, digits and _, joined by /")
        if self.expert in ("scripted", "demonstrator") and self.sim == "none":
            raise UserError(
                f"expert={self.expert} needs a simulation, got sim=none; allowed: auto, joystick, none"
            )
        if self.use_sim_time == "true" and self.sim == "mujoco":
            raise UserError(
                "use_sim_time=true needs a /clock, which sim=mujoco does not publish: it runs in real time; "
                "allowed: auto, false"
            )
        if self.controller and self.sim == "mujoco":
            raise UserError(
                f"controller={self.controller} must be empty with sim=mujoco: it is for ros2_control"
            )

    def _arm(self) -> str:
        if not self.ur_type:
            return self.robot or "panda"
        known = [name for name in configuration.choices("robot") if name.startswith("ur")]
        if self.ur_type not in known:
            raise UserError(f"ur_type={self.ur_type} must be one of: {', '.join(known)}")
        if self.robot not in ("", self.ur_type):
            raise UserError(
                f"robot={self.robot} and ur_type={self.ur_type} must be the same, or one of them unsaid"
            )
        return self.ur_type

    def runs(self, part: str) -> bool:
        """Whether a part of the stack, "robot", "policy" or "trainer", runs on this machine."""
        return self.parts == "all" or part in self.parts.split(",")

    @property
    def robot_and_hand(self) -> str:
        """The arm's name, with that of another hand than its usual one."""
        return f"{self.robot}+{self.gripper}" if self.gripper else self.robot

    @property
    def hints(self) -> tuple[str, ...]:
        """What to tell a person beside the start: for a real arm, who says what to do where it is silent."""
        if self.sim != "none":
            return ()
        options = {
            name: getattr(self, name) for name in ("robot", "gripper", "task", "namespace", "controller")
        }
        words = [f"--{name} {value}" for name, value in options.items() if value]
        return (f"each node says what it still lacks after 5 s; what to do: drift doctor {' '.join(words)}",)

    @property
    def ros_namespace(self) -> str:
        """The namespace as ROS wants it, "/" when there is none."""
        return "/" + self.namespace.strip("/")

    @property
    def follows_clock(self) -> bool | None:
        """Whether the nodes follow /clock, which such a simulator publishes; None: nothing is said."""
        if self.use_sim_time == "auto":
            return True if self.sim in ("gazebo", "mujoco_ros2_control") else None
        return self.use_sim_time == "true"


@dataclass(frozen=True)
class Argument:
    """One thing that can be said, for a command line or a launch file."""

    name: str
    default: str
    help: str
    choices: tuple[str, ...]  # empty: anything


def arguments() -> list[Argument]:
    """Return everything that can be said; what is a file of config/ has its file names as choices."""
    return [
        Argument(
            name=item.name,
            default=str(item.default),
            help=item.metadata["help"],
            choices=item.metadata["choices"] or tuple(_files(item.metadata["file"])),
        )
        for item in fields(StackArguments)
    ]


def check_names(names: Iterable[str], more: Collection[str] = (), unspoken: Collection[str] = ()) -> None:
    """UserError with the nearest for a name that is no argument, and in neither `more` nor `unspoken`."""
    allowed = [*(item.name for item in fields(StackArguments)), *more]
    for name in names:
        if name not in allowed and name not in unspoken:
            near = difflib.get_close_matches(name, allowed, 1)
            hint = f"did you mean {near[0]}:=? " if near else ""
            raise UserError(f"{name}:= is no argument; {hint}allowed: {', '.join(allowed)}")


def help_text(name: str) -> str:
    """Return what the argument `name` means; reads no file."""
    return str(StackArguments.__dataclass_fields__[name].metadata["help"])


def _files(kind: str) -> list[str]:
    names = configuration.choices(kind) if kind else []
    return [name for name in names if _has_arm(name)] if kind == "task" else names


def _has_arm(task: str) -> bool:
    return read_yaml(configuration.config_file("task", task)).get("action_space") != "point"
