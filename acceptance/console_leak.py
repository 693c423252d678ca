"""A page that stays open, and pages that come and go, in a real browser: what they cost page and node.

The console runs as a process, with two cameras of 640x480 at 30 Hz. `open`: one page looks
all the time; memory of the page after a collection of garbage, and of the node (`page_mb_min`,
`node_mb_min`: slopes by least squares over the second half). `come and go`: pages are opened and
closed; by how much the node has grown (`node_mb`). `threads`: of the node, at the end less at the beginning.
Exit code 1 if something grows.
"""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from benchmarks.support.camera_stand_in import IN_PLACE
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import RECIPE, ROBOT, START_LIMIT_S, TASK
from drift.processes.supervisor import ProcessSupervisor
from drift.ros_command import processes
from drift.stack import stack
from drift.stack_arguments import StackArguments
from drift_console_node.testing.real_browser import start_browser
from playwright.sync_api import Browser, sync_playwright

MINUTES, QUICK_MINUTES = 10.0, 1.5
PAGES, QUICK_PAGES = 200, 20
LOOK_S = 2.0
PAGE_MB_MIN = 1.0
NODE_MB_MIN = 1.0
NODE_MB = 20.0  # of what 200 pages may leave in the allocator
QUICK_NOISE = 10.0  # a slope over less than a minute is that much less sharp


def measure(minutes: float, pages: int) -> list[Row]:
    """Return a row for the page that stays, and one for those that come and go."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-console-")))
        said = StackArguments(robot=ROBOT, task=TASK, train=RECIPE, expert="none", run=str(folder / "run"))
        plan = stack(said).create()
        nodes = tuple(replace(node, remappings=IN_PLACE) for node in plan.nodes if node.name == "console")
        console = ProcessSupervisor(processes(replace(plan, nodes=nodes)), plan.run.logs)
        cleanup.enter_context(console)
        stand_in = [sys.executable, "-m", "benchmarks.support.camera_stand_in", "2", "30", str(folder)]
        cleanup.callback(subprocess.Popen(stand_in).kill)
        told, end_s = plan.run.path / "console.json", time.monotonic() + START_LIMIT_S
        while not told.exists():
            if time.monotonic() > end_s:
                raise RuntimeError(f"no console after {START_LIMIT_S:g} s")
            time.sleep(0.1)
        (folder / "profile").mkdir()
        running = start_browser(folder / "profile")
        cleanup.callback(running.end)
        playwright = cleanup.enter_context(sync_playwright())
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{running.port}")
        node, address = (
            psutil.Process(console.status()["console"].pid),
            json.loads(told.read_text())["address"],
        )
        return [stay(browser, node, address, 60.0 * minutes), come_and_go(browser, node, address, pages)]


def stay(browser: Browser, node: psutil.Process, address: str, lasts_s: float) -> Row:
    """Look at one page for so long."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.locator("figcaption", has_text="per second").first.wait_for()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    threads, began_s = node.num_threads(), time.monotonic()
    seen: list[tuple[float, float, float]] = []  # minutes, page and node [MB]
    while (at_s := time.monotonic() - began_s) < lasts_s:
        session.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        seen.append((at_s / 60.0, metrics["JSHeapUsedSize"] / 1e6, node.memory_info().rss / 1e6))
        page.wait_for_timeout(1e3 * LOOK_S)
    grown = node.num_threads() - threads
    pictures = int(page.locator("[data-section=cameras] canvas").first.get_attribute("data-sequence") or 0)
    context.close()
    late = np.array(seen[len(seen) // 2 :])
    page_mb_min, node_mb_min = (float(np.polyfit(late[:, 0], late[:, i], 1)[0]) for i in (1, 2))
    noise = QUICK_NOISE if lasts_s < 120.0 else 1.0
    too_much = page_mb_min > PAGE_MB_MIN * noise or node_mb_min > NODE_MB_MIN * noise or grown > 0
    return {
        "pages": "open",
        "minutes": lasts_s / 60.0,
        "pictures": pictures,
        "page_mb": float(late[-1, 1]),
        "page_mb_min": page_mb_min,
        "node_rss_mb": float(late[-1, 2]),
        "node_mb_min": node_mb_min,
        "node_mb": None,
        "threads": grown,
        "wrong": int(too_much),
    }


def come_and_go(browser: Browser, node: psutil.Process, address: str, pages: int) -> Row:
    """Open and close so many pages, one after the other, each until it shows a picture."""
    threads, before_mb = node.num_threads(), node.memory_info().rss / 1e6
    began_s = time.monotonic()
    for _ in range(pages):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.locator("figcaption", has_text="per second").first.wait_for()
        context.close()
    lasted_s = time.monotonic() - began_s
    time.sleep(2.0)  # what is closed is let go
    node_mb, grown = node.memory_info().rss / 1e6 - before_mb, node.num_threads() - threads
    return {
        "pages": f"{pages} come and go",
        "minutes": lasted_s / 60.0,
        "pictures": None,
        "page_mb": None,
        "page_mb_min": None,
        "node_rss_mb": node.memory_info().rss / 1e6,
        "node_mb_min": None,
        "node_mb": node_mb,
        "threads": grown,
        "wrong": int(node_mb > NODE_MB or grown > 0),
    }


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for which one page stays open")
    parser.add_argument("--pages", type=int, default=PAGES, help="that come and go")
    options = parser.parse_args()
    rows = measure(QUICK_MINUTES, QUICK_PAGES) if options.quick else measure(options.minutes, options.pages)
    report("memory of the console", rows, options.json)
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
