"""A gate with an arm that follows perfectly, in steps of one tick."""

from dataclasses import replace

import numpy as np

from drift_control.inputs import (
    ArmState,
    Chunk,
    Inputs,
    JointMessage,
    JointReading,
    JoyReading,
    Now,
    Requests,
)
from drift_control.loop import ControlLoop, GateConfig
from drift_control.publishers import Publisher
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.pose import Pose, pose_to_action
from drift_control.teleop.buttons import ButtonWatch

DRIVER, HAND, ECHO = (Publisher(name.encode(), name) for name in ("/driver", "/hand", "/echo"))
GATE = {
    "rate_hz": 50.0,
    "dry_run": False,
    "chunk_timeout_s": 1.5,
    "camera_timeout_s": 0.5,
    "joint_state_timeout_s": 0.2,
    "joint_state_lost_s": 1.0,
    "arm_state_timeout_s": 0.5,
    "clock_jump_s": 0.5,
    "interpolation": "linear",
    "ramp_in_s": 0.3,
    "chunk_blend_s": 0.2,
    "tracking_gain_1_s": 8.0,
    "teleop_acceleration_m_s2": 1.0,
    "teleop_angular_acceleration_rad_s2": 5.0,
    "homing_speed_scale": 0.5,
    "homing_timeout_s": 20.0,
    "plan_limit_s": 5.0,
    "check_chunks": False,
    "tracking_error_time_s": 0.1,
    "workspace_margin_m": 0.03,
    "clamp_window_s": 2.0,
    "clamp_ratio_max": 0.5,
    "hold_window_s": 10.0,
    "holds_max": 5,
}


class Bench:
    """One gate and an ideal arm; every tick moves both clocks on by one period."""

    def __init__(self, robot, joysticks, **gate):
        """`joysticks`: by topic, in order of precedence; the first is what `stick` and `joy` mean."""
        self.robot, self.joysticks = robot, joysticks
        self.first = next(iter(joysticks))
        self.joystick = joysticks[self.first]
        self.config = GateConfig(**{**GATE, **gate})
        self.loop = ControlLoop(self.config, robot, joysticks)
        self.buttons = {name: ButtonWatch(joystick) for name, joystick in joysticks.items()}
        self.steady_s, self.ros_s = 50.0, 1000.0
        self.q, self.gripper_m = robot.home.copy(), 0.08
        self.ticks = []
        self.joy_count = 0
        self.joy_silent = False  # else the first joystick says that nobody touches it, where nothing is given
        self.joy_offset_s = 0.0  # of the joystick's clock
        self.stop_asked = False  # in the last tick
        self.chunk_id = 0
        self.joints_silent = False  # the joint states stop
        self.gripper_silent = False
        self.gripper_every = 1  # ticks between its states
        self.gripper_speed_m_s = np.inf  # at which it follows
        self._gripper = (self.gripper_m, 0.0)  # its newest state, and when it arrived
        self.merger: JointStateMerger | None = (
            None  # which messages of the joints go through; None: no messages
        )
        self.joints_ahead_s = 0.0  # of the clock of the arm's driver
        self.joint_publishers = (DRIVER,)
        self.conflict = ""  # what comes from two publishers
        self.joints = "sound"  # or "not finite", "too few"
        self.follows = True  # the arm does what it is told
        self.arm_state = None
        self.controller_trouble = ""  # why its controller executes nothing
        self.guide = self.switch_answer = None  # what its controller manager says
        self.arm_silent = False  # it says no more how it is
        self._joints = None

    def tick(self, chunk=None, joy=None, others=None, plan=None, chunk_verdict=None, leads=None, **requests):
        """Run one tick; `joy` is a JoyReading of the first joystick, made by `stick`; `others`: by topic.

        `leads`: what leads beside their buttons, by topic.
        """
        if not self.joints_silent:
            q = {"sound": self.q.copy(), "not finite": self.q * np.nan, "too few": self.q[1:]}[self.joints]
            if heard := not self.gripper_silent and len(self.ticks) % self.gripper_every == 0:
                self._gripper = (self.gripper_m, self.steady_s)
            self._joints = JointReading(q, self._gripper[0], self.ros_s, self.steady_s, self._gripper[1])
            if self.merger is not None:
                self._joints = self._merged(self.merger, q, heard)
        if self.arm_state is not None and not self.arm_silent:
            self.arm_state = replace(self.arm_state, arrival_s=self.steady_s)
        if joy is None and not self.joy_silent:
            joy = self.stick(enabled=False)
        joys = ({} if joy is None else {self.first: joy}) | (others or {})
        for name, message in joys.items():
            pressed = self.buttons[name].update(message)
            requests = {k: v for k, v in vars(pressed).items() if v} | {
                k: v for k, v in requests.items() if v
            }
        self.stop_asked = requests.get("stop", False)
        timeout_s = self.config.joint_state_timeout_s
        inputs = Inputs(
            self._joints,
            joys,
            chunk,
            Requests(**requests),
            self.arm_state,
            joints_trouble=self.merger.trouble(self.steady_s, timeout_s) if self.merger else "",
            conflict=self.conflict or (self.merger.conflict(self.steady_s) if self.merger else ""),
            plan=plan,
            chunk_verdict=chunk_verdict,
            controller_trouble=self.controller_trouble,
            leads=leads or {},
            guide=self.guide,
            switch_answer=self.switch_answer,
        )
        tick = self.loop.tick(inputs, Now(self.steady_s, self.ros_s))
        if tick.sent and self.follows and tick.command is not None and tick.gripper_m is not None:
            step_m = self.gripper_speed_m_s * self.config.dt_s
            self.q = tick.command.copy()
            self.gripper_m += min(max(tick.gripper_m - self.gripper_m, -step_m), step_m)
        self.steady_s += self.config.dt_s
        self.ros_s += self.config.dt_s
        self.ticks.append(tick)
        return tick

    def _merged(self, merger, q, hand_speaks):
        """Return the reading after the messages of this tick: the arm's from each publisher, the hand's."""
        config = self.robot.config
        for i, publisher in enumerate(self.joint_publishers):
            stamp_s = self.ros_s + self.joints_ahead_s + 1e-6 * i
            merger.merge(JointMessage(config.joint_names, q, stamp_s, self.steady_s, publisher), self.ros_s)
        if hand_speaks:
            names, fingers = list(config.gripper.joints), config.gripper.positions(self.gripper_m)
            merger.merge(JointMessage(names, fingers, self.ros_s, self.steady_s, HAND), self.ros_s)
        return merger.reading

    def stall(self, seconds):
        """Let time go by without a tick."""
        self.steady_s += seconds
        self.ros_s += seconds

    def run(self, seconds, **inputs):
        """Repeat a tick; values that can be called are called for each."""
        for _ in range(round(seconds / self.config.dt_s)):
            tick = self.tick(**{k: v() if callable(v) else v for k, v in inputs.items()})
        return tick

    def stick(
        self, linear=(0, 0, 0), angular=(0, 0, 0), gripper=0, enabled=True, pressed=frozenset(), on=None
    ):
        """Return a live message of the joystick `on`."""
        self.joy_count += 1
        axes, buttons = self.joysticks[on or self.first].encode(
            enabled, linear, angular, gripper, pressed=pressed, count=self.joy_count
        )
        return JoyReading(axes, buttons, self.ros_s + self.joy_offset_s, self.steady_s)

    def chunk(self, data=None, *, offset=(0, 0, 0), steps=16, dt_s=0.1, delay_s=0.0, **fields):
        """Return a chunk that stays `offset` from the present command, or holds `data`."""
        self.chunk_id += 1
        if data is None:
            tcp = self.robot.forward(self.q)
            target = Pose(tcp.position + np.array(offset), tcp.rotation)
            data = np.tile(pose_to_action(target, self.gripper_m), (steps, 1))
        values = dict(
            id=self.chunk_id,
            epoch=self.ticks[-1].epoch if self.ticks else 1,
            stamp_s=self.ros_s - delay_s,
            dt_s=dt_s,
            data=data,
            action_space="tcp_pose",
            policy_version=3,
            oldest_input_s=self.ros_s - delay_s,
            arrival_s=self.steady_s,
        )
        return Chunk(**{**values, **fields})

    def line(self, velocity, *, steps=16, dt_s=0.1, **fields):
        """Return a chunk along a straight line at `velocity` (3,) [m/s] from the present command."""
        tcp = self.robot.forward(self.q)
        times = dt_s * np.arange(1, steps + 1)[:, None]
        data = np.tile(pose_to_action(tcp, self.gripper_m), (steps, 1))
        data[:, :3] = tcp.position + times * np.array(velocity)
        return self.chunk(data, dt_s=dt_s, **fields)

    def ready(self, **fields):
        """Set what the arm's controller says about itself."""
        self.arm_state = ArmState(**{"ready": True, "protective_stop": False, "speed_scale": 1.0,
                                     "arrival_s": self.steady_s, **fields})  # fmt: skip

    @property
    def commands(self):
        """Commanded joint positions so far (N, J)."""
        return np.array([tick.command for tick in self.ticks])

    @property
    def tcp_speed(self):
        """Commanded TCP speeds between ticks (N - 1,) [m/s]."""
        position = np.array([tick.action[:3] for tick in self.ticks])
        return np.linalg.norm(np.diff(position, axis=0), axis=1) / self.config.dt_s
