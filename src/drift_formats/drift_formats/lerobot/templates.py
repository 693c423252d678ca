"""The files that a person must write before a set of another robot can be read, begun from the set itself.

What the set says of joints, cameras and rates stands in them. What it does not say is UNKNOWN, which no
loader takes: nothing is guessed, least of all a limit that might one day move an arm.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from drift_core.errors import DataError

from drift_formats.format import UNKNOWN, Template
from drift_formats.lerobot import layout
from drift_formats.lerobot.checked_files import read_json
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.set_files import SetFiles

_POLICY_S = 0.1  # about, between two policy steps
_PER_JOINT = (
    ("position_low_rad", "tighter than the maker's, as all limits"),
    ("position_high_rad", ""),
    ("velocity_rad_s", ""),
    ("acceleration_rad_s2", ""),
    ("jerk_rad_s3", ""),
    ("braking_jerk_rad_s3", "at least jerk_rad_s3"),
)


def templates_of(source: Path) -> list[Template]:
    """Return robot, task and map of a set; DataError where it has neither state nor action with entries."""
    files = SetFiles(source)
    state, action = (_vector(files, name) for name in (layout.STATE, layout.ACTION))
    robot, task = _plain_name(files.robot or "theirs"), _plain_name(source.resolve().name)
    grippers = [name for name in _entries(state) if "gripper" in name.lower()]
    joints = [name for name in _entries(state) if name not in grippers]
    cameras = {
        _plain_name(name.removeprefix(layout.IMAGES)): files.features[name] for name in _cameras(files)
    }
    arm = f"src/drift_control/drift_control/arms/{robot}.py"
    return [
        Template("robot", robot, "\n".join(_robot(robot, joints, arm)), f"with its kinematics: {arm}"),
        Template("task", task, "\n".join(_task(task, files, cameras))),
        Template("map", task, "\n".join(_map(files, state, action, grippers, cameras))),
    ]


def _robot(robot: str, joints: Sequence[str], arm: str) -> Iterator[str]:
    yield f"# {robot}, begun from a set of LeRobot, which names its joints and nothing else."
    yield f"# Replace each {UNKNOWN} by what the maker says (docs/extending.md, An arm)."
    yield f"name: {robot}"
    yield f"arm: {robot} # {arm}, entered in ARMS: its kinematics and hardware limits"
    yield f"joint_names: {_listed(joints)} # {len(joints)}, from the base on"
    yield f"base_frame: {_said(UNKNOWN)}"
    yield f"tip_frame: {_said(UNKNOWN)}"
    yield f"home_rad: {_listed([UNKNOWN] * len(joints))}"
    yield "limits:"
    for name, why in _PER_JOINT:
        yield f"  {name}: {_listed([UNKNOWN] * len(joints))}" + (f" # {why}" if why else "")
    yield f"tcp_speed_max_m_s: {_said(UNKNOWN)} # at most 0.25"
    yield "workspace: # of the TCP, in base_frame"
    for name in ("low_m", "high_m"):
        yield f"  {name}: {_listed([UNKNOWN] * 3)}"
    yield f"  floor_m: {_said(UNKNOWN)}"
    yield f"  table_m: {_said(UNKNOWN)}"
    yield f"gripper: {_said(UNKNOWN)} # a file of config/grippers"
    yield f"command_interface: {_said(UNKNOWN)} # forward_position or joint_trajectory"
    yield f"tracking_error_max_rad: {_said(UNKNOWN)}"
    yield f"start_tolerance_rad: {_said(UNKNOWN)}"
    yield ""


def _task(task: str, files: SetFiles, cameras: dict[str, Feature]) -> Iterator[str]:
    rows = max(1, round(_POLICY_S * files.fps))
    longest_s = max((entry.length for entry in files.entries()), default=0) / files.fps
    yield f"# Begun from a set of LeRobot at {files.fps:g} rows a second."
    yield f"name: {task}"
    yield "cameras:" + ("" if cameras else " []")
    for name, feature in cameras.items():
        height, width = feature.size
        seen = f"height: {height}, width: {width}, latency_s: 0.0"
        yield f"  - {{name: {name}, topic: camera/{name}/image_raw, {seen}}} # smaller is faster: made to fit"
    yield f"dt_s: {rows / files.fps:.10g} # policy step: {rows} rows"
    yield "horizon: 16 # steps in a chunk"
    yield "observation_steps: 1"
    yield "action_steps: 8 # executed steps of a chunk"
    yield f"action_space: {_said(UNKNOWN)} # tcp_pose or joint_position"
    yield f"max_duration_s: {math.ceil(longest_s) or _said(UNKNOWN)} # the longest episode of the set"
    yield "scene: {} # it is not simulated"
    yield ""


def _map(
    files: SetFiles, state: Feature, action: Feature, grippers: Sequence[str], cameras: dict[str, Feature]
) -> Iterator[str]:
    yield f"# What the columns of {files.folder.resolve().name} mean: offset + scale * theirs, in rad and m."
    yield f"# Replace each {UNKNOWN}; scale: 1.0 where they are in rad and m, 0.01745329252 from degrees."
    yield "# An entry that is no joint of the arm is to be taken out of joints and action_joints."
    for feature, joints, gripper in (
        (state, "joints", "gripper"),
        (action, "action_joints", "action_gripper"),
    ):
        yield from _ranges(files, feature)
        names = _entries(feature) or range(feature.shape[0])
        of_arm = [name for name in names if name not in grippers]
        of_hand = [name for name in names if name in grippers] or [UNKNOWN]
        scale, offset = f"scale: {_said(UNKNOWN)}", f"offset: {_said(UNKNOWN)}"
        yield f"{joints}: {{feature: {feature.name}, entries: {_listed(of_arm)}, {scale}}}"
        yield f"{gripper}: {{feature: {feature.name}, entries: {_listed(of_hand)}, {scale}, {offset}}}"
    yield f"cameras: {{{', '.join(f'{name}: {_said(feature.name)}' for name, feature in cameras.items())}}}"
    yield ""


def _ranges(files: SetFiles, feature: Feature) -> Iterator[str]:
    """Say how far each entry goes in the set, as far as its statistics say."""
    path = files.folder / layout.STATS_FILE
    said = read_json(path).get(feature.name, {}) if path.is_file() else {}
    low, high = (said.get(key) if isinstance(said, dict) else None for key in ("min", "max"))
    names = _entries(feature)
    for number in range(feature.shape[0]):
        name = f" {names[number]}" if names else ""
        between = ""
        if isinstance(low, list) and isinstance(high, list) and len(low) == len(high) == feature.shape[0]:
            between = f": {low[number]:.4g} .. {high[number]:.4g}"
        yield f"#   {feature.name} {number}{name}{between}"


def _vector(files: SetFiles, name: str) -> Feature:
    feature = files.features.get(name)
    if feature is None or not feature.is_numbers:
        numbers = [other.name for other in files.features.values() if other.is_numbers]
        raise DataError(f"{files.info_path}: has no column {name!r} of numbers; it has {', '.join(numbers)}")
    return feature


def _entries(feature: Feature) -> tuple[str, ...]:
    return feature.names if feature.names is not None and len(feature.names) == feature.shape[0] else ()


def _cameras(files: SetFiles) -> list[str]:
    return [feature.name for feature in files.features.values() if feature.is_camera]


def _plain_name(name: str) -> str:
    """Return a name as files of ours have it."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"set_{plain}".rstrip("_")


def _listed(values: Sequence[str | int]) -> str:
    return f"[{', '.join(map(_said, values))}]"


def _said(value: str | int) -> str:
    """Return a value as YAML has it."""
    return json.dumps(value, ensure_ascii=False)
