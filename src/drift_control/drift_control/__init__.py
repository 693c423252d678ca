"""Control without ROS: robot models, joystick mapping, gate, guard and the loop that joins them.

`__all__` is what other programs may rely on; everything else may change. A name is loaded when it is first
used. Nothing here imports torch.
"""

from importlib import import_module
from typing import Any

# name: module below this package
_HOME = {
    "RobotConfig": "robot.config",
    "Robot": "robot.robot",
    "load_robot": "robot.robot",
    "Pose": "robot.pose",
    "action_to_pose": "robot.pose",
    "pose_to_action": "robot.pose",
    "Joystick": "teleop.joystick",
    "JoystickConfig": "teleop.joystick",
    "TeleopCommand": "teleop.command",
    "load_joystick": "teleop.joystick",
    "GateConfig": "gate.config",
    "GuardFlag": "gate.state",
    "Reason": "gate.state",
    "CommandSource": "gate.state",
    "State": "gate.state",
    "Guard": "guard.guard",
    "ArmState": "inputs",
    "Chunk": "inputs",
    "Inputs": "inputs",
    "JointReading": "inputs",
    "JoyReading": "inputs",
    "Now": "inputs",
    "Requests": "inputs",
    "ControlLoop": "loop",
    "Tick": "tick",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
