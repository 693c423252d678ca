"""Which axis or button a person has just moved: asked one after the other, from plain Joy messages."""

from dataclasses import dataclass, field

from drift.errors import UserError

MOVED = 0.6  # of full deflection
REST = 0.15  # an axis that rests further out is a trigger
QUESTIONS = {  # motion -> what to do; the first direction is the positive one
    "x": "push the stick that moves the hand FORWARD",
    "y": "push the stick that moves the hand LEFT",
    "z": "push the stick that moves the hand UP",
    "roll": "push what turns the hand about its forward axis, LEFT SIDE UP",
    "pitch": "push what tips the hand, FRONT DOWN",
    "yaw": "push the stick that turns the hand LEFT (seen from above)",
}
BUTTONS = {
    "enable": "hold the button that ENABLES motion",
    "stop": "press the button that STOPS the arm",
    "arm": "press the button that ARMS the gate",
    "gripper_close": "press the button that CLOSES the hand",
    "gripper_open": "press the button that OPENS the hand",
    "success": "press the button for SUCCESS",
    "failure": "press the button for FAILURE",
    "start": "press the button that STARTS an episode",
    "end": "press the button that BREAKS an episode off",
}


@dataclass
class Survey:
    """What is known so far of one device; `rest` is its first message that nobody touched."""

    rest_axes: tuple[float, ...]
    n_buttons: int
    axes: dict[str, dict[str, int | bool]] = field(default_factory=dict)
    buttons: dict[str, int] = field(default_factory=dict)
    _last: tuple[float, ...] = ()

    def motion(self, motion: str, axes: tuple[float, ...]) -> bool:
        """Take a message in answer to the question of `motion`; return whether it was answered.

        Each question begins with the device at rest.
        """
        before, self._last = self._last or self.rest_axes, axes
        taken = self._motion_axes
        for index, value in enumerate(axes):
            if abs(value - self.rest_axes[index]) < MOVED or index in taken:
                continue
            if abs(self.rest_axes[index]) > REST:
                rest = f"axis {index} rests at {self.rest_axes[index]:+.1f}"
                raise UserError(f"{rest}: a trigger moves one way only and cannot be {motion}")
            answer: dict[str, int | bool] = {"index": index}
            if value < 0.0:
                answer["sign"] = -1
            if abs(before[index]) <= REST and abs(value) >= 0.95:
                answer["jumps"] = True
            self.axes[motion], self._last = answer, ()
            return True
        return False

    def button(self, name: str, buttons: tuple[int, ...]) -> bool:
        """Take a message in answer to the question of a button; return whether it was answered."""
        for index, level in enumerate(buttons):
            if level and index not in self.buttons.values():
                self.buttons[name] = index
                return True
        return False

    def left_alone(self, axes: tuple[float, ...], buttons: tuple[int, ...]) -> bool:
        """Return whether nobody touches the device.

        From the first button on, an axis that is no motion may rest elsewhere: many drivers say nothing of a
        trigger before it is pulled.
        """
        watched = self._motion_axes if self.buttons else range(len(axes))
        return not any(buttons) and all(abs(axes[i] - self.rest_axes[i]) <= REST for i in watched)

    @property
    def _motion_axes(self) -> list[int]:
        return [axis["index"] for axis in self.axes.values()]

    def file(self, name: str, device_names: list[str], driver: dict[str, object] | None) -> dict[str, object]:
        """Return what the joystick's file says."""
        return {
            "name": name,
            "device_names": device_names,
            "driver": driver,
            "n_axes": len(self.rest_axes),
            "n_buttons": self.n_buttons,
            "liveness": {"silent_s": 0.25},
            "axes": self.axes,
            "buttons": self.buttons,
            "dead_zone": 0.08,
            "response_exponent": 1.5,
            "linear_speed_m_s": 0.2,
            "angular_speed_rad_s": 1.0,
            "gripper_speed_m_s": 0.1,
            "frame": "base",
        }
