"""`drift goto`: lead the arm home, to a pose by name, to joint positions or to a pose of the TCP."""

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer
from drift_ros.errors import SessionError
from rich.console import Console

from drift.errors import UserError
from drift.signals import end_like_ctrl_c

if TYPE_CHECKING:
    import numpy as np
    from drift_control.planning.target import Target
    from drift_ros.request import StackRequest

_LIMIT_S = 120.0  # the gate's own, homing_timeout_s, is shorter
_POSE = "x,y,z,qx,qy,qz,qw"


def main(
    name: Annotated[
        str, typer.Argument(help="home, or one of poses_rad of the robot's file", show_default="home")
    ] = "",
    joints: Annotated[
        str,
        typer.Option(
            metavar="Q1,Q2,…", help="joint positions [rad] in the robot's joint order", show_default=False
        ),
    ] = "",
    pose: Annotated[
        str,
        typer.Option(
            metavar=_POSE.upper(),
            help="pose of the TCP in the robot's base frame: position [m], then the quaternion x, y, z, w",
            show_default=False,
        ),
    ] = "",
    namespace: Annotated[str, typer.Option(help="ROS namespace of the stack")] = "",
    wait_s: Annotated[float, typer.Option(min=0.0, help="how long to wait for the gate [s]")] = 30.0,
) -> None:
    """Lead the arm of a running stack to a target: through the guard, around what its file says is there.

    The hand opens on the way home, and is kept on any other. Ctrl-C and the stop button end it, and the arm
    holds; holding enable ends it, too. An armed gate goes on with the policy when it is there; stop it first
    (gate/stop) to stay. Exit code 1: it is not there, and the line says why.
    """
    from drift_ros.session import SessionClient

    target, console = _target(name, joints, pose), Console()
    end_like_ctrl_c()  # the goal is cancelled, the arm held
    with SessionClient(namespace=namespace) as client:
        client.wait_for_servers("gate/home", limit_s=wait_s)
        began_s = time.monotonic()
        status: Any = console.status(f"to {target}") if console.is_terminal else nullcontext()
        with status as shown:

            def show(feedback: Any) -> None:
                left_rad = feedback.distance_rad
                if shown is not None:
                    to_go = "a way is planned" if left_rad < 0.0 else f"{left_rad:.2f} rad to go"
                    shown.update(f"to {target}: {to_go}")

            request = client.stack.home(_LIMIT_S, show, target)
            try:
                result = client.wait(request)
            except KeyboardInterrupt:  # cancelled, and waited for
                console.print(_ended(request, target), markup=False, highlight=False)
                raise
        text = result.error_msg or f"at {target}"
        console.print(f"{text} after {time.monotonic() - began_s:.1f} s", markup=False, highlight=False)


def _ended(request: "StackRequest", target: "Target") -> str:
    """Return what became of a request that was cancelled."""
    if not request.done:
        return "the gate has not answered, and the arm may go on: stop it (stop button, gate/stop)"
    try:
        request.result()
    except SessionError as error:
        return str(error)
    return f"at {target}"


def _target(name: str, joints: str, pose: str) -> "Target":
    """Return what the arguments mean; UserError where they say more than one thing, or none that can be."""
    from drift_control.planning.target import HOME, Joints, Named, TcpPose
    from drift_control.robot.pose import Pose, rotation_from_quaternion

    said = [word for word, value in (("NAME", name), ("--joints", joints), ("--pose", pose)) if value]
    if len(said) > 1:
        raise UserError(f"{' and '.join(said)}: one target only")
    if joints:
        return Joints(_numbers("--joints", joints))
    if not pose:
        return Named(name) if name else HOME
    numbers = _numbers("--pose", pose)
    if len(numbers) != 7:
        raise UserError(f"--pose must be {_POSE}: 7 numbers, got {len(numbers)}")
    try:
        return TcpPose(Pose(numbers[:3], rotation_from_quaternion(numbers[3:])))
    except ValueError as error:
        raise UserError(f"--pose: {error}") from error


def _numbers(option: str, text: str) -> "np.ndarray":
    import numpy as np

    try:
        numbers = np.array([float(word) for word in text.replace(",", " ").split()])
    except ValueError as error:
        raise UserError(f"{option}={text!r} must be numbers with commas between them") from error
    if not np.isfinite(numbers).all():
        raise UserError(f"{option}={text!r} must be finite")
    return numbers
