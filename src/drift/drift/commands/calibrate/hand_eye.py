"""`drift calibrate hand-eye`: where a camera is, in the hand or the cell, from pictures of a board."""

import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drift.changed_file import change_file, check_options
from drift.configuration import calibration_folder, config_file
from drift.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from drift_control.robot.robot import Robot
    from drift_core.calibration.board import Board
    from drift_core.calibration.hand_eye import HandEye, View
    from drift_core.calibration.samples import SampleFolder, SampleSet
    from drift_core.task import CameraConfig


def main(
    robot: Annotated[
        str, typer.Option(help="a file of config/robots, perhaps with a gripper: ur5e+robotiq_2f85")
    ],
    camera: Annotated[str, typer.Option(help="a camera of the task")],
    mount: Annotated[
        Literal["hand", "base"], typer.Option(help="what carries the camera; the board is at the other")
    ],
    task: Annotated[str, typer.Option(help="whose camera")] = "place",
    board: Annotated[str, typer.Option(help="a file of config/boards")] = "a4",
    n: Annotated[int, typer.Option(min=8, max=100, help="samples to take")] = 15,
    samples: Annotated[
        Path | None, typer.Option(help="folder to fill, or to calibrate from if it is filled")
    ] = None,
    image_transport: Annotated[Literal["raw", "compressed"], typer.Option(help="as in the stack")] = "raw",
    namespace: Annotated[str, typer.Option(help="ROS namespace")] = "",
    write: Annotated[bool, typer.Option("--write", help="write without asking")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show only what would change")] = False,
) -> None:
    """Calibrate the place of a camera: drive the arm by the joystick and rest where the board is well seen.

    A sample is taken by itself when the arm rests at a new pose, or with the space bar; q ends.
    Nothing is commanded here.
    """
    import numpy as np
    from drift_config.loader import load_yaml
    from drift_control.robot.robot import load_robot
    from drift_core.calibration.board import Board
    from drift_core.calibration.camera_place import CameraPlace, file_name
    from drift_core.calibration.hand_eye import calibrate_hand_eye
    from drift_core.calibration.samples import SampleFolder
    from drift_core.calibration.transform import StaticTransform
    from drift_core.task import load_task

    check_options(write, dry_run)
    arm = load_robot(config_file("robot", robot))
    config = load_task(config_file("task", task))
    known = {item.name: item for item in config.cameras}
    if camera not in known:
        raise UserError(f"camera={camera} must be one of task {task}: {', '.join(known) or 'it has none'}")
    sizes = load_yaml(config_file("board", board), Board)
    folder = SampleFolder(samples or Path("runs") / "hand_eye" / f"{arm.name}_{camera}")
    if samples is None and folder.filled:
        raise UserError(
            f"{folder.root} is filled already: calibrate from it with --samples {folder.root}, or remove it"
        )
    if not folder.filled:
        _take(folder, arm, known[camera], sizes, n, image_transport, namespace)
    taken = folder.read()
    if (taken.robot, taken.camera) != (arm.name, camera):
        raise UserError(
            f"{folder.root}: is of robot {taken.robot} and camera {taken.camera}, not of {arm.name} and "
            f"{camera}"
        )
    taken.intrinsics.check(camera)
    result = calibrate_hand_eye(_views(folder, taken, arm, sizes), sizes, taken.intrinsics, mount)
    parent = arm.config.tip_frame if mount == "hand" else arm.config.base_frame
    transform = StaticTransform.of(parent, taken.camera_frame, result.camera)
    lines = report(result)
    print("\n".join(lines))
    place = CameraPlace(
        robot=arm.name,
        camera=camera,
        measured=date.today(),
        reprojection_px=round(result.rms_px, 3),
        std_m=_rounded(result.std_m, 6),
        std_deg=_rounded(np.degrees(result.std_rad), 4),
        transform=transform,
    )
    text = place.text((f"drift calibrate hand-eye, {arm.name}, camera {camera}", *lines))
    change_file(calibration_folder() / file_name(arm.name, camera), text, write, dry_run)
    print("drift up and the launch file publish it with sim:=none; by hand, for tools without the stack:")
    print(f"ros2 run tf2_ros static_transform_publisher {' '.join(transform.words)}")


def _rounded(values: "np.ndarray", digits: int) -> tuple[float, float, float]:
    x, y, z = (round(float(value), digits) for value in values)
    return x, y, z


def report(result: "HandEye") -> tuple[str, ...]:
    """Return what a result is worth, in lines."""
    import numpy as np

    mm, deg = (1000.0 * value for value in result.std_m), (np.degrees(value) for value in result.std_rad)
    return (
        f"{len(result.reprojection_px)} samples; reprojection {result.rms_px:.2f} px (worst sample "
        f"{result.reprojection_px.max():.2f}); "
        f"board as seen and as foretold: {1000 * result.distance_m:.2f} mm, "
        f"{np.degrees(result.angle_rad):.3f} deg apart",
        f"standard deviation (leaving out each sample in turn): x y z {' '.join(f'{v:.2f}' for v in mm)} mm, "
        f"about x y z {' '.join(f'{v:.3f}' for v in deg)} deg",
        f"noise in the pictures alone: x y z {' '.join(f'{1000 * v:.2f}' for v in result.pixel_std_m)} mm; "
        f"scale of the board {result.scale:.4f} ± {result.scale_std:.4f}; poses turn by "
        f"{' '.join(f'{v:.0f}' for v in result.spread_deg)} deg about their main axes",
    )


def _views(folder: "SampleFolder", taken: "SampleSet", arm: "Robot", board: "Board") -> "list[View]":
    """Find the board in every picture; those without it are named."""
    import numpy as np
    from drift_core.calibration.board import BoardFinder
    from drift_core.calibration.hand_eye import View

    finder, views, problem = BoardFinder(board), [], ""
    for sample in taken.samples:
        grey = folder.picture(sample)
        if grey.shape != (taken.height, taken.width):
            raise UserError(
                f"{folder.root / sample.picture}: is of {grey.shape[1]}x{grey.shape[0]}, camera_info of "
                f"{taken.width}x{taken.height}"
            )
        sighting = finder.find(grey)
        if sighting.problem:
            problem = f"{sample.picture}: {finder.explain(grey)}"
            print(f"left out: {problem}", flush=True)
            continue
        views.append(View(hand_frame(arm, np.array(sample.joints_rad)), sighting.ids, sighting.corners_px))
    if problem and not views:
        raise UserError(f"the board is in no picture; {problem}")
    return views


def hand_frame(arm: "Robot", joints_rad):
    """Return the frame of the TCP (4, 4) in the base at joints (J,)."""
    import numpy as np

    if len(joints_rad) != arm.n_joints:
        raise UserError(f"a sample has {len(joints_rad)} joints, robot {arm.name} has {arm.n_joints}")
    pose, frame = arm.forward(joints_rad), np.eye(4)
    frame[:3, :3], frame[:3, 3] = pose.rotation, pose.position
    return frame


def _take(
    folder: "SampleFolder",
    arm: "Robot",
    camera: "CameraConfig",
    board: "Board",
    n: int,
    transport: Literal["raw", "compressed"],
    namespace: str,
) -> None:
    """Fill the folder while a person drives."""
    from drift_core.calibration.sampling import KEEP_S
    from drift_ros.session import SessionClient

    from drift.ros.arm_and_cameras import ArmAndCameras
    from drift.ros.sample_taker import SampleTaker
    from drift.teleop.terminal import KeyTerminal

    taker = SampleTaker(folder, arm, camera.name, board, hand_frame)
    with SessionClient(namespace=namespace) as client:
        listener = ArmAndCameras(client, arm.config, [camera], transport, taker.on_picture, KEEP_S)
        listener.wait()
        listener.spin(1.0)
        taker.begin(listener.infos)
        print(
            f"drive the arm and let it rest: {n} samples, at new places, tilted by 20° and more about "
            "two axes",
            flush=True,
        )
        terminal = KeyTerminal(sys.stdin.fileno()) if sys.stdin.isatty() else nullcontext()
        with terminal as keyboard:
            while taker.count < n:
                listener.spin(0.1)
                keys = keyboard.keys(0.0) if keyboard is not None else ""
                if keys is None or "q" in keys:
                    break
                taker.look(listener.joint_s, listener.joints_rad, now=" " in keys)
    if not taker.count:
        raise UserError(f"no sample was taken; {taker.problem}")
