"""Every kind of device, by the `kind` in its file."""

from collections.abc import Callable, Mapping
from pathlib import Path

from drift_config.errors import ConfigError
from drift_config.yaml_file import read_with_faults

from drift_control.teleop.hand import Hand
from drift_control.teleop.joystick import Joystick, JoystickConfig, load_joystick
from drift_control.teleop.lead_hand import LeadHand
from drift_control.teleop.leader_arm import LeaderArm, LeaderArmConfig, load_leader_arm
from drift_control.teleop.pose_source import PoseSource, PoseSourceConfig, load_pose_source

Device = Joystick | PoseSource | LeaderArm
DeviceConfig = JoystickConfig | PoseSourceConfig | LeaderArmConfig
KINDS: Mapping[str, Callable[[Path], Device]] = {
    "joystick": load_joystick,
    "pose": load_pose_source,
    "leader": load_leader_arm,
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
    return Hand(name, device) if isinstance(device, Joystick) else LeadHand(name, device)


def check_fits(device: Device, n_joints: int) -> None:
    """Raise ConfigError where a leader arm has not as many joints as the arm that is to follow."""
    if isinstance(device, LeaderArm) and len(device.config.joints) != n_joints:
        raise ConfigError(
            f"joystick {device.config.name}: joints has {len(device.config.joints)} entries, must be one for "
            f"each of the arm's {n_joints} (null where nobody leads)"
        )
