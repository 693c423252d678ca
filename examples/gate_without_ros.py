"""Gate and guard without ROS: a scripted hand drives the arm against the end of its workspace, then lets go.

python examples/gate_without_ros.py
"""

import numpy as np
from drift.configuration import config_file
from drift.simulation import gate_config
from drift_control import (
    ControlLoop,
    GuardFlag,
    Inputs,
    JointReading,
    JoyReading,
    Now,
    Requests,
    Robot,
    Tick,
    load_joystick,
    load_robot,
)

SPEED_M_S = 0.2
STILL = (0.0, 0.0, 0.0)


def push(robot: Robot, velocity_m_s: tuple[float, float, float], push_s: float) -> list[Tick]:
    """Rest for a second, hold the enable button and push, rest again; return every control step."""
    gate, joystick = gate_config(), load_joystick(config_file("joystick", "scripted"))
    loop = ControlLoop(gate, robot, {"expert/joy": joystick})
    q, gripper_m = robot.home, robot.config.gripper.opening_max_m
    ticks: list[Tick] = []
    for n in range(round((push_s + 2.0) * gate.rate_hz)):
        now_s = 100.0 + n / gate.rate_hz  # the loop has no clock of its own
        enabled = 101.0 <= now_s < 101.0 + push_s
        axes, buttons = joystick.encode(enabled, velocity_m_s if enabled else STILL, STILL, 0.0, count=n)
        inputs = Inputs(
            joints=JointReading(q, gripper_m, now_s, now_s),
            joys={"expert/joy": JoyReading(axes, buttons, now_s, now_s)},
            requests=Requests(arm=n == 5),  # once the stick was seen at rest; before, nothing is sent
        )
        tick = loop.tick(inputs, Now(steady_s=now_s, ros_s=now_s))
        if tick.sent and tick.command is not None:
            q = tick.command  # an arm that follows perfectly
        ticks.append(tick)
    return ticks


def main() -> None:
    robot = load_robot(config_file("robot", "panda"))
    ticks = push(robot, (SPEED_M_S, 0.0, 0.0), push_s=4.0)
    x_m = np.array([tick.action[0] for tick in ticks if tick.action is not None])
    print(f"home {x_m[0]:.3f} m, end of the workspace {robot.config.workspace.high_m[0]:.3f} m")
    print(f"fastest {np.diff(x_m).max() * gate_config().rate_hz:.3f} m/s, farthest {x_m.max():.3f} m")
    for before, tick in zip([None, *ticks], ticks, strict=False):
        if before is None or (tick.state, tick.reason) != (before.state, before.reason):
            print(f"tick {tick.seq:3}: {tick.state.name}, {tick.text or 'no reason to hold'}")
    clamped = sum(GuardFlag.WORKSPACE in tick.guard_flags for tick in ticks)
    print(f"kept inside the workspace in {clamped} of {len(ticks)} ticks")


if __name__ == "__main__":
    main()
