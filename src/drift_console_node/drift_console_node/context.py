"""What every route is given."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from drift_control.gate.state import BY_PERSON

from drift_console_node.access import Access
from drift_console_node.config import ConsoleConfig
from drift_console_node.driving import Driving
from drift_console_node.exchange import STOP, Exchange
from drift_console_node.input_gate import InputRules
from drift_console_node.stop_watch import StopWatch

if TYPE_CHECKING:
    from drift_console_node.routes.control import Connection

PAGE = Path(__file__).resolve().parent / "page"


@dataclass
class Context:
    """One console. Routes find it as `request.app[CONTEXT]`."""

    config: ConsoleConfig
    access: Access
    exchange: Exchange
    cameras: list[str]  # names, in the order of the task's file
    instance: str = field(default_factory=lambda: secrets.token_hex(8))  # of this process
    port: int = 0  # that it listens at
    stop: StopWatch = field(default_factory=StopWatch)
    connections: "set[Connection]" = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # something was seen since the last state

    def __post_init__(self) -> None:
        rules = InputRules(
            max_age_s=self.config.max_age_s,
            silence_s=self.config.input_timeout_s,
            keyboard_speed=self.config.keyboard_speed,
        )
        self.driving = Driving(rules, self.exchange)

    @property
    def cookie(self) -> str:
        """Name of the cookie: browsers keep one jar for all ports of a host."""
        return f"drift_console_{self.port}"

    @property
    def person_drives(self) -> bool:
        """Whether the gate says that a person drives, through this console or not."""
        gate = self.exchange.seen.get("gate")
        return gate is not None and gate.what["state"] in [state.name for state in BY_PERSON]

    def press_stop(self, press: str) -> None:
        """Ask the gate to stop, now, whoever asks; whether it has is seen in gate/state."""
        self.stop.press(press, time.monotonic())
        self.exchange.press(STOP, lambda accepted, text: None)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
