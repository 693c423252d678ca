"""/ws/ctl: the state down to the page, its inputs and presses up.

Down: `hello`, `beat` (20 Hz), `state` (10 Hz and at once on a change), `answer` to a press.
Up: `input` (50 Hz, whoever drives), `echo` (others), `lose`, `lease` (do: ask, leave, give), `press`, `stop`.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from drift_console_node.access import Role
from drift_console_node.borders import ROLE, now_s
from drift_console_node.context import CONTEXT, Context
from drift_console_node.input_gate import parse_input
from drift_console_node.presses import PRESSES, PressLog, press_id
from drift_console_node.rate_limit import RateLimit
from drift_console_node.state_message import state_message

MESSAGE_BYTES = 4096
BEAT_S, STATE_S = 0.05, 0.1
_SEND_S = 1.0  # a page that does not take a message within it is lost
_MESSAGES_HZ = {Role.DRIVER: 120.0, Role.VIEWER: 20.0}  # at most; who has just lost the lease still sends
_CONNECTIONS = 32
_VIOLATION, _GOING_AWAY = 1008, 1001
_LONGEST_NAME = 24


def add(router: web.UrlDispatcher) -> None:
    """Serve the control connection."""
    router.add_get("/ws/ctl", _control)


async def _control(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    if len(context.connections) >= _CONNECTIONS:
        raise web.HTTPServiceUnavailable(text=f"{_CONNECTIONS} pages are open already")
    socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES, compress=False)
    await socket.prepare(request)
    connection = Connection(context, request, socket)
    context.connections.add(connection)
    try:
        await connection.run()
    finally:
        context.connections.discard(connection)
        connection.end()
    return socket


async def beat(app: web.Application) -> None:
    """Send beats and states to all pages, for ever."""
    context = app[CONTEXT]
    state_s = 0.0
    next_s = now_s()
    while True:
        number = context.driving.beat(now_s())
        gate = context.exchange.seen.get("gate")
        if gate is not None:
            context.stop.gate_seen(gate.what, gate.arrival_s)
        told = None
        due = context.changed.is_set() or now_s() - state_s >= STATE_S - 0.005
        context.changed.clear()
        if context.connections and due:
            state_s = now_s()
            told = state_message(context.exchange, context.driving, context.stop, context.cameras, state_s)
        for connection in context.connections:
            connection.tell(number, told)
        next_s = max(next_s + BEAT_S, now_s() - BEAT_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(context.changed.wait(), max(next_s - now_s(), 0.001))


class Connection:
    """One page."""

    def __init__(self, context: Context, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._context, self._request, self._socket = context, request, socket
        self._role = request[ROLE]
        self.session = f"{id(self):x}"
        self._name = "another page"
        self._limit = RateLimit(_MESSAGES_HZ[self._role], now_s())
        self._presses = PressLog()
        self._newest: dict[str, Any] | None = None  # state that waits to be sent
        self._beat = 0
        self._answers: list[dict[str, Any]] = []
        self._due = asyncio.Event()
        self._age_s = 0.0  # of the last beat that came back: the round trip

    def tell(self, beat: int, state: dict[str, Any] | None) -> None:
        """Have the newest beat sent, and state; what was not sent yet is replaced."""
        self._beat = beat
        self._newest = state or self._newest
        self._due.set()

    async def run(self) -> None:
        """Serve the page until it is gone."""
        sender = asyncio.create_task(self._send_all())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not self._take(message.data):
                    await self._socket.close(code=_VIOLATION, message=b"not allowed")
                    break
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender

    async def close(self) -> None:
        """Tell the page that the console ends."""
        await self._socket.close(code=_GOING_AWAY, message=b"the console ends")

    def end(self) -> None:
        """Let go of everything that this page held."""
        self._context.driving.leave(self.session, now_s())

    async def _send_all(self) -> None:
        hello = {"type": "hello", "instance": self._context.instance, "role": self._role.value}
        try:
            await self._send(hello)
            while True:
                await self._due.wait()
                self._due.clear()
                answers, self._answers = self._answers, []
                for answer in answers:
                    await self._send(answer)
                await self._send({"type": "beat", "n": self._beat})
                state, self._newest = self._newest, None
                if state is not None:
                    mine = self._context.driving.lease.holds(self.session)
                    lease = {**state["lease"], "yours": mine}
                    await self._send({**state, "lease": lease, "link_ms": round(self._age_s * 1000)})
        except (TimeoutError, ConnectionError):
            if self._request.transport is not None:
                self._request.transport.abort()

    async def _send(self, said: dict[str, Any]) -> None:
        await asyncio.wait_for(self._socket.send_str(json.dumps(said)), _SEND_S)

    def _take(self, text: str) -> bool:
        """Do what a message says; return False for one that no page of ours sends, and for too many."""
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(said, dict):
            return False
        kind = said.get("type")
        if kind == "stop":  # before any limit
            self._context.press_stop(press_id(said.get("id")) or "without id")
        if not self._limit.takes(now_s()):
            return False
        take = {
            "stop": lambda said: True,
            "echo": self._on_echo,
            "input": self._on_input,
            "lose": self._on_lose,
            "lease": self._on_lease,
            "press": self._on_press,
        }.get(kind if isinstance(kind, str) else "")
        if take is None:
            return False
        return take(said)

    def _on_echo(self, said: dict[str, Any]) -> bool:
        beat = said.get("beat")
        if type(beat) is not int:
            return False
        self._heard(beat)
        return True

    def _on_input(self, said: dict[str, Any]) -> bool:
        message = parse_input(said)
        if message is None or self._role is not Role.DRIVER:
            return False
        self._heard(message.beat)
        self._context.driving.input(self.session, message, now_s())
        return True

    def _heard(self, beat: int) -> None:
        age_s = self._context.driving.echo(self.session, beat, now_s())
        self._age_s = min(age_s, 999.0)

    def _on_lose(self, said: dict[str, Any]) -> bool:
        why = said.get("why")
        if not isinstance(why, str):
            return False
        self._context.driving.lose(self.session, why[:80], now_s())
        return True

    def _on_lease(self, said: dict[str, Any]) -> bool:
        driving, name = self._context.driving, said.get("name")
        if self._role is not Role.DRIVER:
            return False
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
            self._name = name
        if said.get("do") == "ask":
            driving.ask(self.session, self._name, now_s())
        elif said.get("do") == "leave":
            driving.leave(self.session, now_s())
        elif said.get("do") == "give":
            driving.give(self.session, now_s())
        else:
            return False
        self._context.changed.set()
        return True

    def _on_press(self, said: dict[str, Any]) -> bool:
        press, what = press_id(said.get("id")), said.get("what")
        if press is None or not isinstance(what, str):
            return False
        if self._role is not Role.DRIVER:
            self._answer(press, False, "this page may look and stop only")
        elif what not in PRESSES:
            self._answer(press, False, f"there is no {what[:20]}; allowed: {', '.join(PRESSES)}")
        elif what == "rollback" and self._context.person_drives:
            self._answer(press, False, "a person drives: go back when they have let go")
        elif self._presses.begin(press):
            loop = asyncio.get_running_loop()

            def answer_later(accepted: bool, text: str) -> None:
                loop.call_soon_threadsafe(self._answer, press, accepted, text)

            self._context.exchange.press(what, answer_later)
        elif (answer := self._presses.answer(press)) is not None:
            self._answer(press, *answer)
        return True

    def _answer(self, press: str, accepted: bool, text: str) -> None:
        self._presses.end(press, accepted, text)
        self._answers.append({"type": "answer", "id": press, "accepted": accepted, "text": text})
        self._due.set()
