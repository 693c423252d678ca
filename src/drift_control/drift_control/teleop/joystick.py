"""From a joystick's axes and buttons to a velocity command, and back for scripted hands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading
from drift_control.robot.pose import Array

MOTIONS = ("x", "y", "z", "roll", "pitch", "yaw")
MARKS = ("success", "failure", "start", "end")
STARTS_OR_ENDS = frozenset({"start", "end"})  # an episode; not while enable is held
Index = Annotated[int, Field(ge=0)]
NEW_FILE = "if this is the device, write a file for it: drift joystick"  # ends every refusal of a device
_COUNTS = 1 << 20  # of a counter, exact in the 32 bits of a message's axis
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./]*$")]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z~/][A-Za-z0-9_~/]*$")]


@dataclass(frozen=True, config=STRICT)
class Axis:
    """One axis of the device; `sign` -1 turns it round, `scale` slows it down beside the others.

    It rests at 0. A trigger, which rests at an end, moves one way only and cannot be mapped.
    """

    index: Index
    jumps: bool = False  # a cross or a key: goes from rest to its end in one message, as a stick cannot
    sign: Literal[-1, 1] = 1
    scale: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0  # of the speed at full deflection


@dataclass(frozen=True, config=STRICT)
class Buttons:
    """Which button does what; all work on levels (while held), so that a lost message does no harm.

    A device with few buttons, such as a SpaceMouse, maps enable and stop; the rest is asked for elsewhere.
    """

    enable: Index
    stop: Index
    gripper_open: Index | None = None
    gripper_close: Index | None = None
    arm: Index | None = None
    success: Index | None = None
    failure: Index | None = None
    start: Index | None = None
    end: Index | None = None

    def mapped(self) -> dict[str, int]:
        """Return the index of each button that the device has."""
        indices = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: index for name, index in indices.items() if index is not None}

    @model_validator(mode="after")
    def _distinct(self) -> "Buttons":
        indices = list(self.mapped().values())
        if len(set(indices)) != len(indices):
            raise ValueError(f"buttons={indices} must be distinct")
        return self


@dataclass(frozen=True, config=STRICT)
class SpeedStep:
    """While `button` is held, all speeds are multiplied by `scale`."""

    button: Index
    scale: Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True, config=STRICT)
class Driver:
    """The program that reads the device and publishes it as sensor_msgs/Joy; `joy` is where the gate listens.

    It must publish without motion, too, more often than `liveness.silent_s`.
    """

    package: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    executable: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]  # no path
    parameters: dict[ParameterName, bool | int | float | str] = field(default_factory=dict)
    remappings: dict[TopicName, TopicName] = field(default_factory=dict)  # the driver's topic -> ours


@dataclass(frozen=True, config=STRICT)
class Liveness:
    """How the death of this device shows. Values that stay the same are no sign: a hand can be steady."""

    silent_s: Annotated[float, Field(gt=0.0, le=5.0)]  # no message for so long: device or driver is lost
    stamped: bool = True  # the driver stamps every message anew, so that one whose stamp stands is old
    counter_axis: Index | None = None  # an axis in which the driver counts its messages, if it does
    counter_s: Annotated[float, Field(gt=0.0, le=5.0)] | None = None  # the count stands for so long: frozen

    @model_validator(mode="after")
    def _counter(self) -> "Liveness":
        if (self.counter_axis is None) != (self.counter_s is None):
            raise ValueError(
                f"counter_axis={self.counter_axis} and counter_s={self.counter_s} must be given together"
            )
        return self


@dataclass(frozen=True, config=STRICT)
class JoystickConfig:
    """One device, as config/joysticks/*.yaml says."""

    name: str
    liveness: Liveness
    axes: dict[Literal["x", "y", "z", "roll", "pitch", "yaw"], Axis]
    buttons: Buttons
    n_axes: Annotated[int, Field(ge=1)]  # exactly; other messages are refused
    n_buttons: Annotated[int, Field(ge=1)]
    dead_zone: Annotated[float, Field(ge=0.0, lt=1.0)]  # deflection that still counts as none
    response_exponent: Annotated[float, Field(ge=1.0, le=5.0)]  # 1: linear; larger: finer near the centre
    linear_speed_m_s: Annotated[float, Field(gt=0.0, le=0.25)]  # TCP speed at full deflection, any direction
    angular_speed_rad_s: Annotated[float, Field(gt=0.0, le=2.0)]
    gripper_speed_m_s: Annotated[
        float, Field(gt=0.0, le=0.5)
    ]  # of the opening, while a gripper button is held
    frame: Literal["base", "tool"]
    speed_steps: tuple[SpeedStep, ...] = ()
    driver: Driver | None = None  # None: `drift up` starts none, another program publishes
    device_names: tuple[str, ...] = ()  # as the system gives them, /proc/bus/input/devices; (): not known
    scripted: bool = False  # no person: whoever holds enable on another device takes over from it at once

    @model_validator(mode="after")
    def _inside_device(self) -> "JoystickConfig":
        for motion in MOTIONS:
            if motion not in self.axes:
                raise ValueError(f"axes must map {motion}; required: {list(MOTIONS)}")
            if self.axes[motion].index >= self.n_axes:  # type: ignore[index]
                raise ValueError(f"axes.{motion}.index must be below n_axes={self.n_axes}")
        indices = [axis.index for axis in self.axes.values()]
        if len(set(indices)) != len(indices):
            raise ValueError(f"axes: indices {indices} must be distinct")
        counter = self.liveness.counter_axis
        if counter is not None and (counter in indices or counter >= self.n_axes):
            raise ValueError(
                f"liveness.counter_axis={counter} must be below n_axes={self.n_axes} and move nothing"
            )
        used = self.buttons.mapped()
        for i, step in enumerate(self.speed_steps):
            for name in [name for name, index in used.items() if index == step.button]:
                raise ValueError(f"speed_steps[{i}].button={step.button} must not be buttons.{name} as well")
        used |= {f"speed_steps[{i}]": step.button for i, step in enumerate(self.speed_steps)}
        for name, index in used.items():
            if index >= self.n_buttons:
                raise ValueError(f"buttons.{name}={index} must be below n_buttons={self.n_buttons}")
        return self


@plain_dataclass(frozen=True)
class TeleopCommand:
    """What the person asks for; all rates are zero unless enabled."""

    enabled: bool  # the enable button is held in a sound message
    linear_m_s: Array  # (3,), in `frame`
    angular_rad_s: Array  # (3,), in `frame`
    gripper_rate_m_s: float  # positive opens
    marks: frozenset[str]  # of MARKS
    stop: bool
    arm: bool
    frame: str  # "base" or "tool"
    problem: str = ""  # why the message was refused, empty if it was not


class Joystick:
    """The mapping of one device; holds no state."""

    def __init__(self, config: JoystickConfig) -> None:
        self.config = config

    def command(self, joy: JoyReading) -> TeleopCommand:
        """Return the command of one message; one of another shape, or not finite, can only stop."""
        config, buttons = self.config, self.config.buttons
        stop = self._pressed(joy, buttons.stop)
        problem = self._problem(joy)
        if problem:
            return TeleopCommand(
                False, np.zeros(3), np.zeros(3), 0.0, frozenset(), stop, False, config.frame, problem
            )
        enabled = self._pressed(joy, buttons.enable)
        marks = frozenset(mark for mark in MARKS if self._pressed(joy, getattr(buttons, mark)))
        if enabled:  # a stick is easily pressed down while it is pushed
            marks -= STARTS_OR_ENDS
        linear, angular, gripper = np.zeros(3), np.zeros(3), 0.0
        if enabled:
            scale = min((s.scale for s in config.speed_steps if self._pressed(joy, s.button)), default=1.0)
            deflection = [self._deflection(joy, motion) for motion in MOTIONS]
            linear = _within_unit_ball(np.array(deflection[:3])) * (config.linear_speed_m_s * scale)
            angular = _within_unit_ball(np.array(deflection[3:])) * (config.angular_speed_rad_s * scale)
            direction = self._pressed(joy, buttons.gripper_open) - self._pressed(joy, buttons.gripper_close)
            gripper = direction * config.gripper_speed_m_s
        return TeleopCommand(
            enabled, linear, angular, gripper, marks, stop, self._pressed(joy, buttons.arm), config.frame
        )

    def encode(
        self,
        enabled: bool,
        linear_m_s: Sequence[float] | Array,
        angular_rad_s: Sequence[float] | Array,
        gripper_direction: float,
        *,
        pressed: frozenset[str] = frozenset(),
        count: int = 0,
    ) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return axes and buttons that `command` maps back to these rates, shortened to full speed.

        `gripper_direction` > 0 opens, < 0 closes, 0 rests. `pressed` names further buttons ("stop", "arm", a
        mark). `count` should rise from message to message: a device with a counter shows it there.
        """
        config, buttons = self.config, self.config.buttons
        axes = [0.0] * config.n_axes
        if config.liveness.counter_axis is not None:
            axes[config.liveness.counter_axis] = float(count % _COUNTS)
        for names, rates, speed in (
            (MOTIONS[:3], linear_m_s, config.linear_speed_m_s),
            (MOTIONS[3:], angular_rad_s, config.angular_speed_rad_s),
        ):
            axes_of = [config.axes[motion] for motion in names]  # type: ignore[index]
            values = _within_unit_ball(np.asarray(rates, dtype=float) / speed)
            values = values / np.array([axis.scale for axis in axes_of])  # deflections after the curve
            values = values / max(1.0, float(np.abs(values).max()))
            for axis, value in zip(axes_of, values, strict=True):
                if value:
                    axes[axis.index] = axis.sign * self._unshape(float(value))
        held = set(pressed)
        held |= {"enable"} if enabled else set()
        if gripper_direction:
            held.add("gripper_open" if gripper_direction > 0 else "gripper_close")
        levels = [0] * config.n_buttons
        mapped = buttons.mapped()
        for name in held:
            if name not in mapped:
                raise ValueError(f"{name}: {config.name} has no such button; it has {', '.join(mapped)}")
            levels[mapped[name]] = 1
        return tuple(axes), tuple(levels)

    def _problem(self, joy: JoyReading) -> str:
        config = self.config
        if len(joy.axes) != config.n_axes or len(joy.buttons) != config.n_buttons:
            return (
                f"{len(joy.axes)} axes and {len(joy.buttons)} buttons, {config.name} has exactly "
                f"{config.n_axes} and {config.n_buttons}; {NEW_FILE}"
            )
        for index, value in enumerate(joy.axes):
            if not math.isfinite(value):
                return f"axis {index} is {value}, must be finite"
        return ""

    def _deflection(self, joy: JoyReading, motion: str) -> float:
        """Return what is asked of one motion, as a part of the full speed of its kind, -1..1."""
        axis = self.config.axes[motion]  # type: ignore[index]
        return axis.scale * self._shape(max(-1.0, min(1.0, axis.sign * joy.axes[axis.index])))

    def _shape(self, deflection: float) -> float:
        """Return the response -1..1: zero in the dead zone, from there continuously up to one."""
        beyond = (abs(deflection) - self.config.dead_zone) / (1.0 - self.config.dead_zone)
        return math.copysign(beyond**self.config.response_exponent, deflection) if beyond > 0.0 else 0.0

    def _unshape(self, response: float) -> float:
        beyond = abs(response) ** (1.0 / self.config.response_exponent)
        return math.copysign(self.config.dead_zone + beyond * (1.0 - self.config.dead_zone), response)

    @staticmethod
    def _pressed(joy: JoyReading, index: int | None) -> bool:
        return index is not None and index < len(joy.buttons) and joy.buttons[index] != 0


def _within_unit_ball(vector: Array) -> Array:
    return vector / max(1.0, math.sqrt(vector @ vector))


def load_joystick(path: Path) -> Joystick:
    """Return the device described by a file like config/joysticks/gamepad.yaml."""
    return Joystick(load_yaml(Path(path), JoystickConfig))
