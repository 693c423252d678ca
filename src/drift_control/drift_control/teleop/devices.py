"""Every kind of device, by the `kind` in its file."""

from collections.abc import Callable, Mapping
from pathlib import Path

from drift_config.errors import ConfigError
from drift_config.yaml_file import read_with_faults

from drift_control.robot.config import RobotConfig
from drift_control.teleop.hand import Hand
from drift_control.teleop.hand_guiding import HandGuiding, HandGuidingConfig, load_hand_guiding
from drift_control.teleop.joystick import Joystick, JoystickConfig, load_joystick
from drift_control.teleop.lead_hand import LeadHand
from drift_control.teleop.leader_arm import LeaderArm, LeaderArmConfig, load_leader_arm
from drift_control.teleop.pose_source import PoseSource, PoseSourceConfig, load_pose_source

Device = Joystick | PoseSource | LeaderArm | HandGuiding
DeviceConfig = JoystickConfig | PoseSourceConfig | LeaderArmConfig | HandGuidingConfig
KINDS: Mapping[str, Callable[[Path], Device]] = {
    "joystick": load_joystick,
    "pose": load_pose_source,
    "leader": load_leader_arm,
    "hand_guiding": load_hand_guiding,
}


def load_device(path: Path | str) -> Device:
    """Return the device that a file of config/joysticks describes; without `kind` it is a joystick."""
    section, _ = read_with_faults(path)
    kind = section.get("kind", "joystick")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"{path}: kind={kind!r} must be one of {', '.join(KINDS)}")
    return KINDS[kind](Path(path))


def hand_of(name: str, device: Device) -> Hand | LeadHand:
    """Return what judges a device; `name`: the topic of its buttons."""
    return LeadHand(name, device) if isinstance(device, PoseSource | LeaderArm) else Hand(name, device)


def check_fits(device: Device, robot: RobotConfig) -> None:
    """Raise ConfigError where a leader has not the arm's number of joints, or the arm cannot be guided."""
    n_joints = len(robot.joint_names)
    if isinstance(device, HandGuiding) and robot.hand_guiding == "none":
        raise ConfigError(
            f"joystick {device.config.name} guides the arm by hand, "
            f"but hand_guiding of robot {robot.name} is none"
        )
    if isinstance(device, LeaderArm) and len(device.config.joints) != n_joints:
        raise ConfigError(
            f"joystick {device.config.name}: joints has {len(device.config.joints)} entries, must be one for "
            f"each of the arm's {n_joints} (null where nobody leads)"
        )
