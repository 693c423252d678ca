"""A UR5e under UR's scaled trajectory controller at 500 Hz."""

from acceptance.real_arm.fault import DRIVES, Fault, faults, on_every_arm
from acceptance.real_arm.guided import while_guided
from acceptance.real_arm.setup import Driver, Setup
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros.stand_in.ur import UrRobot
from drift_sim.ros2_control.ur_arm import UrArm

_OPTIONS = ArmOptions("scaled_joint_trajectory_controller", "joint_trajectory", guiding="ur")

UR = Setup(
    name="UR5e",
    robot="ur5e+none",
    options=_OPTIONS,
    arm=UrArm,
    driver=lambda control: Driver(UrRobot(control)),
    faults=(
        Fault("program paused", faults("the UR's program does not run"),
              lambda c: c.driver.robot.set(program=False), lambda c: c.driver.robot.set(program=True)),
        Fault("protective stop", faults("PROTECTIVE STOP"), lambda c: c.driver.robot.set(safety_mode=3),
              lambda c: c.driver.robot.set(safety_mode=1, program=True)),
        Fault("slider to 50 %", DRIVES, lambda c: c.driver.robot.set(slider_percent=50.0),
              lambda c: c.driver.robot.set(slider_percent=100.0)),
        Fault("slider to 0 %", faults("speed slider is at 0 %"),
              lambda c: c.driver.robot.set(slider_percent=0.0),
              lambda c: c.driver.robot.set(slider_percent=100.0)),
        *on_every_arm(_OPTIONS.controller),
    ),
    guided=while_guided(
        by_manager_alone=False,
        stop=lambda c: c.driver.robot.set(safety_mode=7),
        name="ROBOT EMERGENCY STOP",
        recover=lambda c: c.driver.robot.set(safety_mode=1, program=True),
    ),
)  # fmt: skip
