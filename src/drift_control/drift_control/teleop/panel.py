"""What every device has: buttons that a person holds, a driver, and a way in which its death shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from typing import Annotated, Protocol

from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading

MARKS = ("success", "failure", "start", "end")
STARTS_OR_ENDS = frozenset({"start", "end"})  # an episode; not while enable is held
Index = Annotated[int, Field(ge=0)]
NEW_FILE = "if this is the device, write a file for it: drift joystick"  # ends every refusal of a device
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./]*$")]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z~/][A-Za-z0-9_~/]*$")]


@dataclass(frozen=True, config=STRICT)
class Buttons:
    """Which button does what; all work on levels (while held), so that a lost message does no harm.

    A device with few buttons, such as a SpaceMouse, maps enable and stop; the rest is asked for elsewhere.
    """

    enable: Index
    stop: Index | None = None  # required of a joystick
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


class PanelConfig(Protocol):
    """The part of a device's file that says what its buttons do."""

    @property
    def name(self) -> str: ...
    @property
    def n_axes(self) -> int: ...
    @property
    def n_buttons(self) -> int: ...
    @property
    def buttons(self) -> Buttons: ...


@plain_dataclass(frozen=True)
class Held:
    """What is held in one message; nothing but stop in one that is refused."""

    stop: bool
    enabled: bool = False
    arm: bool = False
    marks: frozenset[str] = frozenset()  # of MARKS
    gripper: int = 0  # 1 opens, -1 closes
    problem: str = ""  # why the message was refused, empty if it was not


class Panel:
    """The buttons of one device; holds no state."""

    def __init__(self, config: PanelConfig) -> None:
        self._config = config

    def held(self, joy: JoyReading) -> Held:
        """Return what one message says; one of another shape, or not finite, can only stop."""
        buttons = self._config.buttons
        stop = pressed(joy, buttons.stop)
        if problem := self._problem(joy):
            return Held(stop, problem=problem)
        enabled = pressed(joy, buttons.enable)
        marks = frozenset(mark for mark in MARKS if pressed(joy, getattr(buttons, mark)))
        if enabled:  # a stick is easily pressed down while it is pushed
            marks -= STARTS_OR_ENDS
        gripper = pressed(joy, buttons.gripper_open) - pressed(joy, buttons.gripper_close)
        return Held(stop, enabled, pressed(joy, buttons.arm), marks, gripper if enabled else 0)

    def _problem(self, joy: JoyReading) -> str:
        config = self._config
        if len(joy.axes) != config.n_axes or len(joy.buttons) != config.n_buttons:
            return (
                f"{len(joy.axes)} axes and {len(joy.buttons)} buttons, {config.name} has exactly "
                f"{config.n_axes} and {config.n_buttons}; {NEW_FILE}"
            )
        for index, value in enumerate(joy.axes):
            if not math.isfinite(value):
                return f"axis {index} is {value}, must be finite"
        return ""


def pressed(joy: JoyReading, index: int | None) -> bool:
    """Return whether the button at `index` is held; one that the device has not never is."""
    return index is not None and index < len(joy.buttons) and joy.buttons[index] != 0


def refuse_beyond(used: Mapping[str, int], n_buttons: int) -> None:
    """Raise ValueError for a button of a file that the device has not."""
    for name, index in used.items():
        if index >= n_buttons:
            raise ValueError(f"{name}={index} must be below n_buttons={n_buttons}")
