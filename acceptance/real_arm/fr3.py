"""An FR3 with its hand under Franka's trajectory controller at 1000 Hz.

The controller claims effort, as Franka's does; how its PID turns errors into torques is not played: the arm
follows with the lag of 20 ms and two cycles.
"""

from acceptance.real_arm.cell import Cell
from acceptance.real_arm.fault import Fault, faults, on_every_arm
from acceptance.real_arm.guided import while_guided
from acceptance.real_arm.setup import Driver, Setup
from acceptance.verdict import Expected
from drift_sim.ros.stand_in.franka import FrankaRobot
from drift_sim.ros.stand_in.grippers import FrankaHand
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros2_control.gripper import GripperJoint
from drift_sim.ros2_control.lagging_arm import LaggingArm

_OPTIONS = ArmOptions(
    "fr3_arm_controller", "joint_trajectory", rate_hz=1000.0, tau_s=0.02, interface="effort",
    state_tolerance_rad=0.0, guiding="franka",
)  # fmt: skip
_GUIDING, _MOVE, _STOPPED = 3, 2, 5  # modes of FrankaRobotState
_LOST = "communication_constraints_violation"
_SEEN_MS = 150.0  # the state, which the gate looks at every 50 ms
_SLOW_MS = 1150.0  # arm_state_timeout_s and the time to say so
_HAND_MS = 650.0  # state_timeout_s of the hand, likewise


def _recover(cell: Cell) -> None:
    """What a person does: recover from the error, activate the hardware, then the controller."""
    cell.driver.robot.recover()
    cell.control.set_hardware(True)
    cell.control.switch(True)


FR3 = Setup(
    name="FR3",
    robot="fr3+franka_hand",
    options=_OPTIONS,
    arm=LaggingArm,
    driver=lambda control: Driver(
        FrankaRobot(control),
        FrankaHand(("fr3_finger_joint1", "fr3_finger_joint2"), GripperJoint(0.08, 0.1)),
    ),
    faults=(
        Fault("reflex", faults("REFLEX", _SEEN_MS), lambda c: c.driver.robot.reflex(), _recover),
        Fault("user stop", faults("USER_STOPPED", _SEEN_MS), lambda c: c.driver.robot.set(_STOPPED),
              _recover),
        Fault("error while it moves", faults(_LOST, _SEEN_MS), lambda c: c.driver.robot.set(_MOVE, _LOST),
              lambda c: c.driver.robot.recover()),
        Fault("guided by its own button", faults("GUIDING", _SEEN_MS), lambda c: c.driver.robot.set(_GUIDING),
              lambda c: c.driver.robot.recover()),
        Fault("robot_state silent", faults("the arm's state is", _SLOW_MS),
              lambda c: c.driver.robot.telling.cancel(), lambda c: c.driver.robot.telling.reset(),
              watch_s=1.6),
        Fault("hand silent", Expected("HOLD", "the gripper's state is", _HAND_MS),
              lambda c: c.driver.hand.telling.cancel(), lambda c: c.driver.hand.telling.reset(), watch_s=1.0),
        *on_every_arm(_OPTIONS.controller),
    ),
    guided=while_guided(
        by_manager_alone=True,
        stop=lambda c: c.driver.robot.set(_STOPPED),
        name="USER_STOPPED",
        recover=_recover,
    ),
)  # fmt: skip
