"""`drift calibrate camera-latency`: how late the stamps of the cameras are, by the motion of the joints."""

import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drift.changed_file import change_file, check_options
from drift.configuration import config_file
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.calibration.latency import Footage, LatencyEstimate
    from drift_core.task import TaskConfig

_PATIENCE = 6.0  # times `seconds` until what there is must do


def main(
    robot: Annotated[
        str, typer.Option(help="a file of config/robots, perhaps with a gripper: ur5e+robotiq_2f85")
    ],
    task: Annotated[str, typer.Option(help="whose cameras, and whose file gets the result")] = "place",
    camera: Annotated[list[str] | None, typer.Option(help="only this one; may be said several times")] = None,
    episodes: Annotated[
        Path | None, typer.Option(help="a recorded episode, or a folder of them, instead of live")
    ] = None,
    seconds: Annotated[float, typer.Option(min=10.0, max=600.0, help="of motion, live")] = 40.0,
    image_transport: Annotated[Literal["raw", "compressed"], typer.Option(help="as in the stack")] = "raw",
    namespace: Annotated[str, typer.Option(help="ROS namespace")] = "",
    figure: Annotated[Path, typer.Option(help="PNG of the curves")] = Path("camera_latency.png"),
    write: Annotated[bool, typer.Option("--write", help="write without asking")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show only what would change")] = False,
) -> None:
    """Measure latency_s of each camera while you drive the arm by the joystick, or from recorded episodes.

    Move irregularly, turn back often, rest in between; nothing else may move in the pictures.
    Nothing is commanded here.
    """
    import numpy as np
    from drift_control.robot.robot import load_robot
    from drift_core.calibration.latency import estimate_latency
    from drift_core.errors import CalibrationError
    from drift_core.task import load_task

    from drift.calibration_figures import draw_latencies

    check_options(write, dry_run)
    path = config_file("task", task)
    config, arm = load_task(path), load_robot(config_file("robot", robot))
    names = _chosen(config, camera or [])
    if figure.suffix != ".png" or not figure.resolve().parent.is_dir():
        raise UserError(f"--figure {figure} must be a .png in a folder that exists")
    if episodes is not None:
        footage = _recorded(episodes, arm.name, config.name, names)
    else:
        footage = _live(config, arm.config, names, seconds, image_transport, namespace)
    found: dict[str, tuple[LatencyEstimate, Footage]] = {}
    refused = []
    for name in names:
        try:
            estimate = estimate_latency(footage[name], np.random.default_rng(0))
        except CalibrationError as error:
            refused.append(f"camera {name}: {error}")
            continue
        found[name] = estimate, max(footage[name], key=lambda part: len(part.frame_s))
        print(
            f"camera {name}: {1000 * estimate.latency_s:.1f} ms, 95 % interval "
            f"{1000 * estimate.low_s:.1f} to "
            f"{1000 * estimate.high_s:.1f} ms; the joints explain {100 * estimate.explained:.0f} % of "
            "the changes in "
            f"{estimate.moving_s:.0f} s of motion; so far {1000 * config.latency_s[name]:g} ms"
        )
    if found:
        draw_latencies(found, figure)
        print(f"{figure}: what was compared")
        change_file(path, _with_latencies(path, config, found), write, dry_run)
    if refused:
        raise UserError("\n".join(refused))


def _chosen(config: "TaskConfig", cameras: list[str]) -> list[str]:
    known = [camera.name for camera in config.cameras]
    for name in cameras:
        if name not in known:
            raise UserError(
                f"camera={name} must be one of task {config.name}: {', '.join(known) or 'it has none'}"
            )
    if not known:
        raise UserError(f"task {config.name} has no camera")
    return list(dict.fromkeys(cameras)) or known


def _recorded(folder: Path, robot: str, task: str, cameras: list[str]) -> "dict[str, list[Footage]]":
    from drift_core.calibration.image_motion import ImageMotion
    from drift_core.calibration.latency import Footage
    from drift_core.episodes import EpisodeStore, read_episode

    store = EpisodeStore(folder)
    paths = [folder / episode_id for episode_id in store.ids()] or [folder]
    footage: dict[str, list[Footage]] = {name: [] for name in cameras}
    for path in paths:
        episode = read_episode(path)
        meta = episode.meta
        if (meta.robot, meta.task) != (robot, task):
            raise UserError(
                f"{path}: is of robot {meta.robot} and task {meta.task}, not of {robot} and {task}"
            )
        joints = episode.joints
        for name in cameras:
            motion, frames = ImageMotion(), episode.frames[name]
            for i in range(len(frames)):
                motion.add(float(frames.stamp_s[i]), frames.image(i))
            footage[name].append(
                Footage.of(motion.stamps_s, motion.pixels, joints.stamp_s, joints.positions_rad)
            )
        print(f"{path.name}: {len(joints)} joint states, {len(motion)} pictures of {name}", flush=True)
    return footage


def _live(
    config: "TaskConfig",
    robot,
    cameras: list[str],
    seconds: float,
    transport: Literal["raw", "compressed"],
    namespace: str,
) -> "dict[str, list[Footage]]":
    from drift_core.calibration.image_motion import ImageMotion
    from drift_core.calibration.latency import Footage, moving_time_s
    from drift_ros.session import SessionClient

    from drift.ros.arm_and_cameras import ArmAndCameras

    motions = {name: ImageMotion() for name in cameras}
    with SessionClient(namespace=namespace) as client:
        chosen = [camera for camera in config.cameras if camera.name in cameras]
        arm = ArmAndCameras(
            client,
            robot,
            chosen,
            transport,
            lambda name, stamp_s, rgb, frame: motions[name].add(stamp_s, rgb),
        )
        arm.wait()
        print(f"now move the arm for {seconds:g} s in all (Ctrl-C: that must do)", flush=True)
        end_s, moved_s = time.monotonic() + _PATIENCE * seconds, 0.0
        try:
            while moved_s < seconds and time.monotonic() < end_s:
                arm.spin(1.0)
                moved_s = moving_time_s(arm.joint_s, arm.joints_rad)
                pictures = ", ".join(f"{len(motion)} pictures of {name}" for name, motion in motions.items())
                text = f"{int(moved_s)} of {seconds:.0f} s in motion, {pictures}"
                print(
                    f"\r\x1b[K{text}" if sys.stdout.isatty() else text,
                    end="" if sys.stdout.isatty() else "\n",
                    flush=True,
                )
            arm.spin(1.0)  # what belongs to pictures that come late
        except KeyboardInterrupt:
            pass
        print()
        joints = arm.joint_s, arm.joints_rad
    return {name: [Footage.of(motion.stamps_s, motion.pixels, *joints)] for name, motion in motions.items()}


def _with_latencies(
    path: Path, config: "TaskConfig", found: "dict[str, tuple[LatencyEstimate, Footage]]"
) -> str:
    from drift_config.edit import with_entry, with_value

    text = path.read_text(encoding="utf-8")
    for index, camera in enumerate(config.cameras):
        if camera.name in found:
            estimate, at = found[camera.name][0], ("cameras", index, "latency_s")
            error_s = round(0.5 * (estimate.high_s - estimate.low_s), 4)
            text = with_entry(text, at, "latency_measured", date.today().isoformat())
            text = with_entry(text, at, "latency_error_s", str(error_s))
            text = with_value(text, at, str(round(estimate.latency_s, 4) + 0.0))
    return text
