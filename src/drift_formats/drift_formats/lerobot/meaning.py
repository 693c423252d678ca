"""What the columns of a set mean here: joints, openings, set-points and pictures, in our units."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from drift_control.robot.pose import pose_to_action
from drift_control.robot.robot import Robot
from drift_core.errors import DataError

from drift_formats.format import Cell
from drift_formats.lerobot import layout
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.names import GRIPPER, POINT, POSE
from drift_formats.lerobot.source_map import Columns, SourceMap

_BEYOND_RAD = 0.35  # beyond its limits no joint was measured: a unit is wrong
_BEYOND_M = 0.02  # nor an opening
_BEGUN = "; drift data import --templates begins one"


class Described(Protocol):
    """A set, as far as its columns count."""

    features: dict[str, Feature]
    info_path: Path


@dataclass(frozen=True, eq=False)
class Meaning:
    """The columns to read, all of them checked."""

    joints: Columns
    gripper: Columns | None
    action_joints: Columns | None
    action_gripper: Columns | None
    action_pose: Columns | None
    cameras: dict[str, str]  # of the task: column


@dataclass(frozen=True, eq=False)
class Motion:
    """What the arm did and was told, in N rows."""

    positions_rad: np.ndarray  # (N, J); of a task without arm: the point
    gripper_m: np.ndarray  # (N,)
    commanded: np.ndarray | None  # (N, J + 1)
    action: np.ndarray  # (N, A)


def meaning_of(files: Described, cell: Cell, source_map: SourceMap) -> Meaning:
    """Return where everything is; DataError says what the map must name, and what the set has."""
    guess = _Guess(files, cell)
    pose = source_map.action_pose
    if pose is None and source_map.action_joints is None and cell.task.action_space == "tcp_pose":
        pose = guess.of(layout.ACTION, (*POSE, GRIPPER))
    if pose is not None and cell.task.action_space != "tcp_pose":
        raise DataError(
            f"{files.info_path}: action_pose does not tell actions of {cell.task.action_space}, "
            f"as task {cell.task.name} needs"
        )
    joints = guess.joint_names
    action_joints = source_map.action_joints
    if pose is None and action_joints is None:
        action_joints = guess.needed("action_joints", layout.ACTION, joints)
    meaning = Meaning(
        source_map.joints or guess.needed("joints", layout.STATE, joints),
        source_map.gripper or guess.of(layout.STATE, (GRIPPER,)),
        action_joints,
        source_map.action_gripper or (None if pose else guess.of(layout.ACTION, (GRIPPER,))),
        pose,
        {camera.name: guess.camera(camera.name, source_map) for camera in cell.task.cameras},
    )
    wanted = ((meaning.joints, len(joints)), (meaning.gripper, 1), (meaning.action_joints, len(joints)))
    for columns, width in (*wanted, (meaning.action_gripper, 1), (meaning.action_pose, 10)):
        if columns is not None:
            found = len(entries_of(files, columns))
            if found != width:
                raise DataError(
                    f"{files.info_path}: {columns.feature} must give {width} numbers for robot "
                    f"{_robot(cell)}, gives {found}"
                )
    return meaning


def entries_of(files: Described, columns: Columns) -> list[int]:
    """Return the numbers of the entries that `columns` names; DataError names those that there are."""
    feature = files.features.get(columns.feature)
    if feature is None or not feature.is_numbers:
        raise DataError(f"{files.info_path}: has no column {columns.feature!r} of numbers; {_listed(files)}")
    width = feature.shape[0]
    if not columns.entries:
        return list(range(width))
    found = []
    for entry in columns.entries:
        number = (feature.names or ()).index(entry) if entry in (feature.names or ()) else entry
        if not isinstance(number, int) or not 0 <= number < width:
            raise DataError(
                f"{files.info_path}: {columns.feature} has no entry {entry!r}; it has 0 to {width - 1}"
                + (f", by name {', '.join(feature.names)}" if feature.names else "")
            )
        found.append(number)
    return found


def motion_of(files: Described, cell: Cell, meaning: Meaning, rows: dict[str, np.ndarray]) -> Motion:
    """Return what the rows of an episode mean; DataError where that cannot be."""

    def read(columns: Columns | None) -> np.ndarray | None:
        if columns is None:
            return None
        values = rows[columns.feature].reshape(-1, *files.features[columns.feature].shape)
        return columns.offset + columns.scale * values[:, entries_of(files, columns)].astype(np.float64)

    positions, gripper = read(meaning.joints), read(meaning.gripper)
    assert positions is not None
    gripper_m = np.zeros(len(positions)) if gripper is None else gripper[:, 0]
    pose, targets, target_m = (
        read(meaning.action_pose),
        read(meaning.action_joints),
        read(meaning.action_gripper),
    )
    arm = cell.arm
    read_there = (
        ("joints", meaning.joints, positions),
        ("gripper", meaning.gripper, gripper),
        ("action_joints", meaning.action_joints, targets),
        ("action_gripper", meaning.action_gripper, target_m),
        ("action_pose", meaning.action_pose, pose),
    )
    for key, columns, values in read_there:
        if columns is not None and values is not None:
            where = f"{files.info_path}: {key} ({columns.feature})"
            if not np.isfinite(values).all():
                raise DataError(f"{where} must be finite in all rows")
            if arm is not None and len(values):
                _check_units(where, key, values, arm)
    if arm is None:
        assert targets is not None
        return Motion(positions, gripper_m, None, targets)
    if pose is not None:
        return Motion(positions, gripper_m, None, pose)
    assert targets is not None
    opening = np.zeros(len(targets)) if target_m is None else target_m[:, 0]
    action = np.array(
        [pose_to_action(arm.forward(q), float(m)) for q, m in zip(targets, opening, strict=True)]
    ).reshape(-1, 10)
    return Motion(positions, gripper_m, np.column_stack([targets, opening]), action)


def _check_units(where: str, key: str, values: np.ndarray, arm: Robot) -> None:
    """DataError where joints (N, J) or openings, the last of a pose (N, 10), are beyond what the arm has."""
    if key in ("joints", "action_joints"):
        low, high = values.min(axis=0), values.max(axis=0)
        beyond = (low < arm.low - _BEYOND_RAD) | (high > arm.high + _BEYOND_RAD)
        if beyond.any():
            at = int(np.argmax(beyond))
            raise DataError(
                f"{where}: joint {arm.config.joint_names[at]} goes from {low[at]:.3g} to {high[at]:.3g}, "
                f"beyond its limits {arm.low[at]:.3g} .. {arm.high[at]:.3g} rad: is it in degrees (scale: "
                "0.01745329252 in the map), or another joint?"
            )
        return
    opening_m, widest_m = values[:, -1], arm.config.gripper.opening_max_m
    if opening_m.min() < -_BEYOND_M or opening_m.max() > widest_m + _BEYOND_M:
        raise DataError(
            f"{where}: the gripper goes from {opening_m.min():.3g} to {opening_m.max():.3g}, beyond 0 .. "
            f"{widest_m:g} m: give scale and offset in the map"
        )


class _Guess:
    """What the names of a set's own columns say."""

    def __init__(self, files: Described, cell: Cell) -> None:
        self._files, self._cell = files, cell
        self.joint_names = POINT if cell.arm is None else tuple(cell.arm.config.joint_names)

    def of(self, feature: str, names: tuple[str, ...]) -> Columns | None:
        """Return the entries `names` of a column, None unless it has all of them."""
        there = self._files.features.get(feature)
        if there is None or there.names is None or not set(names) <= set(there.names):
            return None
        return Columns(feature, names)

    def needed(self, key: str, feature: str, names: tuple[str, ...]) -> Columns:
        """Return the entries `names` of a column; DataError says what to put into the map."""
        found = self.of(feature, names)
        if found is None:
            raise DataError(
                f"{self._files.info_path}: where is {key}? {feature} does not have the names "
                f"{', '.join(names)}; say it in the map (--map{_BEGUN}), like {key}: {{feature: {feature}, "
                f"entries: [0, 1, …]}}; {_listed(self._files)}"
            )
        return found

    def camera(self, name: str, source_map: SourceMap) -> str:
        """Return the column of a camera of the task."""
        column = source_map.cameras.get(name, f"{layout.IMAGES}{name}")
        feature = self._files.features.get(column)
        if feature is None or not feature.is_camera:
            there = [other.name for other in self._files.features.values() if other.is_camera]
            raise DataError(
                f"{self._files.info_path}: has no pictures {column!r} for camera {name} of task "
                f"{self._cell.task.name}; say it in the map (--map{_BEGUN}), like cameras: {{{name}: NAME}}; "
                f"it has {', '.join(there) or 'none'}"
            )
        return column


def _robot(cell: Cell) -> str:
    return "point" if cell.arm is None else cell.arm.name


def _listed(files: Described) -> str:
    columns = [
        f"{feature.name} ({', '.join(feature.names or [str(side) for side in feature.shape])})"
        for feature in files.features.values()
        if not feature.is_camera
        and feature.name not in layout.INDICES
        and not feature.name.startswith("drift.")
    ]
    return f"the set has {'; '.join(columns)}"
