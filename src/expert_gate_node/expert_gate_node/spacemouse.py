"""A SpaceMouse that is read directly, by pyspacemouse: its reports as axes and buttons of a joystick."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Protocol

from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

AXES = ("x", "y", "z", "roll", "pitch", "yaw")
REPORTS = 64  # of one look, at most: more than come in a second and a half
STILL_S = 0.25  # a cap that is pushed reports many times a second; one that says nothing so long is back
INSTALL = (
    "python -m pip install pyspacemouse==2.1.0, and the system's libhidapi-hidraw0; or read it by spacenavd: "
    "joystick:=spacenav"
)
NOT_OPEN = (
    "Is it plugged in, and does a udev rule let it be read? As root: "
    """echo 'KERNEL=="hidraw*", ATTRS{idVendor}=="256f", TAG+="uaccess"' """
    "> /etc/udev/rules.d/70-spacemouse.rules (older ones: idVendor 046d), then plug it in again"
)


@dataclass(frozen=True, config=STRICT)
class SpaceMouseConfig:
    """Parameters of the driver, as config/joysticks/spacemouse.yaml gives them."""

    rate_hz: Annotated[float, Field(ge=20.0, le=500.0)]
    """messages per second, also while nobody touches it"""
    device: str
    """as pyspacemouse calls it, for example SpaceMouseCompact; empty: the first one that is connected"""


class State(Protocol):
    """What pyspacemouse says of a device: deflections -1..1, x forward, y left, z up; buttons 0 or 1."""

    t: float  # when its last report came
    x: float
    y: float
    z: float
    roll: float
    pitch: float
    yaw: float
    buttons: Sequence[int]


class Device(Protocol):
    """An opened device of pyspacemouse."""

    def read(self) -> State:
        """Take in one report, if one waits."""

    def close(self) -> None:
        """Let it go."""


class DeviceLost(Exception):
    """There is no device, or no longer; the text says what can be done."""


class SpaceMouse:
    """Take in all that waits; a cap that says nothing more is at rest."""

    def __init__(self, device: Device, now_s: float) -> None:
        self._device = device
        self._reported_s = now_s
        self._last_t = math.nan

    def read(self, now_s: float) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return axes (6,) and buttons; DeviceLost where it cannot be read any more."""
        try:
            state = self._take(now_s)
        except Exception as error:  # easyhid.HIDException, which is no more than an Exception
            with suppress(Exception):
                self._device.close()
            raise DeviceLost(f"the SpaceMouse cannot be read any more ({error}): is it unplugged?") from error
        axes = tuple(float(getattr(state, name)) for name in AXES)
        if not all(map(math.isfinite, axes)) or now_s - self._reported_s > STILL_S:
            axes = (0.0,) * len(AXES)
        return axes, tuple(int(level) for level in state.buttons)

    def _take(self, now_s: float) -> State:
        for _ in range(REPORTS):
            state = self._device.read()  # always the same object
            if state.t == self._last_t:
                break
            self._last_t, self._reported_s = state.t, now_s
        return state


def open_mouse(name: str) -> Device:
    """Open a device by its name, or the first. ConfigError: no library; DeviceLost: no device."""
    try:
        import pyspacemouse
    except (ImportError, OSError) as error:
        raise ConfigError(f"pyspacemouse cannot be imported ({error}): {INSTALL}") from error
    try:
        return pyspacemouse.open(device=name or None, axis_convention=pyspacemouse.AxisConvention.ROS)
    except ValueError as error:
        raise ConfigError(f"device={name!r}: {error}") from error
    except RuntimeError as error:
        if "HID API" in str(error):
            raise ConfigError(f"{error} {INSTALL}") from error
        raise DeviceLost(f"{error} {NOT_OPEN}") from error
