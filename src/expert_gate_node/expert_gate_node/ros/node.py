"""The gate node: the only publisher of arm commands; person before policy, the guard before the arm."""

import gc
import sys
import traceback
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from drift_control.gate.in_charge import REST_S
from drift_control.gate.state import CommandSource, State
from drift_control.inputs import JoyReading, Now, Requests
from drift_control.loop import ControlLoop, Tick
from drift_control.planning.scene import Scene
from drift_control.publishers import Publishers
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import load_robot
from drift_control.teleop.buttons import ButtonWatch
from drift_control.teleop.devices import load_device
from drift_interfaces.msg import ActionChunk, GateState, PolicyState
from drift_ros import qos
from drift_ros.chunk_message import to_chunk
from drift_ros.clock import ros_s, steady_clock, steady_s
from drift_ros.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from drift_ros.gate_messages import to_gate_state, to_step
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.parameters import load_parameters
from drift_ros.publisher_names import PublisherNames
from drift_ros.request import StackRequest
from drift_ros.run import run_node
from drift_ros.stack_client import StackClient
from rclpy.node import Node

from expert_gate_node.config import ExpertGateConfig
from expert_gate_node.emergency import EmergencyBrake
from expert_gate_node.heartbeat import Heartbeat
from expert_gate_node.inbox import Inbox
from expert_gate_node.notices import Notices
from expert_gate_node.pulse import Pulse
from expert_gate_node.ros.arm_states import listen
from expert_gate_node.ros.devices import DeviceTopics
from expert_gate_node.ros.hand_guiding import HandGuiding
from expert_gate_node.ros.output import TickPublisher
from expert_gate_node.ros.planning import PlannerClient
from expert_gate_node.ros.requests import RequestServer
from expert_gate_node.scheduling import run_before_others
from expert_gate_node.surprise import help_request

_ASKED = ("trainer/mark_success", "trainer/mark_failure", "trainer/start_episode", "trainer/end_episode")
_REST_TICKS = 3  # commands without motion before the node may end


class ExpertGateNode(Node):
    """Step the control loop at control rate, tell the arm what it says, and tell everybody why."""

    def __init__(self, **kwargs: Any) -> None:
        self._beside = ExitStack()  # what is to be ended, also where a parameter is refused before it begins
        super().__init__("expert_gate", **kwargs)
        config = self._config = load_parameters(self, ExpertGateConfig)
        robot = self._robot = load_robot(config.robot_file)
        devices = {topic: load_device(file) for topic, file in config.joystick_files.items()}
        self._loop = ControlLoop(config, robot, devices)
        self._buttons = {topic: ButtonWatch(device) for topic, device in devices.items()}
        self._joints = JointStateMerger(robot.config)
        self._speakers, self._names = Publishers(), PublisherNames(self)
        self._inbox, self._pulse = Inbox(), Pulse(config.dt_s)
        self._heartbeat = Heartbeat()
        self._notices = Notices(self.get_logger().warning)
        self._brake = EmergencyBrake(robot, config.dt_s)
        self._moved_s: float | None = None  # steady time of the last braking step that moved
        self._trouble = ""  # with the joint states and their publishers
        self._failure = ""  # traceback of the exception that broke the control loop
        self._stopping, self._still_ticks = False, 0
        self._tick: Tick | None = None
        self._out = TickPublisher(self, robot, config, self._say)
        controller = self._out.controller
        answered = self._inbox.put_switch_answer
        self._hand_guiding = HandGuiding(self, controller, robot.config, answered)
        self._beside.callback(self._hand_guiding.close)
        scene, limit_s = Scene(robot), config.homing_timeout_s
        self._requests = RequestServer(self, self._inbox.request, scene, limit_s, self._objection)
        self._planner = PlannerClient(
            self, self._inbox.put_plan, self._inbox.put_chunk_verdict, config.chunk_timeout_s
        )
        self.create_subscription(ActionChunk, "action_chunk", self._on_chunk, qos.COMMAND)
        if config.help_future_error:
            self.create_subscription(PolicyState, "policy/state", self._on_policy_state, qos.LATCHED)
        self._devices = DeviceTopics(self, devices, self._names, self._inbox, self._on_joy)
        self._joint_topics = JointStateTopics(self, robot.config.joint_state_topics)
        put, heard = self._inbox.put_arm_state, self._heard
        listen(self, robot.config.arm_state, controller.namespace, put, heard)
        stack = StackClient(self, _ASKED)
        self._marks = {  # button of the joystick -> what is asked of the trainer
            "success": partial(stack.mark, True),
            "failure": partial(stack.mark, False),
            "start": stack.start_episode,
            "end": stack.end_episode,
        }
        self._diagnostics = Diagnostics(self, self._report)
        self.create_timer(config.dt_s, self._on_tick, clock=steady_clock())

    def begin_stop(self) -> None:
        """Decelerate; asked for at shutdown."""
        self._stopping = True

    def destroy_node(self) -> None:
        """Leave the graph, and end what runs beside."""
        self._beside.close()
        super().destroy_node()

    def stopped(self) -> bool:
        """The arm has been told to stand still, or is told nothing."""
        return self._still_ticks >= _REST_TICKS

    def _objection(self) -> str:
        """Return why nothing may be commanded: the arm's own reason before what follows from it."""
        trouble = self._inbox.arm_trouble() or self._out.controller.objection()
        return trouble or self._names.objection() or self._joint_topics.objection()

    def _on_chunk(self, msg: ActionChunk, info: dict[str, Any]) -> None:
        self._heard("action_chunk", info)
        self._inbox.put_chunk(to_chunk(msg, steady_s()))
        tick = self._tick
        if not self._config.check_chunks or tick is None or tick.command is None:
            return
        # What is void, or comes while a person drives, is not executed.
        if tick.armed and msg.epoch == tick.epoch and tick.source is not CommandSource.EXPERT:
            self._planner.check(msg, tick.command.tolist(), steady_s())

    def _on_policy_state(self, msg: PolicyState) -> None:
        if self._tick is not None:
            self._say(help_request(msg.future_error, self._config.help_future_error, self._tick.state))

    def _on_joy(self, topic: str, joy: JoyReading) -> None:
        self._inbox.put_joy(topic, joy)
        self._say(self._requests.press(self._buttons[topic].update(joy)))

    def _heard(self, topic: str, info: dict[str, Any]) -> None:
        self._speakers.heard(self._names.of(topic, info), (topic,), steady_s())

    def _look_at_joints(self, now: Now) -> None:
        for message in self._joint_topics.take():
            self._joints.merge(message, now.ros_s)
        trouble = self._joints.trouble(now.steady_s, self._config.joint_state_timeout_s)
        self._inbox.put_joints(self._joints.reading, trouble)
        conflicts = self._joints.conflict(now.steady_s), self._speakers.conflict(now.steady_s)
        self._inbox.put_conflict("; ".join(filter(None, conflicts)))

    def _on_tick(self) -> None:
        now = Now(steady_s(), ros_s(self.get_clock()))
        self._pulse.beat(now.steady_s)
        if not self._failure:
            try:
                self._step(now)
            except Exception:  # whatever it is, the arm must come to rest
                self._failure = traceback.format_exc()
                self.get_logger().fatal(f"the control loop failed, the arm is held:\n{self._failure}")
        if self._failure:
            self._hold_after_failure(now)
        self._heartbeat.beat(now.steady_s)

    def _step(self, now: Now) -> None:
        if self._stopping:
            self._inbox.request(Requests(shutdown=True))
        self._look_at_joints(now)
        trouble, guide = self._out.controller.trouble(), self._hand_guiding.report()
        inputs = replace(self._inbox.take(), controller_trouble=trouble, guide=guide)
        self._trouble = inputs.conflict or inputs.joints_trouble
        last, tick = self._tick, self._loop.tick(inputs, now)
        tick = replace(tick, refused=self._notices.with_all(tick.refused, now.steady_s))
        self._tick = tick
        q, v, gripper_m = tick.command, tick.velocity, tick.gripper_m
        measured = tick.measured
        if tick.sent and q is not None and v is not None and gripper_m is not None and measured is not None:
            self._out.command(q, v, gripper_m, measured[:-1])
            self._brake.note(q, gripper_m)
        else:
            self._brake.forget()
            self._out.forget()
        self._out.step(to_step(tick, self._robot.config.base_frame))
        self._out.state(to_gate_state(tick, self._config.dry_run), now.steady_s, now.ros_s)
        self._planner.ask(tick.question)
        self._hand_guiding.follow(tick.switch, tick.guided, now.steady_s)
        self._requests.answer(tick, now.steady_s)
        self._pass_on(tick.marks - last.marks if last else tick.marks)
        told_to_rest = last is not None and np.array_equal(tick.command, last.command)
        rests = (told_to_rest or not tick.sent) and tick.switch is None  # and no switch is under way
        self._still_ticks = self._still_ticks + 1 if self._stopping and rests else 0

    def _hold_after_failure(self, now: Now) -> None:
        try:
            self._hand_guiding.give_up()
            self._brake_on(now)
        except Exception:  # nothing is left but to send no more: the controller holds the arm where it is
            self.get_logger().fatal(f"braking failed, too; nothing more is sent:\n{traceback.format_exc()}")
            self._brake.forget()
        self._still_ticks = self._still_ticks + 1 if self._stopping and self._brake.still else 0
        text = f"the control loop failed ({self._failure.splitlines()[-1]}); restart the gate"
        state = GateState(state=GateState.FAULT, text=text, dry_run=self._config.dry_run)
        if self._tick is not None:
            state.epoch, state.intervention_id = self._tick.epoch + 1, self._tick.intervention_id
        self._out.state(state, now.steady_s, now.ros_s)
        self._requests.fail(text)

    def _brake_on(self, now: Now) -> None:
        """Send the next step to standstill; `REST_S` after that nothing more: others may move the arm."""
        command, last = self._brake.command(), self._tick
        if command is None or last is None or last.measured is None:
            return
        self._out.arm(command, self._brake.velocity, self._brake.gripper_m, last.measured[:-1])
        self._moved_s = now.steady_s if self._moved_s is None or not self._brake.still else self._moved_s
        if now.steady_s - self._moved_s > REST_S:
            self._brake.forget()
            self._out.forget()

    def _pass_on(self, marks: frozenset[str]) -> None:
        """Tell the trainer what the person has just marked; nothing waits for its answer."""
        for mark in marks & self._marks.keys():
            self._marks[mark]().add_done_callback(partial(self._on_passed_on, mark))

    def _on_passed_on(self, mark: str, passed_on: StackRequest) -> None:
        if passed_on.error is not None:
            self._say(f"mark {mark!r} is lost: {passed_on.error}")

    def _say(self, text: str) -> None:
        self._notices.say(text, steady_s())

    def _report(self) -> Report:
        tick, figures = self._tick, self._pulse.figures()
        if self._failure or tick is None:
            level, text = (ERROR, "the control loop failed") if self._failure else (WARN, "no tick yet")
            return Report(level, text, figures)
        message = ": ".join(filter(None, (tick.state.name, tick.text, tick.refused)))
        figures |= {"epoch": tick.epoch, "armed": tick.armed, "chunks_refused": tick.chunks_refused}
        if self._config.check_chunks:
            figures |= {"chunks_checked": self._planner.checked, "chunks_unchecked": self._planner.unchecked}
        if tick.state == State.FAULT:
            return Report(ERROR, message, figures)
        if lacking := self._trouble if tick.armed else self._lacking():
            return Report(WARN, f"{tick.state.name}: {lacking}", figures)
        return Report(WARN if tick.refused else OK, message, figures)

    def _lacking(self) -> str:
        """Return what is missing before anybody can drive, in words; empty: nothing."""
        return "; ".join(filter(None, (self._trouble, self._objection(), self._devices.silent())))


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    return run_node(_quiet_node)


def _quiet_node() -> ExpertGateNode:
    node = ExpertGateNode()
    priority = node.get_parameter("realtime_priority").value
    if priority and not run_before_others(priority):
        node.get_logger().info(
            f"realtime_priority={priority} is not permitted (ulimit -r): late ticks under load"
        )
    gc.freeze()  # a full collection takes 10 ms, half a control period; what is here now stays anyway
    return node


if __name__ == "__main__":
    sys.exit(main())
