"""A person drives from another machine, in a real browser over TLS, and the network fails. As root, on Linux.

Two network namespaces as in two_machines.py. In one run simulation, gate, policy and console, with a
certificate of its own and two cameras of 640x480 at 30 Hz; in the other Chromium opens the page with its
token, and the key is held that drives.
`none`: from a key that goes down in the browser until console/joy says so at the robot (`hand_p99_ms`).
`cut N s`: the cable is pulled for so long; what the page said meanwhile comes all at once afterwards. The
gate must hold with JOY_LOST, and nobody drive before enable was let go and pressed anew; the page must say
that the link is lost (`page_ms`, from the cut).
`N Mbit/s`: the robot's end sends no more than that. Pictures must not become older and older (`slope_ms_s`),
and the way to the page and back (`link_p99_ms`) and stop (`stop_ms`) must stay fast. Where pictures are older
than half a second nobody drives (`drives`: share of the time). Exit code 1 if something is wrong.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from acceptance.console_losses import Losses
from acceptance.two_machines import CABLE, LEARNING_PC, ROBOT_PC, machines, switch
from benchmarks.console import arm
from benchmarks.support.camera_stand_in import IN_PLACE
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import START_LIMIT_S, running_stack
from drift_console_node.testing.certificate import own_certificate
from drift_console_node.testing.protocol_page import REST
from drift_console_node.testing.real_browser import browser_path
from drift_control.gate.state import Reason, State
from drift_ros import qos
from playwright.sync_api import Page, sync_playwright
from sensor_msgs.msg import Joy

PRESSES, QUICK_PRESSES = 200, 40
HAND_LIMIT_MS = 60.0
CUTS_S, QUICK_CUTS_S = (0.3, 3.0, 30.0), (0.3, 3.0)
RATES_MBIT_S = (6.0, 2.0)
SLOW_S, QUICK_SLOW_S = 60.0, 15.0
LOOK_S = 0.1
PAGE_LIMIT_MS = 600.0
LINK_LIMIT_MS, STOP_LIMIT_MS = 200.0, 300.0
SLOPE_LIMIT_MS_S = 1.0
OLD_S = 0.5  # by older pictures nobody drives
READY = "press and hold enable"
_NOTE_LOST = """() => {
  window.lostAt = null;
  const overlay = document.querySelector("#lost");
  new MutationObserver(() => { if (!overlay.hidden) window.lostAt ??= Date.now(); })
    .observe(overlay, { attributes: true });
}"""
_LOOK = """() => ({
  ages_s: [...document.querySelectorAll("[data-section=cameras] canvas")].map((it) => Number(it.dataset.age)),
  link_ms: Number.parseInt(document.querySelector("header .link").textContent.replace("link ", "")),
})"""


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--page-of", type=int, help=argparse.SUPPRESS)  # a process on the other machine
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    if options.page_of is None:
        return on_two_machines(sys.argv[1:])
    rows = measure(options.page_of, options.quick)
    report("a person at another machine", rows, options.json)
    return int(any(row["wrong"] for row in rows))


def on_two_machines(words: list[str]) -> int:
    """Run this program on the robot's machine, so that all that it starts is there, but the browser."""
    with machines() as pids:
        enter = ["nsenter", f"--target={pids[ROBOT_PC]}", "--net", "--mount", f"--wd={Path.cwd()}"]
        program = [sys.executable, "-m", "acceptance.console_over_cable", *words]
        return subprocess.run([*enter, *program, "--page-of", str(pids[LEARNING_PC])]).returncode


def measure(page_of: int, quick: bool) -> list[Row]:
    """Return one row for each cut and each rate."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-console-")))
        stack = cleanup.enter_context(running_stack(remap={"console": IN_PLACE}))
        stand_in = [
            sys.executable,
            "-m",
            "benchmarks.support.camera_stand_in",
            "2",
            "15" if quick else "30",
            str(folder),
        ]
        stack.make_ready()
        stack.start_policy()
        cleanup.callback(subprocess.Popen(stand_in).kill)
        host = CABLE[ROBOT_PC][1].partition("/")[0]
        door = {"host": host, **own_certificate(folder, host)}
        nodes = (
            replace(node, parameters={**node.parameters, **door}) if node.name == "console" else node
            for node in stack.plan.nodes
        )
        stack.plan = replace(stack.plan, nodes=tuple(nodes))
        stack.start("console")
        losses = Losses(stack)
        stack.client.wait_until(losses.file.exists, START_LIMIT_S, "the console")
        policy_drives(losses)
        page = cleanup.enter_context(page_on(page_of, folder))
        page.goto(json.loads(losses.file.read_text())["address"])
        page.get_by_role("button", name="Drive with keyboard").click()
        page.evaluate(_NOTE_LOST)
        person = Person(page)
        rows = [hand(losses, person, QUICK_PRESSES if quick else PRESSES)]
        rows += [cut(losses, person, lasts_s) for lasts_s in (QUICK_CUTS_S if quick else CUTS_S)]
        lasts_s = QUICK_SLOW_S if quick else SLOW_S
        return [*rows, *(slow(losses, person, rate, lasts_s) for rate in RATES_MBIT_S)]


class Person:
    """A hand on the key that drives; for `Losses` it is like a page of the protocol."""

    def __init__(self, page: Page) -> None:
        self.page, self.axes, self._down = page, REST, False

    @property
    def ready(self) -> bool:
        """Whether a press would count; asks for the controls where they were lost."""
        take = self.page.get_by_role("button", name="Take the controls")
        if take.is_visible():
            take.click()
        return self.page.locator("p.drive").inner_text() == READY

    @property
    def deadman(self) -> bool:
        """Whether the key is held."""
        return self._down

    @deadman.setter
    def deadman(self, down: bool) -> None:
        if down != self._down:
            self._down = down
            (self.page.keyboard.down if down else self.page.keyboard.up)("f")


def policy_drives(losses: Losses) -> None:
    """Arm the gate, where it is not armed, and wait."""
    if not losses.in_state(State.POLICY):
        arm(losses.stack)
    losses.until(lambda: losses.in_state(State.POLICY), f"the policy to drive: {losses.states[-3:]}")


@contextmanager
def page_on(machine: int, folder: Path) -> Iterator[Page]:
    """Start a browser on the machine of a process; it trusts every certificate, as a person may."""
    program = folder / "browser"
    program.write_text(f'#!/bin/sh\nexec nsenter --target={machine} --net {browser_path()} "$@"\n')
    program.chmod(0o700)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), chromium_sandbox=False)
        yield browser.new_context(ignore_https_errors=True).new_page()
        browser.close()


def hand(losses: Losses, person: Person, presses: int) -> Row:
    """Move up and down and let go so often, on a sound network; the arm stays in the cameras' view."""
    up: list[bool] = []
    node = losses.stack.client.node
    listening = node.create_subscription(
        Joy, "console/joy", lambda msg: up.append(any(msg.axes[:6])), qos.JOY
    )
    losses.drive(person)
    times_ms = []
    for press in range(presses):
        key, began_s = "uo"[press % 2], time.monotonic()
        person.page.keyboard.down(key)
        losses.until(lambda: bool(up) and up[-1], "a motion")
        times_ms.append(1e3 * (time.monotonic() - began_s))
        person.page.keyboard.up(key)
        losses.until(lambda: not up[-1], "rest")
    node.destroy_subscription(listening)
    losses.let_go(person)
    p99_ms = float(np.percentile(times_ms, 99))
    wrong = f"hand_p99_ms must be at most {HAND_LIMIT_MS:.0f}" if p99_ms > HAND_LIMIT_MS else ""
    return {"fault": "none", "hand_p99_ms": p99_ms, "wrong": wrong}


def cut(losses: Losses, person: Person, lasts_s: float) -> Row:
    """Pull the cable for so long while a person drives."""
    losses.drive(person)
    person.page.evaluate("lostAt = null")
    cut_ms, cut_s = 1000.0 * time.time(), switch("down")
    losses.stack.client.spin(lasts_s)
    switch("up")
    losses.until(lambda: not person.page.locator("#lost").is_visible(), "the page to find the console again")
    losses.stack.client.spin(2.0)  # the key is still held
    lost_ms = person.page.evaluate("lostAt")
    page_ms = None if lost_ms is None else lost_ms - cut_ms
    row = losses.judged(f"cut {lasts_s:g} s", cut_s, expected=True)
    if lasts_s > 1.0 and (page_ms is None or page_ms > PAGE_LIMIT_MS):
        row = {**row, "wrong": f"{row['wrong']}; page_ms={page_ms} must be at most {PAGE_LIMIT_MS:.0f}"}
    losses.let_go(person)
    return {**row, "page_ms": page_ms}


def slow(losses: Losses, person: Person, rate_mbit_s: float, lasts_s: float) -> Row:
    """Let the robot's machine send no more than so much, while a person drives, and stop."""
    wire = ["dev", CABLE[ROBOT_PC][0], "root"]
    words = ["tbf", "rate", f"{rate_mbit_s:g}mbit", "burst", "16kb", "latency", "400ms"]
    subprocess.run(["tc", "-n", ROBOT_PC, "qdisc", "add", *wire, *words], check=True)
    losses.drive(person)
    began_s, times_s, ages_ms, links_ms, drives = time.monotonic(), [], [], [], []
    since = len(losses.states)
    while time.monotonic() - began_s < lasts_s:
        losses.stack.client.spin(LOOK_S)
        seen = person.page.evaluate(_LOOK)
        times_s.append(time.monotonic() - began_s)
        ages_ms.append(1e3 * max(seen["ages_s"]))
        links_ms.append(seen["link_ms"])
        drives.append(losses.in_state(State.EXPERT))
    held = {reason for _, state, reason in losses.states[since:] if state is State.HOLD}
    others = {state for _, state, _ in losses.states[since:]} - {State.EXPERT, State.HOLD}
    stop_ms = stopped(losses, person)
    person.deadman = False
    subprocess.run(["tc", "-n", ROBOT_PC, "qdisc", "del", *wire], check=True)
    arm(losses.stack)
    losses.let_go(person)
    slope_ms_s = float(np.polyfit(times_s, ages_ms, 1)[0])
    link_p99_ms = float(np.percentile(links_ms, 99))
    wrong = []
    if slope_ms_s > SLOPE_LIMIT_MS_S * SLOW_S / lasts_s:  # over a short time it is noise
        wrong.append("pictures become older and older")
    if link_p99_ms > LINK_LIMIT_MS:
        wrong.append(f"link_p99_ms must be at most {LINK_LIMIT_MS:.0f}")
    if stop_ms > STOP_LIMIT_MS:
        wrong.append(f"stop_ms must be at most {STOP_LIMIT_MS:.0f}")
    if others or not held <= {Reason.JOY_LOST}:
        wrong.append(f"{sorted(state.name for state in others)}, {sorted(reason.name for reason in held)}")
    return {
        "fault": f"{rate_mbit_s:g} Mbit/s",
        "picture_p50_ms": float(np.percentile(ages_ms, 50)),
        "picture_p95_ms": float(np.percentile(ages_ms, 95)),
        "slope_ms_s": slope_ms_s,
        "link_p99_ms": link_p99_ms,
        "stop_ms": stop_ms,
        "drives": float(np.mean(drives)),
        "wrong": "; ".join(wrong),
    }


def stopped(losses: Losses, person: Person) -> float:
    """Press stop; return after how long the page has said that the gate holds [ms]."""
    hint = person.page.locator("#stop-hint")
    person.page.keyboard.press("Space")
    losses.until(lambda: hint.inner_text().startswith("confirmed after"), "a stop that is confirmed")
    return float(hint.inner_text().split()[2])


if __name__ == "__main__":
    sys.exit(main())
