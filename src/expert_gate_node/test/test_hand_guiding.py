"""Arms guided by hand: the gate, a pedal, and ros2_control with the makers' ways beside it, in real time."""

import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, get_args

import numpy as np
import pytest
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.robot.config import RobotConfig
from drift_control.robot.robot import load_robot
from drift_interfaces.msg import Step
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_sim.ros.stand_in.franka import FrankaRobot
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from drift_sim.ros.stand_in.ur import UrRobot
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.ur_arm import UrArm
from expert_gate_node.hand_guiding import WAYS, guide_report, way_of
from expert_gate_node.last_word import FREE, KEPT, LastWord
from expert_gate_node.ros.keeper import Keeper
from rclpy.task import Future
from real_stage import CONFIG, UR
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

FREEDRIVE = "freedrive_mode_controller"
NOT_LOADED = f"no controller {FREEDRIVE} is loaded"


@dataclass(frozen=True)
class Arm:
    """One with its driver: names as its maker's files have them, but for the prefix of everything."""

    robot: str
    joints: int
    kind: str  # hand_guiding
    driven: str
    guiding: str
    way: type[LaggingArm]
    driver: Callable[[Any], Any]
    namespace: str = ""
    prefix: str = ""

    @property
    def guiding_controller(self):
        return f"{self.prefix}{self.guiding}"

    def turn(self, rad_s):
        """Return that speed of the base [rad/s]; 0.1 are 45 mm/s at home."""
        return np.array([rad_s, *[0.0] * (self.joints - 1)])

    def describe(self, file):
        """Let the robot's file say how the arm is guided, and where it is."""
        text = f"{file.read_text()}\nhand_guiding: {self.kind}\n"
        if self.prefix:
            joints = re.search(r"joint_names: \[(.*)\]", text)[1].split(", ")
            text = text.replace(", ".join(joints), ", ".join(f"{self.prefix}{name}" for name in joints))
            text += f"hand_guiding_controller: {self.guiding_controller}\n"
        if self.namespace:
            text = re.sub(r"(?m)^joint_state_topics:.*\n", "", text)
            text += f"joint_state_topics: [{self.namespace}/joint_states]\n"
        file.write_text(text)


UR5E = Arm("ur5e", 6, "ur", UR, FREEDRIVE, UrArm, UrRobot)
FR3 = Arm(
    "fr3", 7, "franka", "fr3_arm_controller", "gravity_compensation_example_controller", LaggingArm,
    lambda control: FrankaRobot(control, rate_hz=100.0),
)  # fmt: skip
TURN = UR5E.turn(0.1)


class Guided:
    """An arm whose file allows hand guiding, a pedal at 50 Hz, and every control step that was said."""

    def __init__(self, stage, folder, arm=UR5E, **options):
        for name in ("robots", "grippers"):
            shutil.copytree(CONFIG / name, folder / name)
        arm.describe(folder / "robots" / f"{arm.robot}.yaml")
        self.arm, self.stage, self.person = arm, stage, stage.person
        self.steps, self.down, self.speaks = [], False, True
        self.person.create_subscription(Step, "gate/step", self.steps.append, qos.PROVENANCE)
        self.pedal = self.person.create_publisher(Bool, "pedal", qos.JOY)
        self.person.create_timer(0.02, self._on_timer)
        pedal = folder / "patient_pedal.yaml"  # one thread plays arm, pedal and gate here, beside other work
        usual = (CONFIG / "joysticks" / "hand_guiding.yaml").read_text()
        pedal.write_text(usual.replace("silent_s: 0.25", "silent_s: 1.0"))
        gate = {"joystick_file": str(pedal), "joy_topics": ["pedal"], "joysticks_beside": []}
        gate["arm_state_timeout_s"] = 5.0  # likewise
        usual = {
            "guiding": arm.kind,
            "guiding_controller": arm.guiding_controller,
            "namespace": arm.namespace,
        }
        robot, driven = f"{arm.robot}+none", f"{arm.prefix}{arm.driven}"
        stage.start(robot, driven, arm.way, folder / "robots", gate, **(usual | options))
        self.driver = stage.add(arm.driver(stage.control))
        stage.spin(
            lambda: "loaded" in (told := stage.gate._hand_guiding.report().objection) or not told, "manager"
        )
        stage.armed()

    def _on_timer(self):
        if self.speaks:
            self.pedal.publish(Bool(data=self.down))

    @property
    def state(self):
        return self.person.state

    @property
    def control(self):
        return self.stage.control

    def until(self, state, what):
        self.stage.spin(lambda: self.state.state == state, what)

    def guided(self):
        """Step on the pedal, anew where that was not believed, until the arm is free."""
        pressed_s = steady_s()

        def led():
            self.down = (steady_s() - pressed_s) % 5.0 < 4.5
            recorded = bool(self.steps) and self.steps[-1].source == CommandSource.EXPERT
            return self.down and self.control.arm.free and recorded

        self.stage.spin(led, "a guided step of a free arm")
        return self

    def lead(self, rad_s, seconds=0.8):
        """Move the joints by hand for a while, then hold still."""
        self.control.arm.hand_rad_s = rad_s
        self.stage.spin_for(seconds)
        self.control.arm.hand_rad_s = 0.0 * rad_s

    def taken_back(self):
        driven, guiding = f"{self.arm.prefix}{self.arm.driven}", self.arm.guiding_controller
        self.stage.spin(lambda: self.control.active == {driven: True, guiding: False}, "switch back")
        return self


@pytest.fixture
def guided(real_stage, tmp_path, request):
    return Guided(real_stage, tmp_path, getattr(request, "param", UR5E))


def of(*arms):
    """Run a test with each of these arms."""
    return pytest.mark.parametrize("guided", arms, indirect=True, ids=lambda arm: arm.prefix + arm.robot)


@of(UR5E, FR3)
def test_an_arm_is_led_by_hand_recorded_and_taken_back_from_where_it_is_without_a_jump(guided):
    home = guided.control.arm.q.copy()
    guided.guided()
    since_s, first, n = steady_s(), len(guided.steps), guided.arm.joints
    guided.lead(guided.arm.turn(0.1))
    moved = guided.control.arm.q - home
    assert moved[0] > 0.05 and np.abs(moved[1:]).max() < 1e-3  # 0.08 rad in 0.8 s
    steps = guided.steps[first:]
    assert {(s.source, s.guard_flags, s.intervention_id) for s in steps} == {(CommandSource.EXPERT, 0, 1)}
    assert len(steps) > 10 and all(s.commanded[:n] == s.measured[:n] for s in steps)
    guided.down, released = False, len(guided.steps)
    guided.taken_back()
    guided.stage.spin_for(0.5)
    _, output, q = guided.control.course(since_s)
    assert (guided.state.state, guided.state.armed) == (State.HOLD, True)
    assert np.abs(q[-1] - home - moved).max() < 1e-3  # it stands where it was let go of
    led = np.abs(np.diff(output, axis=0)).max()
    assert led < 1e-3  # 0.1 rad/s at 500 Hz are 0.2 mrad
    drivers = [(s.source, s.guard_flags) for s in guided.steps[released:]]
    back = drivers[drivers.index((CommandSource.HOLD, GuardFlag.HOLD)) :]
    assert set(back) == {(CommandSource.HOLD, GuardFlag.HOLD)}
    guided.guided()  # and again


@of(UR5E, FR3)
def test_nothing_is_sent_while_the_arm_is_guided_and_it_is_the_persons_only_while_the_pedal_speaks(guided):
    trajectories = []
    kind = import_module("trajectory_msgs.msg").JointTrajectory
    topic = f"/{guided.arm.driven}/joint_trajectory"
    guided.person.create_subscription(kind, topic, trajectories.append, 10)
    guided.stage.spin(lambda: trajectories, "commands")
    guided.guided()
    trajectories.clear()
    guided.lead(guided.arm.turn(0.1), 0.5)
    assert not trajectories
    guided.speaks = False
    guided.until(State.HOLD, "hold")
    assert guided.state.reason == Reason.JOY_LOST
    guided.taken_back()
    guided.stage.spin(lambda: trajectories, "commands")
    assert (guided.state.state, guided.state.reason) == (State.HOLD, Reason.JOY_LOST)
    assert np.abs(np.array(trajectories[0].points[0].positions) - guided.control.arm.q).max() < 1e-3


def test_a_stop_ends_the_guiding_and_the_arm_stays_disarmed(guided):
    guided.guided()
    stopped = guided.person.stop.call_async(Trigger.Request())
    guided.stage.spin(stopped.done, "answer")
    assert stopped.result().success
    guided.taken_back()
    guided.stage.spin_for(0.5)
    assert (guided.state.state, guided.state.armed) == (State.HOLD, False)
    assert guided.state.reason == Reason.STOP_REQUESTED and not guided.control.arm.free


def test_an_emergency_stop_of_the_ur_is_a_fault_that_latches(guided):
    guided.guided()
    guided.driver.set(safety_mode=7)
    guided.until(State.FAULT, "fault")
    assert "ROBOT EMERGENCY STOP" in guided.state.text
    guided.control.arm.hand_rad_s = TURN
    before = guided.control.arm.q.copy()
    guided.stage.spin_for(0.3)
    assert np.array_equal(guided.control.arm.q, before)  # its brakes hold it
    assert guided.state.state == State.FAULT and not guided.state.armed


@pytest.mark.parametrize(("mode", "name"), [(5, "USER_STOPPED"), (4, "REFLEX"), (3, "GUIDING")])
@of(FR3)
def test_a_franka_that_stops_or_is_guided_by_its_own_buttons_is_a_fault_with_its_mode(guided, mode, name):
    guided.guided()
    guided.driver.set(mode)
    guided.until(State.FAULT, "fault")
    guided.stage.spin(lambda: f"the Franka is in {name}" in guided.state.text, "the mode")
    guided.stage.spin(lambda: not guided.control.arm.free, "its brakes, or the way back")
    guided.stage.spin_for(0.3)
    assert guided.state.state == State.FAULT and not guided.state.armed


@of(FR3)
def test_an_arm_that_only_its_manager_can_take_back_is_held_where_it_is_then_though_the_hand_moves_on(guided):
    guided.guided()
    guided.control.arm.hand_rad_s = guided.arm.turn(0.2)
    guided.down, since_s = False, steady_s()
    guided.taken_back()
    held = guided.control.arm.q.copy()
    guided.stage.spin_for(0.4)
    assert np.array_equal(guided.control.arm.q, held)
    _, output, _ = guided.control.course(since_s)
    assert np.abs(np.diff(output, axis=0)).max() < 1e-3  # 0.2 rad/s at 500 Hz are 0.4 mrad
    assert (guided.state.state, guided.state.armed) == (State.HOLD, True)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
@of(FR3)
def test_without_the_process_that_would_take_it_back_the_arm_is_not_left_to_the_hand(guided, end):
    guided.guided()
    keeper, since_s = guided.stage.gate._hand_guiding._keeper, steady_s()
    beside = keeper._process
    beside.send_signal(end)
    try:
        guided.until(State.HOLD, "hold")
        assert guided.state.reason == Reason.SWITCH_FAILED
        assert "the process that takes the arm back if the gate dies is not ready" in guided.state.text
        assert steady_s() - since_s > (1.0 if end == signal.SIGSTOP else 0.0)  # 2 s after its last echo
        guided.down = False
        guided.taken_back()
    finally:
        beside.send_signal(signal.SIGCONT)
    if end == signal.SIGSTOP:
        guided.stage.spin(lambda: keeper.ready, "echo")
        guided.guided()


@of(FR3)
def test_an_arm_whose_way_back_the_manager_goes_on_refusing_is_held_by_the_process_beside(guided):
    """What is refused is both in one; the end of the guiding alone is not."""
    guided.guided()
    guided.control.manager.refusal = "the controller cannot be activated"
    guided.down = False
    guided.until(State.FAULT, "fault")
    assert guided.control.arm.free and "the arm may be free to move" in guided.state.text
    guided.stage.spin(lambda: not guided.control.arm.free, "end of the guiding")
    assert guided.control.active == {guided.arm.driven: False, guided.arm.guiding_controller: False}
    guided.control.manager.refusal = ""
    guided.control.switch_all({guided.arm.driven: True})
    guided.stage.spin_for(1.5)  # it is the gate's again, and the process beside has nothing to do
    assert guided.control.active == {guided.arm.driven: True, guided.arm.guiding_controller: False}
    guided.stage.armed()
    guided.guided()


LEFT = {"namespace": "/left", "prefix": "left_"}


@of(replace(UR5E, **LEFT), replace(FR3, **LEFT))
def test_one_of_two_arms_is_guided_under_a_namespace_and_prefixed_names(guided):
    beside = Ros2Control(load_robot(CONFIG / "robots" / "ur5e+none.yaml"), ArmOptions(UR, "joint_trajectory"))
    for node in beside.nodes:  # an arm without a namespace, whose names are the usual ones
        guided.stage.add(node)
    guided.guided()
    home = guided.control.arm.q.copy()
    guided.control.arm.hand_rad_s = guided.arm.turn(0.1)
    guided.stage.spin(lambda: guided.control.arm.q[0] - home[0] > 0.03, "a turn of the base")
    guided.control.arm.hand_rad_s = guided.arm.turn(0.0)
    guided.down = False
    guided.taken_back()
    guided.until(State.HOLD, "hold")
    guided.stage.spin(lambda: "switched back" not in guided.state.text, "end of it")
    assert guided.state.state == State.HOLD and guided.state.armed
    assert beside.active == {UR: True}


def test_too_fast_a_hand_ends_it_with_the_speed(guided):
    guided.guided()
    guided.control.arm.hand_rad_s = 8.0 * TURN  # 0.36 m/s, allowed are 0.25
    guided.until(State.HOLD, "hold")
    guided.control.arm.hand_rad_s = 0.0 * TURN
    assert guided.state.reason == Reason.TOO_FAST and "m/s, allowed: 0.25" in guided.state.text
    guided.taken_back()


def test_a_manager_that_refuses_is_quoted_and_one_that_does_not_answer_gives_a_fault_in_which_nothing_moves(
    guided,
):
    manager = guided.control.manager
    manager.refusal = "the hardware does not want to"
    guided.down = True
    guided.stage.spin(lambda: guided.state.reason == Reason.SWITCH_FAILED, "refusal")
    assert guided.state.state == State.HOLD and manager.refusal in guided.state.text
    manager.refusal, guided.down = "", False
    guided.stage.spin(lambda: "switched back" not in guided.state.text, "end of it")
    assert guided.control.active == {UR: True, FREEDRIVE: False}
    guided.stage.spin_for(0.3)
    guided.guided()
    since_s = steady_s()
    manager.stalled = Future()
    guided.down = False
    guided.until(State.FAULT, "fault")
    assert guided.state.reason == Reason.SWITCH_FAILED and not guided.control.arm.free
    late, manager.stalled = manager.stalled, None
    late.set_result(None)
    guided.taken_back()  # late, and nobody drives
    guided.stage.spin_for(0.3)
    assert guided.state.state == State.FAULT and guided.stage.jump_rad(since_s) < 1e-3


def test_a_controller_that_somebody_else_activates_meanwhile_is_a_fault(guided):
    guided.guided()
    guided.control.switch_all({FREEDRIVE: False, UR: True})
    guided.until(State.FAULT, "fault")
    assert "somebody else has switched" in guided.state.text


@pytest.mark.parametrize("arm", [UR5E, FR3], ids=lambda arm: arm.robot)
def test_without_the_controller_of_hand_guiding_it_is_said_and_the_arm_stands(real_stage, tmp_path, arm):
    guided = Guided(real_stage, tmp_path, arm, guiding="")
    guided.down = True
    guided.stage.spin(lambda: guided.state.reason == Reason.SWITCH_FAILED, "refusal")
    assert f"not guided by hand: no controller {arm.guiding} is loaded" in guided.state.text


@pytest.mark.parametrize("end", ["is told to stop", "fails"])
@of(UR5E, FR3)
def test_a_gate_that_ends_gives_the_arm_back_to_its_controller(guided, end):
    guided.guided()
    gate = guided.stage.gate
    if end == "fails":
        gate._loop.tick = None  # it cannot be called
    else:
        gate.begin_stop()
    guided.taken_back()
    gate.begin_stop()
    guided.stage.spin(gate.stopped, "end")
    assert not guided.control.arm.free


def test_each_way_in_a_robots_file_is_one_of_the_gate():
    names = get_args(RobotConfig.__annotations__["hand_guiding"])
    assert set(names) == {"none", *WAYS}


def test_a_lapse_of_a_moment_and_a_controller_that_is_not_loaded_are_in_the_report():
    way, states = WAYS["ur"], {UR: "inactive", FREEDRIVE: "active"}
    assert guide_report(way, UR, states, lapsed=False).guided
    assert not guide_report(way, UR, states, lapsed=True).guided
    assert guide_report(way, UR, {UR: "active"}, lapsed=False).objection == NOT_LOADED


def test_the_controller_of_hand_guiding_is_the_makers_or_that_of_the_robots_file():
    fr3 = load_robot(CONFIG / "robots" / "fr3.yaml").config
    assert way_of(fr3) is None
    assert way_of(replace(fr3, hand_guiding="franka")).controller == FR3.guiding
    named = replace(fr3, hand_guiding="franka", hand_guiding_controller="left_free")
    assert way_of(named) == replace(WAYS["franka"], controller="left_free")


def test_an_arm_is_taken_back_a_second_after_the_last_word_or_at_once_when_the_gate_has_ended():
    word = LastWord()
    word.hear(FREE, 10.0)
    word.hear(FREE * 3, 10.3)
    assert not word.due(11.25) and word.due(11.35)
    assert not word.due(11.8) and word.due(11.9)  # refused: asked again after half a second
    word.hear(FREE, 12.0)  # the gate has only been slow
    assert not word.due(12.9)
    word.hear(b"", 12.9)
    assert word.due(12.9) and not word.over(12.9)
    word.held()
    assert word.over(12.95) and not word.due(14.0)


def test_an_arm_that_is_the_gates_or_that_nobody_gives_back_is_not_asked_for():
    word = LastWord()
    assert not word.due(5.0)
    word.hear(FREE + KEPT, 6.0)
    assert not word.due(8.0)
    word.hear(b"", 8.0)
    assert word.over(8.0) and not word.due(8.0)
    silent = LastWord()
    silent.hear(FREE, 0.0)
    assert silent.due(60.0)  # for as long as there is a gate, which says that nobody has the arm
    silent.hear(b"", 60.1)
    assert silent.due(90.0) and not silent.over(90.0)
    assert not silent.due(90.2) and silent.over(90.2)


@pytest.mark.parametrize("end", ["dies", "hangs"])
@of(FR3)
def test_a_franka_that_a_gate_leaves_free_is_held_by_a_process_of_its_own(guided, end):
    """The gate of the test stays; another one lets go of the arm, and is not heard any more."""
    driven, guiding = guided.arm.driven, guided.arm.guiding
    keeper = Keeper("", driven, guiding)

    def answers():
        keeper.say(False, steady_s())
        return keeper.ready

    guided.stage.spin(answers, "keeper")
    guided.control.switch_all({driven: False, guiding: True})
    guided.control.arm.hand_rad_s = guided.arm.turn(0.1)
    since_s = steady_s()

    def spoken():
        keeper.say(True, steady_s())
        return steady_s() - since_s > 1.5

    guided.stage.spin(spoken, "word")
    assert guided.control.arm.free
    silent_s = steady_s()
    if end == "dies":
        keeper.close()
    guided.taken_back()
    assert steady_s() - silent_s > (0.9 if end == "hangs" else 0.0)  # the last word is up to 0.1 s older
    held = guided.control.arm.q.copy()
    guided.stage.spin_for(0.3)
    assert np.array_equal(guided.control.arm.q, held)
    if end == "hangs":
        guided.stage.spin(answers, "echo")
        keeper.close()
