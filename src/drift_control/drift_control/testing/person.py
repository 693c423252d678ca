"""A person with a thing that leads, on a bench."""

import numpy as np

from drift_control.inputs import JoyReading, LeaderReading, PoseReading
from drift_control.robot.pose import Pose, quaternion_from_rotation, rotation_from_vector
from drift_control.teleop.pose_source import PoseSource


class Person:
    """Holds one device: moves it, presses its enable button, and lets one control tick go by at a time."""

    def __init__(self, bench):
        self.bench, self.device = bench, bench.joystick
        config = self.device.config
        self.moves_pose = isinstance(self.device, PoseSource)
        self.pose = Pose(np.array([0.3, -0.2, 1.1]), rotation_from_vector(np.array([0.4, -1.2, 0.7])))
        self.frame_id = getattr(config, "frame_id", "")
        joints = [] if self.moves_pose else config.joints
        self.names = [joint.name for joint in joints if joint is not None]
        self.q = np.zeros(len(self.names))
        self.handle = 0.0  # of a leader's hand
        self.held: tuple[str, ...] = ()  # names of buttons
        self.silent = False  # what leads; the buttons speak on

    def reading(self):
        """Return what the device says of itself now."""
        bench = self.bench
        if self.moves_pose:
            quaternion = tuple(quaternion_from_rotation(self.pose.rotation).tolist())
            position = tuple(self.pose.position.tolist())
            return PoseReading(position, quaternion, self.frame_id, bench.ros_s, bench.steady_s)
        names, q = [*self.names], self.q.tolist()
        if self.device.config.hand is not None:
            names, q = [*names, self.device.config.hand.name], [*q, self.handle]
        return LeaderReading(tuple(names), tuple(q), bench.ros_s, bench.steady_s)

    def tick(self, **inputs):
        """Let one control tick go by."""
        config, bench = self.device.config, self.bench
        mapped = config.buttons.mapped()
        levels = [0] * config.n_buttons
        for name in self.held:
            levels[mapped[name]] = 1
        joy = JoyReading((0.0,) * config.n_axes, tuple(levels), bench.ros_s, bench.steady_s)
        leads = {} if self.silent else {bench.first: self.reading()}
        return bench.tick(joy=joy, leads=leads, **inputs)

    def run(self, seconds, **inputs):
        """Keep still for a while."""
        for _ in range(round(seconds / self.bench.config.dt_s)):
            tick = self.tick(**inputs)
        return tick

    def arm(self):
        """Arm the gate, hands off."""
        self.held = ()
        self.run(0.1)
        return self.tick(arm=True)

    def press(self, seconds=0.02):
        """Hold enable, and keep still."""
        self.held = ("enable",)
        return self.run(seconds)

    def release(self, seconds=0.5):
        """Let go, and keep still."""
        self.held = ()
        return self.run(seconds)

    def carry(self, way_m=(0, 0, 0), turn_rad=(0, 0, 0), seconds=1.0):
        """Move a tracked thing by a way and a turn in its tracker's frame, evenly."""
        start, n = self.pose, round(seconds / self.bench.config.dt_s)
        for i in range(1, n + 1):
            rotation = rotation_from_vector(np.array(turn_rad, dtype=float) * i / n) @ start.rotation
            self.pose = Pose(start.position + np.array(way_m) * i / n, rotation)
            tick = self.tick()
        return tick

    def turn(self, by_rad, seconds=1.0):
        """Move the joints of a leader by (J,) [rad], evenly."""
        start, n = self.q, round(seconds / self.bench.config.dt_s)
        for i in range(1, n + 1):
            self.q = start + np.array(by_rad) * i / n
            tick = self.tick()
        return tick

    @property
    def tcp(self):
        """Commanded TCP."""
        return self.bench.robot.forward(self.bench.ticks[-1].command)
