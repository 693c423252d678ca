"""What the gate's stream makes of a real arm: through ros2_control's controllers, with an arm that lags.

The controllers are the stand-ins of `drift_sim.ros2_control`, stepped at the arm's own rate; the arm is a
first-order lag with a delay. A person drives to and fro by joystick, and messages arrive up to 2 ms late.
Horizon "now" is what the gate sends; "before" is what it sent earlier: the command one period ahead, half a
step beyond, rest there. Unless it interpolates from its desired state, a trajectory controller begins such
a horizon at the *measured* pose.

    output_max_rad_s           fastest joint of the controller's output, from cycle to cycle
    output_step_mrad           largest step of the output, with one message lost and one 5 ms late besides
    arm_acceleration_rms       of the joint with the most of it [rad/s^2]
    tracking_error_rad         largest distance of the arm from the command, as the gate sees it
    delay_ms                   of the arm behind the commands
    jump_at_reactivation_rad   largest step of the output when the controller is deactivated in motion, comes
                               back 0.02 to 1.5 s later, and the gate is armed again after that
    jump_untold_rad            the same where no controller manager says which controller is active
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
from benchmarks.support.report import Row, arguments, report
from drift.configuration import config_file
from drift.simulation import gate_config
from drift_control.robot.robot import Robot, load_robot
from drift_control.teleop.joystick import load_joystick
from drift_control.testing.bench import Bench
from drift_control.tick import Tick
from drift_sim.ros2_control.closed_loop import ClosedLoop, Message
from drift_sim.ros2_control.controller_manager import ControllerManager
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.position_controller import ForwardPositionController
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController, Trajectory

JITTER_S = 0.002
TOLERANCE_RAD = 0.2  # constraints.<joint>.trajectory of UR's controllers


@dataclass(frozen=True)
class Arm:
    """An arm as its controller has it."""

    robot: str
    rate_hz: float
    tau_s: float
    delay_cycles: int


ARMS = (
    Arm("ur5e", 500.0, 0.03, 2),
    Arm("ur5e", 500.0, 0.06, 4),
    Arm("panda", 1000.0, 0.02, 2),
    Arm("ur5e", 100.0, 0.05, 1),
)


class HorizonBefore:
    """The rolling horizon as it was."""

    def __init__(self, robot: Robot, dt_s: float) -> None:
        self._robot, self._due_s = robot, dt_s * np.arange(1, 4)
        self._last: np.ndarray | None = None

    def of(self, tick: Tick, now_s: float) -> Message | None:
        """Return the message of a tick, None where nothing is sent."""
        if not tick.sent or tick.command is None:
            return None
        last = tick.command if self._last is None else self._last
        beyond = np.clip(tick.command + 0.5 * (tick.command - last), self._robot.low, self._robot.high)
        self._last = tick.command
        return Trajectory(
            self._robot.config.joint_names, self._due_s, np.stack((tick.command, beyond, beyond))
        )


def closed_loop(
    arm: Arm, controller: str, desired: bool, before: bool = False, activity: bool = True
) -> ClosedLoop:
    """Return the armed gate beside the active controller, the arm at home."""
    robot = load_robot(config_file("robot", arm.robot))
    robot = Robot(replace(robot.config, command_interface=controller))
    keyboard = load_joystick(config_file("joystick", "keyboard"))
    bench = Bench(robot, {"joy": keyboard}, **asdict(gate_config()))
    names, period_s = robot.config.joint_names, 1.0 / arm.rate_hz
    stand_in = (
        ForwardPositionController(names)
        if controller == "forward_position"
        else JointTrajectoryController(
            names, period_s, interpolate_from_desired_state=desired, state_tolerance_rad=TOLERANCE_RAD
        )
    )
    manager = ControllerManager(
        stand_in, LaggingArm(robot.home, period_s, arm.tau_s, arm.delay_cycles), arm.rate_hz
    )
    manager.switch(True)
    message_of = HorizonBefore(robot, bench.config.dt_s).of if before else None
    loop = ClosedLoop(bench, manager, message_of, activity)
    loop.tick(arm=True)
    return loop


def drive(loop: ClosedLoop) -> Callable:
    """Return what the person does: to and fro, half a second each, turning the hand as well."""

    def stick():
        to = 1.0 if len(loop.bench.ticks) // 25 % 2 else -1.0
        return loop.bench.stick((0.0, 0.2 * to, 0.0), (0.0, 0.0, 1.2 * to))

    return stick


def delay_s(loop: ClosedLoop) -> float:
    """Return by how much the arm is behind the commands: the shift at which the two differ least."""
    course, bench = loop.course(), loop.bench
    told_s = bench.config.dt_s * np.arange(len(bench.ticks))
    shifts_s = np.arange(0.0, 0.25, 0.002)
    joint = int(np.ptp(bench.commands, axis=0).argmax())
    error = [
        np.abs(
            np.interp(course.times_s - shift, told_s, bench.commands[:, joint]) - course.q[:, joint]
        ).mean()
        for shift in shifts_s
    ]
    return float(shifts_s[int(np.argmin(error))])


def jump_rad(arm: Arm, controller: str, desired: bool, activity: bool, pauses_s: list[float]) -> float:
    """Return the largest step of the output from the moment on in which the controller comes back."""
    worst = 0.0
    for pause_s in pauses_s:
        loop = closed_loop(arm, controller, desired, activity=activity)
        loop.run(0.5, joy=drive(loop))
        loop.manager.switch(False)
        loop.run(pause_s, joy=drive(loop))
        since_s = loop.manager.time_s
        loop.manager.switch(True)
        stood = loop.manager.output
        loop.run(1.5, joy=lambda loop=loop: loop.bench.stick(enabled=False))
        loop.run(0.3, arm=True)
        output = np.concatenate((stood[None], loop.course(since_s).output))
        worst = max(worst, float(np.abs(np.diff(output, axis=0)).max()))
    return worst


def measure(arm: Arm, controller: str, desired: bool, before: bool, quick: bool) -> Row:
    """Return one row."""
    loop = closed_loop(arm, controller, desired, before)
    rng, stick = np.random.default_rng(0), drive(loop)
    duration_s = 2.0 if quick else 10.0
    error, dt_s = 0.0, loop.bench.config.dt_s
    for _ in range(round(duration_s / dt_s)):
        tick = loop.tick(joy=stick(), late_s=JITTER_S * rng.random())
        error = max(error, float(np.abs(tick.command - loop.bench.q).max()))
    course, behind_s = loop.course(), delay_s(loop)
    for event in ({"lost": True}, {"late_s": 0.005}):
        loop.tick(joy=stick(), **event)
        loop.run(0.5, joy=stick)
    pauses_s = [0.02, 0.1, 0.3, 1.5] if quick else [0.02 * k for k in (1, 2, 4, 8, 12, 16, 24, 50, 75)]
    return {
        "arm": f"{arm.robot} {arm.rate_hz:.0f} Hz",
        "controller": controller,
        "horizon": "before" if before else "now",
        "interpolate_desired": str(desired).lower() if controller == "joint_trajectory" else "-",
        "tau_ms": 1e3 * arm.tau_s,
        "output_max_rad_s": float(np.abs(course.output_speed).max()),
        "output_step_mrad": 1e3 * float(np.abs(np.diff(loop.course().output, axis=0)).max()),
        "arm_acceleration_rms": float(np.sqrt((course.acceleration**2).mean(axis=0)).max()),
        "tracking_error_rad": error,
        "delay_ms": 1e3 * behind_s,
        "jump_at_reactivation_rad": None if before else jump_rad(arm, controller, desired, True, pauses_s),
        "jump_untold_rad": None if before else jump_rad(arm, controller, desired, False, pauses_s),
    }


def main() -> None:
    options = arguments("The gate's stream through ros2_control's controllers").parse_args()
    rows: list[Row] = []
    for arm in ARMS[:2] if options.quick else ARMS:
        for desired in (False, True):
            for before in (True, False):
                rows.append(measure(arm, "joint_trajectory", desired, before, options.quick))
        rows.append(measure(arm, "forward_position", False, False, options.quick))
    report("the gate on a lagging arm, 50 Hz", rows, options.json)


if __name__ == "__main__":
    main()
