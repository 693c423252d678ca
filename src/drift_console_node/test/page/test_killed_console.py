"""A console that is killed while a person drives: the page says so, and the next one knows nothing of it."""

import json
import socket
import time

import pytest
from drift_ros import qos
from playwright.sync_api import expect
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ..node_stage import PATIENT, start_console
from .watched import LIMIT_S, with_keys

LOST_MS = 600 + 400  # as it must be, and what a busy machine may take to look
_NOTE = """() => new MutationObserver(() => {
  if (!document.querySelector("#lost").hidden) window.lostAt ??= Date.now();
}).observe(document.querySelector("#lost"), { attributes: true })"""


class Listener:
    """What the console publishes, listened to while the test waits."""

    def __init__(self):
        self.node, self.executor, self.enabled = Node("listener"), SingleThreadedExecutor(), []
        self.node.create_subscription(Joy, "console/joy", self._on_joy, qos.JOY)
        self.executor.add_node(self.node)

    def _on_joy(self, msg):
        self.enabled.append(msg.buttons[0] == 1)

    def until(self, condition, what):
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end_s, f"no {what} within {LIMIT_S} s"
            self.executor.spin_once(timeout_sec=0.02)

    def listen(self, duration_s):
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.02)

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def listener(ros):
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def start(tmp_path, listener):
    """Start a console, always at the same port, as whoever has started it would do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = []

    def start():
        started.append(start_console(tmp_path, port=port, **PATIENT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_console_is_told_at_once_and_the_next_one_drives_nothing_by_itself(
    tmp_path, listener, start, opened
):
    told = tmp_path / "console.json"
    process = start()
    listener.until(told.exists, "console")
    page = opened.blank()
    page.goto(json.loads(told.read_text())["address"])
    with_keys(page)
    instance = page.evaluate("fetch('/api/me').then((answer) => answer.json())")["instance"]
    page.keyboard.down("f")
    listener.until(lambda: listener.enabled and listener.enabled[-1], "enable")
    page.get_by_role("button", name="Start N").click()  # nobody is there to answer it
    outcome = page.locator("[data-section=episode] .outcome")
    expect(outcome).to_have_text("Start: asked")
    page.evaluate(_NOTE)
    killed_ms = 1000.0 * time.time()
    process.kill()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("h1")).to_have_text("LINK LOST – robot state unknown")
    assert page.evaluate("lostAt") - killed_ms <= LOST_MS
    listener.listen(0.5)
    count = len(listener.enabled)

    start()
    expect(page.locator("#lost")).to_be_hidden(timeout=1000.0 * LIMIT_S)
    expect(outcome).to_have_text("Start refused: the console was started anew; press again")
    expect(page.locator("p.drive")).to_have_text("Pad: press Start on it. Keys: press the button.")
    assert page.evaluate("fetch('/api/me').then((answer) => answer.json())")["instance"] != instance
    listener.listen(1.0)  # the key is still held
    assert len(listener.enabled) == count and listener.enabled[-1]
