"""What the files of devices have in common of which only buttons come where a joystick is expected."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.teleop.joystick import Axis
from drift_control.teleop.panel import Buttons, Driver, Liveness, TopicName, refuse_beyond


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ButtonsConfig:
    """A device whose buttons come as those of a joystick do, and move nothing by themselves.

    They may be its own, a pedal's or a pad's: whatever is published where the gate expects a joystick.
    """

    name: str
    message: Literal["joy", "bool"] = "joy"  # of the buttons: sensor_msgs/Joy, or std_msgs/Bool: enable alone
    liveness: Liveness  # of the buttons
    n_axes: Annotated[int, Field(ge=0)] = 0  # of the buttons' messages, exactly; they move nothing
    n_buttons: Annotated[int, Field(ge=1)] = 1
    buttons: Buttons
    gripper_speed_m_s: Annotated[float, Field(gt=0.0, le=0.5)] = 0.1  # while a gripper button is held
    driver: Driver | None = None  # of the buttons; None: `drift up` starts none, another program publishes
    device_names: tuple[str, ...] = ()  # of the buttons' device, as of a joystick

    @model_validator(mode="after")
    def _buttons_fit(self) -> "ButtonsConfig":
        used = self.buttons.mapped()
        refuse_beyond({f"buttons.{name}": index for name, index in used.items()}, self.n_buttons)
        counter = self.liveness.counter_axis
        if counter is not None and counter >= self.n_axes:
            raise ValueError(f"liveness.counter_axis={counter} must be below n_axes={self.n_axes}")
        if self.message == "bool" and (self.n_axes, self.n_buttons, self.liveness.stamped) != (0, 1, False):
            raise ValueError(
                f"message=bool is one level without a stamp: n_axes={self.n_axes} must be 0, "
                f"n_buttons={self.n_buttons} must be 1, and "
                f"liveness.stamped={self.liveness.stamped} must be false"
            )
        return self

    @property
    def axes(self) -> Mapping[Any, Axis]:
        """No axis of the buttons' device moves anything."""
        return {}

    @property
    def dead_zone(self) -> float:
        """Of no axis."""
        return 0.0

    @property
    def scripted(self) -> bool:
        """A person holds it."""
        return False


@dataclass(frozen=True, config=STRICT, kw_only=True)
class LeadConfig(ButtonsConfig):
    """A device that says where it is on a topic of its own, with buttons beside."""

    topic: TopicName  # where it says where it is
    lead_silent_s: Annotated[float, Field(gt=0.0, le=5.0)]  # no message there for so long: it is lost
    lead_stamped: bool = True  # its driver stamps every message anew, so that one whose stamp stands is old
