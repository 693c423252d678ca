"""From a joystick's axes and buttons to a velocity command, and back for scripted hands."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading
from drift_control.robot.pose import Array
from drift_control.teleop.command import TcpRate, TeleopCommand
from drift_control.teleop.panel import Buttons, Driver, Index, Liveness, Panel, pressed, refuse_beyond

MOTIONS = ("x", "y", "z", "roll", "pitch", "yaw")
_COUNTS = 1 << 20  # of a counter, exact in the 32 bits of a message's axis


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
class SpeedStep:
    """While `button` is held, all speeds are multiplied by `scale`."""

    button: Index
    scale: Annotated[float, Field(gt=0.0, le=1.0)]


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
    kind: Literal["joystick"] = "joystick"

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
        if self.buttons.stop is None:
            raise ValueError("buttons.stop is missing")
        used = self.buttons.mapped()
        for i, step in enumerate(self.speed_steps):
            for name in [name for name, index in used.items() if index == step.button]:
                raise ValueError(f"speed_steps[{i}].button={step.button} must not be buttons.{name} as well")
        used |= {f"speed_steps[{i}]": step.button for i, step in enumerate(self.speed_steps)}
        refuse_beyond({f"buttons.{name}": index for name, index in used.items()}, self.n_buttons)
        return self


class Joystick:
    """The mapping of one device; holds no state."""

    def __init__(self, config: JoystickConfig) -> None:
        self.config = config
        self._panel = Panel(config)

    def command(self, joy: JoyReading) -> TeleopCommand:
        """Return the command of one message; one of another shape, or not finite, can only stop."""
        config, held = self.config, self._panel.held(joy)
        linear, angular = np.zeros(3), np.zeros(3)
        if held.enabled:
            scale = min((s.scale for s in config.speed_steps if pressed(joy, s.button)), default=1.0)
            deflection = [self._deflection(joy, motion) for motion in MOTIONS]
            linear = _within_unit_ball(np.array(deflection[:3])) * (config.linear_speed_m_s * scale)
            angular = _within_unit_ball(np.array(deflection[3:])) * (config.angular_speed_rad_s * scale)
        return TeleopCommand.of(
            held, TcpRate(linear, angular, config.frame), held.gripper * config.gripper_speed_m_s
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


def _within_unit_ball(vector: Array) -> Array:
    return vector / max(1.0, math.sqrt(vector @ vector))


def load_joystick(path: Path) -> Joystick:
    """Return the device described by a file like config/joysticks/gamepad.yaml."""
    return Joystick(load_yaml(Path(path), JoystickConfig))
