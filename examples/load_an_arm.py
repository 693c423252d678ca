"""Load an arm: its limits, where its tool centre point is, and how to get it somewhere.

python examples/load_an_arm.py ur5e
"""

import sys

import numpy as np
from drift.configuration import config_file
from drift.errors import run
from drift_control import Pose, Robot, load_robot
from drift_control.robot.ik import IkResult, solve


def reach(robot: Robot, offset_m: tuple[float, float, float]) -> IkResult:
    """Return joint positions at which the TCP stands `offset_m` from where it is at home, turned as there."""
    home = robot.forward(robot.home)  # position [m] and rotation matrix in the base frame
    return solve(robot, Pose(home.position + np.array(offset_m), home.rotation), seed=robot.home)


def main(name: str = "panda") -> None:
    robot = load_robot(config_file("robot", name))
    print(f"{robot.name}, {robot.n_joints} joints")
    for joint, low, high, velocity in zip(
        robot.config.joint_names, robot.low, robot.high, robot.velocity, strict=True
    ):
        print(f"  {joint:22} {low:6.2f} … {high:5.2f} rad, at most {velocity:.2f} rad/s")
    print(f"TCP at home: {robot.forward(robot.home).position.round(3)} m in frame {robot.config.base_frame}")
    near, far = reach(robot, (0.05, 0.0, -0.05)), reach(robot, (2.0, 0.0, 0.0))
    print(f"5 cm ahead and down: q = {near.q.round(3)} rad, {1e3 * near.position_error_m:.3f} mm off")
    print(f"2 m ahead: reached is {far.converged}; the nearest pose is {far.position_error_m:.2f} m off")


if __name__ == "__main__":
    run(lambda: main(*sys.argv[1:]))  # wrong input is one line
