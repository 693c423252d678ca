"""A newcomer's first minutes: `drift demo`, its page in a real browser, and the first take-over by hand.

After the set-up, with no policy but the one that the run trains: from the start of the demo until its console
has an address (`address_s`), until pictures move there (`picture_s`), and until a person who holds
the key drives in place of the policy (`takeover_s`), moves the arm up, and gives it back. Then Ctrl-C, after
which the demo must say what is kept (`end_s`). Exit code 1 if something is wrong.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.support.report import Row, arguments, report
from drift_console_node.testing.real_browser import browser_path
from playwright.sync_api import Page, expect, sync_playwright

TAKEOVER_LIMIT_S = 300.0
LIMIT_S = 900.0  # after which nothing comes any more
STEP_LIMIT_S = 60.0  # of the demo at work
DRIVES_S = 2.0
END_S = 60.0


def measure(quick: bool) -> Row:
    """Run the demo until the first take-over, and end it."""
    name = f"first-takeover-{os.getpid()}"
    run = Path("runs", name).resolve()
    words = ["--demonstrations", "4", "--evaluations", "2"] if quick else []
    environment = {**os.environ, "ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
    with ExitStack() as cleanup:
        began_s = time.monotonic()
        demo = subprocess.Popen(
            ["drift", "demo", "--name", name, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        cleanup.callback(demo.kill)
        wait_for(demo, run / "console.json")
        address_s = time.monotonic() - began_s
        playwright = cleanup.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=browser_path(), chromium_sandbox=False)
        page = browser.new_page()
        page.set_default_timeout(STEP_LIMIT_S * 1e3)
        page.goto(json.loads((run / "console.json").read_text())["address"])
        page.locator("figcaption", has_text="per second").first.wait_for()  # it moves
        picture_s = time.monotonic() - began_s
        take_over(page)
        takeover_s = time.monotonic() - began_s
        page.keyboard.down("u")
        page.wait_for_timeout(DRIVES_S * 1e3)
        drove = page.locator("h1").inner_text()
        page.keyboard.up("u")
        page.keyboard.up("f")
        expect(page.locator("h1")).not_to_have_text("YOU DRIVE", timeout=STEP_LIMIT_S * 1e3)
        browser.close()
        ended_s = time.monotonic()
        demo.send_signal(signal.SIGINT)
        said = demo.communicate(timeout=END_S)[0]
        end_s = time.monotonic() - ended_s
    wrong = [
        *([f"takeover_s must be at most {TAKEOVER_LIMIT_S:.0f}"] if takeover_s > TAKEOVER_LIMIT_S else []),
        *([f"after {DRIVES_S:g} s of driving the page said {drove}"] if drove != "YOU DRIVE" else []),
        *(["the demo did not say what is kept"] if "kept: " not in said else []),
    ]
    shutil.rmtree(run)
    return {
        "address_s": address_s,
        "picture_s": picture_s,
        "takeover_s": takeover_s,
        "end_s": end_s,
        "wrong": "; ".join(wrong),
    }


def wait_for(demo: "subprocess.Popen[str]", file: Path) -> None:
    """Wait until the demo has written a file; RuntimeError with what it said where it never does."""
    end_s = time.monotonic() + LIMIT_S
    while not file.is_file():
        if demo.poll() is not None or time.monotonic() > end_s:
            demo.kill()
            raise RuntimeError(f"no {file.name}; the demo said: {demo.communicate()[0][-2000:]}")
        time.sleep(0.1)


def take_over(page: Page) -> None:
    """Hold the key while the policy drives, anew where that did not count, until the person drives."""
    page.get_by_role("button", name="Drive with keyboard").click()
    end_s = time.monotonic() + STEP_LIMIT_S
    while time.monotonic() < end_s:
        if page.locator("h1").inner_text() != "POLICY DRIVES":
            page.wait_for_timeout(50)
            continue
        page.keyboard.down("f")
        try:
            expect(page.locator("h1")).to_have_text("YOU DRIVE", timeout=1000)
            return
        except AssertionError:
            page.keyboard.up("f")
            page.wait_for_timeout(300)
    raise RuntimeError(
        f"nobody could take over: {page.locator('h1').inner_text()}, {page.locator('p.drive').inner_text()}"
    )


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    row = measure(options.quick)
    report("a newcomer's first minutes", [row], options.json)
    return int(bool(row["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
