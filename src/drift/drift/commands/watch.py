"""`drift watch`: a running stack as a picture, in a window or as a film."""

import time
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drift.configuration import config_file
from drift.errors import UserError
from drift.signals import end_like_ctrl_c

if TYPE_CHECKING:
    from drift_control.robot.robot import Robot
    from drift_core.task import TaskConfig
    from drift_ros.session import SessionClient

    from drift.picture.screen import Screen
    from drift.ros.eyes import Eye
    from drift.ros.stack_at_work import StackAtWork

_SIMULATION_S = 3.0  # until a simulation is discovered that publishes where the things are


class EyeKind(StrEnum):
    """Where the large picture comes from."""

    AUTO = "auto"
    OVERVIEW = "overview"
    CAMERA = "camera"


def main(
    video: Annotated[
        Path | None, typer.Option(help="write a film (.mp4); without a display: drift-TIME.mp4 here")
    ] = None,
    window: Annotated[
        bool | None, typer.Option("--window/--no-window", help="default: with a display, and no --video")
    ] = None,
    eye: Annotated[
        EyeKind,
        typer.Option(
            help="overview: a camera that looks at the whole simulated cell; camera: the task's first one; "
            "auto: the overview of a simulation, the camera of a real arm"
        ),
    ] = EyeKind.AUTO,
    rate: Annotated[float, typer.Option(min=1.0, max=30.0, help="pictures a second")] = 10.0,
    seconds: Annotated[float, typer.Option(min=0.0, help="end by itself after so long; 0: never")] = 0.0,
    robot: Annotated[str, typer.Option(help="a file of config/robots; empty: as the stack says")] = "",
    task: Annotated[str, typer.Option(help="a file of config/tasks; empty: as the stack says")] = "",
    image_transport: Annotated[Literal["raw", "compressed"], typer.Option(help="as in the stack")] = "raw",
    namespace: Annotated[str, typer.Option(help="ROS namespace of the stack")] = "",
    wait_s: Annotated[float, typer.Option(min=0.0, help="how long to wait for the stack [s]")] = 30.0,
) -> None:
    """Show a running stack: the cell, what the policy has in mind and what was done, who drives and why.

    Blue marks: the set-points of the policy's newest chunk that are still to come, rings where the hand shall
    be open. The line behind the hand is where it has been in the last 2 s, in the colour of who drove; so is
    the frame. Nothing is published, and no picture of the policy's changes. Ctrl-C (or q in the window) ends
    it, and the film is whole.

    Example: drift watch --video monday.mp4
    """
    from drift.film import check_film
    from drift.picture.screen import Screen, has_display

    shown = window if window is not None else has_display() and video is None
    if video is None and not shown:
        video = Path(f"drift-{datetime.now():%Y%m%d-%H%M%S}.mp4")
    if video is not None:
        check_film(video, (".mp4",))
    from drift_control.robot.robot import load_robot
    from drift_core.task import load_task
    from drift_ros.session import SessionClient

    from drift.ros.known_by_stack import KnownByStack
    from drift.ros.stack_at_work import StackAtWork

    end_like_ctrl_c()
    with Screen(shown, video) as screen, SessionClient(namespace=namespace) as client:
        try:
            if not (robot and task):
                known = KnownByStack(client)
                robot, task = robot or known.name("robot", wait_s), task or known.name("task", wait_s)
            arm, config = load_robot(config_file("robot", robot)), load_task(config_file("task", task))
            with closing(_eye(eye, client, arm, config, image_transport)) as looking:
                stack = StackAtWork(client, arm, config, image_transport, looking)
                stack.wait(wait_s)
                where = "in a window, q ends it" if video is None else f"into {video}"
                print(f"watching {robot}, task {task}, {where}; Ctrl-C ends it", flush=True)
                _watch(stack, screen, rate, seconds)
        except KeyboardInterrupt:
            print()  # the way to end it
    if screen.begun_file:
        print(f"{screen.shown_s:.0f} s in {video}")


def _watch(stack: "StackAtWork", screen: "Screen", rate: float, seconds: float) -> None:
    """Show picture after picture; where one takes too long, fewer are shown, each at its own time."""
    from drift.picture.sheet import sheet

    began_s = next_s = time.monotonic()
    going = True
    while going and (not seconds or next_s - began_s < seconds):
        stack.listen_until(next_s)
        now_s = time.monotonic()
        going = screen.show(sheet(stack.moment()), now_s - began_s)
        next_s = max(next_s + 1.0 / rate, now_s)


def _eye(
    kind: EyeKind,
    client: "SessionClient",
    robot: "Robot",
    task: "TaskConfig",
    transport: Literal["raw", "compressed"],
) -> "Eye":
    """Return what looks at the cell; `auto` looks for a simulation."""
    from drift.camera_places import camera_places
    from drift.ros.eyes import GROUND_TRUTH, CameraEye, SimulatedEye

    end_s = time.monotonic() + _SIMULATION_S
    while kind is EyeKind.AUTO and time.monotonic() < end_s:
        if client.node.count_publishers(GROUND_TRUTH):
            kind = EyeKind.OVERVIEW
        client.spin(0.05)
    if kind is EyeKind.OVERVIEW:
        return SimulatedEye(client.node, robot, task)
    if not task.cameras:
        raise UserError(f"eye={kind}: task={task.name} has no camera; allowed: overview, in a simulation")
    places, camera = camera_places(robot.config, task), task.cameras[0]
    return CameraEye(client.node, robot, camera, transport, places.get(camera.name))
