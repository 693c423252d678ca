"""The state of a Universal Robots arm from what ur_robot_driver publishes."""

from drift_control.inputs import ArmState

ROBOT_TOPIC = "io_and_status_controller/robot_mode"
SAFETY_TOPIC = "io_and_status_controller/safety_mode"
PROGRAM_TOPIC = "io_and_status_controller/robot_program_running"
SPEED_TOPIC = "speed_scaling_state_broadcaster/speed_scaling"

_RUNNING = 7
_ROBOT = {-1: "NO_CONTROLLER", 0: "DISCONNECTED", 1: "CONFIRM_SAFETY", 2: "BOOTING", 3: "POWER_OFF",
          4: "POWER_ON", 5: "IDLE", 6: "BACKDRIVE", 7: "RUNNING", 8: "UPDATING_FIRMWARE"}  # fmt: skip
_MOVES = (1, 2)  # NORMAL, REDUCED
_SAFETY = {3: "PROTECTIVE STOP", 4: "RECOVERY", 5: "SAFEGUARD STOP", 6: "SYSTEM EMERGENCY STOP",
           7: "ROBOT EMERGENCY STOP", 8: "VIOLATION", 9: "FAULT", 10: "VALIDATE JOINT ID",
           11: "UNDEFINED SAFETY MODE", 12: "AUTOMATIC MODE SAFEGUARD STOP",
           13: "SYSTEM THREE POSITION ENABLING STOP"}  # fmt: skip


class UrStatus:
    """The newest value of each topic. Modes come at changes only, the speed scaling at 100 Hz."""

    def __init__(self, has_modes: bool) -> None:
        """`has_modes`: messages of robot and safety mode can be read here."""
        modes = (ROBOT_TOPIC, SAFETY_TOPIC) if has_modes else ()
        self._expected = (*modes, PROGRAM_TOPIC, SPEED_TOPIC)
        self._values: dict[str, float] = {}
        self._speed_s = 0.0  # steady time at which the speed scaling came

    def put(self, topic: str, value: float, now_s: float) -> None:
        """Take a value at steady time `now_s`."""
        self._values[topic] = value
        if topic == SPEED_TOPIC:
            self._speed_s = now_s

    def arm_state(self, now_s: float) -> ArmState:
        """Return the state as of steady time `now_s`; it is as old as the speed scaling."""
        trouble = self._trouble()
        stopped = self._values.get(SAFETY_TOPIC, _MOVES[0]) not in _MOVES
        arrival_s = self._speed_s if SPEED_TOPIC in self._values else now_s
        return ArmState(not trouble, stopped, self._values.get(SPEED_TOPIC, 0.0) / 100.0, arrival_s, trouble)

    def _trouble(self) -> str:
        safety = int(self._values.get(SAFETY_TOPIC, _MOVES[0]))
        robot = int(self._values.get(ROBOT_TOPIC, _RUNNING))
        if safety not in _MOVES:
            name = _SAFETY.get(safety, f"safety mode {safety}")
            return f"the UR is in {name}: clear it on the pendant, start the program, then arm again"
        if robot != _RUNNING:
            name = _ROBOT.get(robot, str(robot))
            return f"the UR's robot mode is {name}, must be RUNNING: power it on, release its brakes"
        if not self._values.get(PROGRAM_TOPIC, True):
            return "the UR's program does not run: start External Control on the pendant, then arm again"
        if missing := [topic for topic in self._expected if topic not in self._values]:
            return f"nothing heard of {', '.join(missing)}: is that controller active?"
        return ""
