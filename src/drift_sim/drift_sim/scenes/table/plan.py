"""What to do now, and how long it will take: memoryless, so that the expert can take over anywhere.

The phase follows from the state alone. Heights are "funnels": continuous functions of the lateral error, high
far from the axis and at the target height on it, so that approach and descent are one smooth motion.
"""

import math

import numpy as np

from drift_sim.hand import OPENING_MAX_M
from drift_sim.scenes.scene import TICK_S, ExpertConfig, ExpertMotion, TaskPhase, Truth, View
from drift_sim.scenes.table.config import SlotConfig, TableConfig

QUARTER = math.pi / 2
_SETTLE_S = 0.3  # time that closing and opening need beside the fingers' way


class PickAndPlace:
    """Grip the box from above across one of its two pairs of sides, carry it to its goal, let go, rise."""

    def __init__(self, scene: TableConfig, home_yaw_rad: float) -> None:
        """`home_yaw_rad`: turn of the hand about the vertical in the home pose."""
        self._scene = scene
        self._config: ExpertConfig = scene.expert
        self._home_yaw = home_yaw_rad
        self._slot = isinstance(scene.goal, SlotConfig)

    def wish(self, view: View) -> ExpertMotion:
        """Return what to do in this state."""
        c = self._config
        tcp = view.tcp.position
        grasp = view.truth.object.position + self._scene.grip_offset_m
        if self.is_held(view):
            return self._carry(view)
        if self.is_delivered(view.truth):
            up = view.truth.goal.position[2] + self._rest_tcp_height() + c.retreat_m - tcp[2]
            phase = TaskPhase.RETREAT if up > 0.002 else TaskPhase.REST
            way = np.array([0.0, 0.0, max(up, 0.0)])
            return ExpertMotion(phase, self._speed(way), np.zeros(3), +1)
        turn = self._turn_to_grasp(view)
        if self._may_close(view, grasp - tcp, turn):
            return ExpertMotion(TaskPhase.GRIP, self._speed(grasp - tcp), self._turning(view, turn), -1)
        error = self._error(grasp - tcp, turn)
        # A hand that is not open must not come down onto the box.
        closed = np.clip((0.9 * OPENING_MAX_M - view.opening_m) / (0.3 * OPENING_MAX_M), 0.0, 1.0)
        height = max(self._funnel(error, c.funnel_inner_m, c.funnel_outer_m), 0.7 * c.hover_m * float(closed))
        return ExpertMotion(
            TaskPhase.APPROACH,
            self._along_funnel(grasp - tcp, height),
            self._turning(view, turn),
            gripper=+1,
        )

    def cost_to_go(self, view: View) -> float:
        """Return an estimate of the time to success in ticks of 0.1 s; it falls steadily on a good way."""
        c = self._config
        speed, gripper = c.linear_m_s, c.gripper_m_s
        tcp, box, goal = view.tcp.position, view.truth.object.position, view.truth.goal.position
        release_s = OPENING_MAX_M / gripper + _SETTLE_S
        up = max(0.0, goal[2] + self._rest_tcp_height() + c.retreat_m - tcp[2])
        if self.is_delivered(view.truth) and not self.is_held(view):
            missing = max(0.0, self._scene.success.released_opening_m - view.opening_m)
            return (missing / gripper + 0.1 * up / speed) / TICK_S
        offset = goal[:2] - box[:2]
        distance = float(np.linalg.norm(offset))
        height = box[2] - goal[2] - self._scene.rest_height_m
        hover = self._funnel(distance, c.goal_inner_m, c.goal_outer_m)
        carry_s = (max(0.0, hover - height) + math.hypot(distance, max(hover, height))) / speed
        if self.is_held(view):
            return (carry_s + release_s) / TICK_S
        turn = self._turn_to_grasp(view)
        way = box + self._scene.grip_offset_m - tcp
        close_way = OPENING_MAX_M - self._held_below()
        if self._may_close(view, way, turn):
            grip_s = max(0.0, view.opening_m - self._held_below()) / gripper + _SETTLE_S
            return (grip_s + carry_s + release_s) / TICK_S
        above = self._funnel(self._error(way, turn), c.funnel_inner_m, c.funnel_outer_m)
        reach_s = (float(np.linalg.norm(way)) + 2.0 * max(0.0, above + way[2])) / speed
        reach_s = max(reach_s, abs(turn) / c.angular_rad_s)
        open_s = (OPENING_MAX_M - view.opening_m) / gripper
        grip_s = close_way / gripper + _SETTLE_S
        return (max(reach_s, open_s) + grip_s + carry_s + release_s) / TICK_S

    def is_held(self, view: View) -> bool:
        """The box is between the fingers and they have closed on it."""
        way = view.truth.object.position + self._scene.grip_offset_m - view.tcp.position
        half = self._scene.object.half_size_m
        return (
            view.opening_m < self._held_below()
            and float(np.hypot(way[0], way[1])) < half[0] + 0.005
            and abs(way[2]) < half[2] + 0.005
        )

    def is_delivered(self, truth: Truth) -> bool:
        """The box rests where it shall, whoever let go of it."""
        offset = truth.object.position - truth.goal.position
        want = self._scene.success
        return (
            float(np.hypot(offset[0], offset[1])) < want.xy_m
            and abs(offset[2] - self._scene.rest_height_m) < want.height_m
        )

    def _carry(self, view: View) -> ExpertMotion:
        """Servo on the box's own place: it may sit off-centre in the hand."""
        c = self._config
        box, goal = view.truth.object, view.truth.goal
        way = goal.position - box.position
        way[2] = goal.position[2] + self._rest_tcp_height() - view.tcp.position[2]
        if self._slot:
            turn = _fold(_yaw(goal.rotation) - _yaw(box.rotation))
        else:
            turn = _wrap(self._home_yaw - _yaw(view.tcp.rotation))
        error = self._error(way, turn) if self._slot else float(np.hypot(way[0], way[1]))
        low = -way[2] < c.release_height_m
        if low and (error < 2.0 * c.goal_inner_m or self._is_inside(view.truth)):
            return ExpertMotion(TaskPhase.RELEASE, np.zeros(3), np.zeros(3), gripper=+1)
        if self._is_inside(view.truth):
            height = 0.0
        else:
            # Between a wide and a narrow funnel it keeps its height: small errors sideways make no bobbing.
            present = -way[2]
            height = min(
                max(present, self._funnel(error, 2.0 * c.goal_inner_m, c.funnel_outer_m)),
                self._funnel(error, c.goal_inner_m, c.goal_outer_m),
            )
        return ExpertMotion(TaskPhase.CARRY, self._along_funnel(way, height), self._turning(view, turn), -1)

    def _is_inside(self, truth: Truth) -> bool:
        """The box has entered the slot, whose walls guide it from here on."""
        if not isinstance(self._scene.goal, SlotConfig):
            return False
        offset = truth.object.position - truth.goal.position
        depth = self._scene.goal.wall_height_m - (offset[2] - self._scene.rest_height_m)
        return depth > 0.003 and float(np.abs(offset[:2]).max()) < 2.0 * self._scene.goal.clearance_m

    def _along_funnel(self, way: np.ndarray, height: float) -> np.ndarray:
        """Return the speed (3,) towards `way` (3,) [m] plus `height`; sideways only once it has risen."""
        rise = way[2] + height
        free = float(np.clip(1.0 - (rise - 0.015) / 0.03, 0.0, 1.0))
        target = np.array([way[0], way[1], rise])
        velocity = self._speed(target)
        if free < 1.0:
            velocity[:2] *= free
            velocity[2] = self._speed(np.array([0.0, 0.0, rise]))[2]
        return velocity

    def _speed(self, way: np.ndarray) -> np.ndarray:
        """Return the speed towards `way`: proportional near, braked before, limited far."""
        c = self._config
        distance = float(np.linalg.norm(way))
        if distance < 1e-9:
            return np.zeros(3)
        speed = min(c.linear_m_s, c.gain_1_s * distance, math.sqrt(2.0 * c.brake_m_s2 * distance))
        return way * (speed / distance)

    def _turning(self, view: View, turn_rad: float) -> np.ndarray:
        """Return the turning speed (3,) that turns the hand by `turn_rad` about z and keeps it upright."""
        c = self._config
        x, y, _ = view.tcp.rotation[:, 2]  # where the hand points; (0, 0, -1) is straight down
        want = np.array([-y, x, turn_rad])
        size = float(np.linalg.norm(want))
        if size < 1e-9:
            return np.zeros(3)
        return want * (min(c.angular_rad_s, c.gain_1_s * size) / size)

    def _turn_to_grasp(self, view: View) -> float:
        """Return the turn to the nearest of the four grasps, none of them far from the home yaw."""
        yaw = _yaw(view.tcp.rotation)
        turn = _fold(_yaw(view.truth.object.rotation) - yaw)
        from_home = _wrap(yaw + turn - self._home_yaw)
        if abs(from_home) > QUARTER / 2 + 0.25:
            turn -= math.copysign(QUARTER, from_home)
        return turn

    def _may_close(self, view: View, way: np.ndarray, turn_rad: float) -> bool:
        """At the grasp; once the fingers are closing, the box may have been nudged a little."""
        slack = 2.0 if view.opening_m < 0.9 * OPENING_MAX_M else 1.0
        limit = slack * self._config.grip_tolerance_m
        return (
            float(np.hypot(way[0], way[1])) < limit and abs(way[2]) < limit and abs(turn_rad) < 0.15 * slack
        ) and view.opening_m > self._held_below() - 0.01

    def _error(self, way: np.ndarray, turn_rad: float) -> float:
        """Lateral error with the turn counted in [m]."""
        return float(np.hypot(way[0], way[1])) + self._config.yaw_weight_m_rad * abs(turn_rad)

    def _funnel(self, error_m: float, inner_m: float, outer_m: float) -> float:
        """Return the height of the funnel at a lateral error: 0 inside, hover_m outside, smooth between."""
        x = min(max((error_m - inner_m) / (outer_m - inner_m), 0.0), 1.0)
        return self._config.hover_m * x * x * (3.0 - 2.0 * x) if outer_m > inner_m else 0.0

    def _rest_tcp_height(self) -> float:
        """Height of the TCP above the table when the gripped box rests on it."""
        return self._scene.rest_height_m + self._scene.object.grip_height_m

    def _held_below(self) -> float:
        return self._scene.grip_width_m + self._config.held_margin_m


def hand_yaw(rotation: np.ndarray) -> float:
    """Return the turn of a hand about the vertical [rad]."""
    return _yaw(rotation)


def _yaw(rotation: np.ndarray) -> float:
    return math.atan2(rotation[1, 0], rotation[0, 0])


def _wrap(angle: float) -> float:
    """Return the angle in [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def _fold(angle: float) -> float:
    """Return the smallest turn to an equivalent of a square: in [-pi/4, pi/4)."""
    return (angle + QUARTER / 2) % QUARTER - QUARTER / 2
