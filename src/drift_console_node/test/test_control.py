"""The control connection: what pages are told, what their presses come to, and who drives."""

import asyncio
import threading
import time

from drift_console_node.routes.cameras import VIEWERS
from drift_console_node.stop_watch import StopWatch, is_stopped

from .conftest import TOKENS, until

REST = [0, 0, 0, 0, 0, 0]


def gate(state="POLICY", armed=True, reason="NONE", text="", since_s=0.0):
    return {"state": state, "armed": armed, "reason": reason, "text": text, "since_s": since_s}


class Page:
    """A page that listens all the time and, once told to, speaks 50 times a second."""

    def __init__(self, desk, socket):
        self.desk, self.socket, self.seq = desk, socket, 0
        self.beat, self.states, self.answers, self.hello = 0, [], {}, None
        self.speaks, self.deadman = False, False
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._speak())]

    async def _listen(self):
        async for message in self.socket:
            said = message.json()
            if said["type"] == "beat":
                self.beat = said["n"]
            elif said["type"] == "state":
                self.states.append(said)
            elif said["type"] == "answer":
                self.answers[said["id"]] = (said["accepted"], said["text"])
            else:
                self.hello = said

    async def _speak(self):
        while True:
            await asyncio.sleep(0.02)
            if self.speaks and not self.socket.closed:
                await self.send_input()
            elif self.beat and not self.socket.closed and self.seq == 0:
                await asyncio.sleep(0.2)
                await self.socket.send_json({"type": "echo", "beat": self.beat})

    async def send_input(self, **changes):
        self.seq += 1
        said = {"type": "input", "seq": self.seq, "beat": self.beat, "deadman": self.deadman, "axes": REST,
                "gripper": 0, "src": "keys", "focus": True, "vis": True}  # fmt: skip
        await self.socket.send_json(said | changes)

    async def take_controls(self):
        await self.socket.send_json({"type": "lease", "do": "ask", "name": "Ann"})
        await until(lambda: self.states and self.states[-1]["lease"]["yours"], "lease")
        self.speaks = True
        await until(lambda: self.states[-1]["lease"]["why"] == "press and hold enable", "a sound link")

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await self.socket.close()


async def page(desk, token=TOKENS.driver):
    client = await desk.browser(token)
    found = Page(desk, await client.ws_connect("/ws/ctl", headers=desk.own))
    await until(lambda: found.states, "state")
    return found


def sticks_of(desk):
    """Keep every stick that leaves for the node."""
    kept = []
    put = desk.context.exchange.put_stick
    desk.context.exchange.put_stick = lambda stick, at_s: (kept.append((at_s, stick)), put(stick, at_s))
    return kept


def test_a_change_is_told_at_once_and_the_state_ten_times_a_second(console):
    async def play(desk):
        exchange, watching = desk.context.exchange, await page(desk)
        assert watching.states[-1]["gate"] is None
        count, began_s = len(watching.states), time.monotonic()
        await asyncio.sleep(1.0)
        told = (len(watching.states) - count) / (time.monotonic() - began_s)
        assert 5.0 < told < 12.0
        exchange.saw("gate", gate(text="chunk 7", since_s=time.monotonic() - 42.0), time.monotonic())
        await until(lambda: watching.states[-1]["gate"] is not None, "the gate's state")
        seen = watching.states[-1]["gate"]
        assert (seen["state"], seen["text"]) == ("POLICY", "chunk 7")
        assert 42.0 <= seen["since_s"] < 43.0 and 0.0 <= seen["age_s"] < 1.0

    console(play)


def test_one_press_is_done_once_however_often_it_is_sent(console):
    async def play(desk):
        pressing = await page(desk)
        for _ in range(3):
            await pressing.socket.send_json({"type": "press", "id": "one", "what": "arm"})
        waiting = []
        await until(lambda: waiting.extend(desk.context.exchange.presses()) or waiting, "press")
        waiting[0].answer(False, "not armed: no joint states")
        await until(lambda: "one" in pressing.answers, "answer")
        await pressing.socket.send_json({"type": "press", "id": "one", "what": "arm"})
        await pressing.socket.send_json({"type": "press", "id": "two", "what": "fly"})
        await until(lambda: "two" in pressing.answers, "answer")
        assert pressing.answers["one"] == (False, "not armed: no joint states")
        assert pressing.answers["two"][0] is False
        assert [press.what for press in waiting + desk.context.exchange.presses()] == ["arm"]

    console(play)


def test_stop_is_confirmed_by_the_gate_and_by_nothing_else(console):
    async def play(desk):
        exchange, pressing = desk.context.exchange, await page(desk)
        exchange.saw("gate", gate("HOLD", armed=False), time.monotonic())  # before the press: says nothing
        await pressing.socket.send_json({"type": "stop", "id": "s"})
        await until(lambda: pressing.states[-1]["stop"] == {"s": None}, "stop")
        for press in exchange.presses():
            press.answer(True, "stopping")
        exchange.saw("gate", gate("HOLD", armed=True), time.monotonic())
        await asyncio.sleep(0.15)
        assert pressing.states[-1]["stop"] == {"s": None}
        exchange.saw("gate", gate("HOLD", armed=False), time.monotonic())
        await until(lambda: pressing.states[-1]["stop"]["s"] is not None, "confirmation")
        assert 0.15 <= pressing.states[-1]["stop"]["s"] < 5.0

    console(play)


def test_a_stopped_gate_holds_unarmed():
    assert is_stopped(gate("HOLD", armed=False)) and is_stopped(gate("FAULT", armed=False))
    assert not is_stopped(gate("HOLD")) and not is_stopped(gate("HOMING", armed=False))


def test_a_repeated_press_of_stop_keeps_its_time():
    watch = StopWatch()
    watch.press("a", 1.0)
    watch.press("a", 1.1)
    watch.gate_seen(gate("HOLD", armed=False), 1.0)
    assert watch.confirmed() == {"a": None}
    watch.gate_seen(gate("HOLD", armed=False), 1.25)
    watch.gate_seen(gate("HOLD", armed=False), 1.5)
    assert watch.confirmed() == {"a": 0.25}


def test_the_page_with_the_lease_drives_and_the_other_does_not(console):
    async def play(desk):
        kept, first, second = sticks_of(desk), await page(desk), await page(desk)
        await first.take_controls()
        assert desk.context.exchange.driving
        first.deadman = True
        await until(lambda: kept and kept[-1][1].enabled, "enable")
        assert kept[-1][1].speed == 0.4  # keys
        await second.socket.send_json({"type": "lease", "do": "ask", "name": "Ben"})
        second.deadman = second.speaks = True
        await until(lambda: first.states[-1]["lease"]["asked_by"] == "Ben", "the wish")
        await first.socket.send_json({"type": "lease", "do": "give"})  # not while enable is held
        await asyncio.sleep(0.2)
        assert desk.context.driving.lease.holder.name == "Ann"
        first.deadman = False
        await until(lambda: not kept[-1][1].enabled, "release")
        await first.socket.send_json({"type": "lease", "do": "give"})
        await until(lambda: second.states[-1]["lease"]["yours"], "hand-over")
        assert not first.states[-1]["lease"]["driving"]
        kept.clear()
        await asyncio.sleep(0.8)  # held all the time: nothing
        assert [stick for _, stick in kept if stick.enabled] == []

    console(play)


def test_every_way_to_lose_the_page_ends_in_silence_without_a_release(console):
    async def play(desk):
        async def blur(driver):
            await driver.socket.send_json({"type": "lose", "why": "blur"})

        async def hide(driver):
            await driver.send_input(vis=False)

        async def freeze(driver):
            driver.speaks = False

        async def close(driver):
            await driver.close()

        for lose in (blur, hide, freeze, close):
            kept, driver = sticks_of(desk), await page(desk)
            await driver.take_controls()
            driver.deadman = True
            await until(lambda: kept and kept[-1][1].enabled, "enable")  # noqa: B023
            await lose(driver)
            await until(lambda: not desk.context.driving.active, "loss")
            count = len(kept)
            if not driver.socket.closed:
                driver.deadman, driver.speaks = False, True  # let go afterwards: would be a hand-back
                await asyncio.sleep(0.9)
            assert len(kept) == count and kept[-1][1].enabled, lose.__name__
            desk.context.exchange.saw("gate", gate("HOLD", reason="JOY_LOST"), time.monotonic())
            if not driver.socket.closed:
                await until(lambda: not kept[-1][1].enabled, "sticks at rest")  # noqa: B023
                await driver.close()
            await until(lambda: not desk.context.exchange.driving, "the end of the lease")

    console(play)


def test_what_fifty_pages_needed_is_free_when_they_are_gone(console):
    async def play(desk):
        context, page = desk.context, await desk.browser()
        before = len(asyncio.all_tasks()), threading.active_count()
        for number in range(50):
            control = await page.ws_connect("/ws/ctl", headers=desk.own)
            cameras = await page.ws_connect("/ws/cam", headers=desk.own)
            await cameras.send_bytes(bytes([0, 1]))
            await control.receive_json()
            if number % 2:  # without a farewell
                control._response.connection.transport.abort()
                cameras._response.connection.transport.abort()
            else:
                await control.close()
                await cameras.close()
        await until(lambda: not context.connections and not desk.server.app[VIEWERS], "end of all pages")
        await until(lambda: len(asyncio.all_tasks()) <= before[0], f"end of all tasks but {before[0]}")
        assert threading.active_count() <= before[1]

    console(play)


def test_another_console_has_another_name(console):
    names = []

    async def play(desk):
        watching = await page(desk)
        names.append(watching.hello["instance"])
        assert watching.hello["role"] == "driver"

    console(play)
    console(play)
    assert names[0] != names[1]
