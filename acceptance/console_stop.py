"""Stop in a real browser while four cameras of 640x480 at 30 Hz are looked at by three more pages.

Simulation, gate and console run as processes. Each way to press is tried several times while the gate is
armed: `confirmed_p50_ms` and `confirmed_max_ms` are the page's own figures, from the press until the gate's
state says that the arm is held. `link flaps`: everything between page and console is swallowed for 0.3 s of
each 0.6 s.
`gate SIGSTOP`: the gate says nothing; `warned_ms`: until the whole page says STOP NOT CONFIRMED, which goes
once the gate answers. Exit code 1 if a press is not confirmed in time, or the page warns too late.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from benchmarks.console import arm
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import START_LIMIT_S, TASK, RunningStack, running_stack
from drift.configuration import config_file
from drift_console_node.testing.hole import hole_before
from drift_console_node.testing.real_browser import start_browser
from playwright.sync_api import Browser, Page, expect, sync_playwright

CAMERAS, VIEWERS = 4, 3
PRESSES, QUICK_PRESSES = 10, 2
CONFIRMED_MS = 500.0  # after that the page calls for the hardware's stop
FLAP_S = 0.3
WARNED_MS = (500.0, 700.0)  # and its timer's 100 ms, twice on a busy machine
LIMIT_MS = 15_000.0
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 640}
# presses Space, and resolves to the time until the whole page warns [ms]
_WARNED = """() => new Promise((done) => {
  const overlay = document.querySelector("#not-stopped"), began = performance.now();
  new MutationObserver((_, self) => {
    if (overlay.hidden) return;
    self.disconnect();
    done(performance.now() - began);
  }).observe(overlay, { attributes: true });
  dispatchEvent(new KeyboardEvent("keydown", { code: "Space" }));
})"""


@dataclass(frozen=True)
class Way:
    """How stop is pressed, on which page."""

    name: str
    press: Callable[[Page], None]
    token: str = "address"  # a key of console.json
    touched: bool = False
    confirmed_ms: float = CONFIRMED_MS


def key(name: str) -> Callable[[Page], None]:
    """Press and release a key."""
    return lambda page: page.keyboard.press(name)


def mouse(page: Page) -> None:
    """Press the button with a mouse."""
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.up()


def finger(page: Page) -> None:
    """Put a finger on the button, and lift it."""
    x, y = middle(page)
    devtools = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    devtools.detach()


def in_text_field(page: Page) -> None:
    """Press Space while something is being typed."""
    page.evaluate("""() => { const field = document.createElement("input");
      document.body.append(field); field.focus(); }""")
    page.keyboard.press("Space")
    page.evaluate("document.querySelector('body > input').remove()")


def beside_help(page: Page) -> None:
    """Press Escape while the help lies over the page."""
    page.keyboard.press("?")
    page.keyboard.press("Escape")


def middle(page: Page) -> tuple[float, float]:
    """Return where the button is [px]."""
    box = page.locator("#stop").bounding_box()
    if box is None:
        raise RuntimeError("stop is not shown")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


WAYS = (
    Way("Space", key("Space")),
    Way("Esc", key("Escape")),
    Way("mouse", mouse),
    Way("touch", finger, touched=True),
    Way("page that may only look", mouse, token="to_look_only"),
    Way("Space in a text field", in_text_field),
    Way("Esc beside the help", beside_help),
)
FLAPPING = Way("link flaps", key("Space"), confirmed_ms=CONFIRMED_MS + 1e3 * FLAP_S)


def measure(presses: int) -> list[Row]:
    """Return a row for each way, and one for a gate that says nothing."""
    with running_stack() as stack, ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-stop-")))
        look_at_four(stack, folder)
        cameras = [
            sys.executable,
            "-m",
            "benchmarks.support.camera_stand_in",
            str(CAMERAS),
            "30",
            str(folder),
        ]
        cleanup.callback(subprocess.Popen(cameras).kill)
        stack.make_ready()
        stack.start("console")
        told = stack.plan.run.path / "console.json"
        stack.client.wait_until(told.exists, START_LIMIT_S, "the console")
        said = json.loads(told.read_text())
        looking = [
            sys.executable,
            "-m",
            "benchmarks.support.console_viewers",
            str(told),
            str(VIEWERS),
            "3600",
        ]
        cleanup.callback(subprocess.Popen(looking, stdout=subprocess.DEVNULL).kill)
        (folder / "profile").mkdir()
        running = start_browser(folder / "profile")
        cleanup.callback(running.end)
        playwright = cleanup.enter_context(sync_playwright())
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{running.port}")
        rows = [pressed(way, stack, browser, said[way.token], presses) for way in WAYS]
        rows.append(while_it_flaps(stack, browser, said["address"], presses))
        rows.append(unanswered(stack, browser, said["address"]))
        return rows


def look_at_four(stack: RunningStack, folder: Path) -> None:
    """Let the console show four cameras, which a process of ours plays."""
    task = yaml.safe_load(config_file("task", TASK).read_text())
    front = {camera["name"]: camera for camera in task["cameras"]}["front"]
    task["cameras"] = [
        {**front, "name": f"camera{n}", "topic": f"bench/cam{n}/image_raw"} for n in range(CAMERAS)
    ]
    file = folder / f"{TASK}.yaml"
    file.write_text(yaml.safe_dump(task))
    nodes = (
        replace(node, parameters={**node.parameters, "task_file": str(file)})
        if node.name == "console"
        else node
        for node in stack.plan.nodes
    )
    stack.plan = replace(stack.plan, nodes=tuple(nodes))


@contextmanager
def opened(browser: Browser, address: str, touched: bool = False) -> Iterator[Page]:
    """Open a page until it shows all four cameras."""
    size = PHONE if touched else WIDE
    context = browser.new_context(viewport=size, has_touch=touched, is_mobile=touched)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.goto(address)
    expect(page.locator("canvas[data-sequence]")).to_have_count(CAMERAS, timeout=LIMIT_MS)
    yield page
    context.close()


def pressed(way: Way, stack: RunningStack, browser: Browser, address: str, presses: int) -> Row:
    """Press stop this way so many times, armed anew before each."""
    times_ms = []
    with opened(browser, address, way.touched) as page:
        hint = page.locator("#stop-hint")
        for _ in range(presses):
            arm(stack)
            expect(hint).to_have_text("Space or Esc", timeout=LIMIT_MS)
            way.press(page)
            expect(hint).to_contain_text("confirmed after", timeout=LIMIT_MS)
            times_ms.append(float(re.sub(r"\D", "", hint.inner_text())))
            stack.client.spin(0.1)
            if stack.client.gate_state is None or stack.client.gate_state.armed:
                raise RuntimeError(f"{way.name}: the page says stopped, the gate is armed")
    most = max(times_ms)
    wrong = f"confirmed_max_ms={most:.0f} must be at most {way.confirmed_ms:.0f}"
    return {
        "press": way.name,
        "confirmed_p50_ms": float(np.median(times_ms)),
        "confirmed_max_ms": most,
        "warned_ms": None,
        "wrong": wrong if most > way.confirmed_ms else "",
    }


def while_it_flaps(stack: RunningStack, browser: Browser, address: str, presses: int) -> Row:
    """The same on a network that swallows everything half of the time."""
    ended = threading.Event()
    port = int(re.findall(r":(\d+)/", address)[0])
    with hole_before(port) as network:

        def flap() -> None:
            while not ended.wait(FLAP_S):
                network.swallow(True)
                ended.wait(FLAP_S)
                network.swallow(False)

        thread = threading.Thread(target=flap)
        try:
            thread.start()
            there = address.replace(f":{port}/", f":{network.port}/")
            return pressed(FLAPPING, stack, browser, there, presses)
        finally:
            ended.set()
            thread.join()


def unanswered(stack: RunningStack, browser: Browser, address: str) -> Row:
    """Press while the gate's process stands still."""
    gate = stack.pid("expert_gate")
    with opened(browser, address) as page:
        arm(stack)
        expect(page.locator("#stop-hint")).to_have_text("Space or Esc", timeout=LIMIT_MS)
        os.kill(gate, signal.SIGSTOP)
        try:
            warned_ms = float(page.evaluate(_WARNED))
        finally:
            os.kill(gate, signal.SIGCONT)
        expect(page.locator("#not-stopped")).to_be_hidden(timeout=LIMIT_MS)
        expect(page.locator("#stop-word")).to_have_text("Stopped", timeout=LIMIT_MS)
    early, late = WARNED_MS
    wrong = f"warned_ms={warned_ms:.0f} must be {early:.0f} to {late:.0f}"
    row: Row = {"press": "gate SIGSTOP", "confirmed_p50_ms": None, "confirmed_max_ms": None}
    return {**row, "warned_ms": warned_ms, "wrong": "" if early <= warned_ms <= late else wrong}


def main() -> int:
    options = arguments("Stop in a browser under load").parse_args()
    began_s = time.monotonic()
    rows = measure(QUICK_PRESSES if options.quick else PRESSES)
    lasted_s, load = time.monotonic() - began_s, os.getloadavg()[0]
    report(f"stop in a browser, {lasted_s:.0f} s, load average {load:.1f} at the end", rows, options.json)
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
