"""A newcomer's first minutes: `drift demo`, its page in a real browser, and the first take-over by hand.

After the set-up, with no policy but the one that the run trains: from the start of the demo until its console
has an address (`address_s`), until a picture there moves (`picture_s`), and until the page says YOU DRIVE to
a person who holds the key while the policy drives (`takeover_s`). Then the person holds the key for up for
two seconds, and lets go of both keys; then SIGINT, until the demo has ended (`end_s`). Exit code 1 where the
take-over took more than five minutes, the page said anything else after those two seconds, the demo
did not end within a minute, or it did not say what is kept; then, and after an error, the run folder stays.
Where the arm went is not looked at.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
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


class Demo:
    """A run of the demo, and what it said."""

    def __init__(self, words: list[str], said: Path) -> None:
        """Start `drift demo` with `words`; `said`: the file that takes its output."""
        self._said = said
        domain = {"ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
        with said.open("w") as output:
            self._process = subprocess.Popen(
                ["drift", "demo", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **domain},
            )

    @property
    def said(self) -> str:
        """All that it has said."""
        return self._said.read_text()

    def wait_for(self, file: Path) -> None:
        """Wait until it has written a file; RuntimeError with what it said where it never does."""
        end_s = time.monotonic() + LIMIT_S
        while not file.is_file():
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"no {file.name}; the demo said: {self.said[-2000:]}")
            time.sleep(0.1)

    def end(self) -> bool:
        """Interrupt it, if it runs; False: it did not end in time, and was killed."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True


def measure(quick: bool) -> Row:
    """Run the demo until the first take-over, and end it."""
    name = f"first-takeover-{os.getpid()}"
    run = Path("runs", name).resolve()
    words = ["--name", name, *(["--demonstrations", "4", "--evaluations", "2"] if quick else [])]
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-takeover-")))
        began_s = time.monotonic()
        demo = Demo(words, folder / "said.txt")
        cleanup.callback(demo.end)
        demo.wait_for(run / "console.json")
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
        ended = demo.end()
        end_s = time.monotonic() - ended_s
        said = demo.said
    wrong = [
        *([f"takeover_s must be at most {TAKEOVER_LIMIT_S:.0f}"] if takeover_s > TAKEOVER_LIMIT_S else []),
        *([f"after {DRIVES_S:g} s of driving the page said {drove}"] if drove != "YOU DRIVE" else []),
        *([] if ended else [f"the demo did not end within {END_S:.0f} s of SIGINT, and was killed"]),
        *([] if "kept: " in said else [f"the demo did not say what is kept, but at last: {said[-500:]}"]),
    ]
    if wrong:
        wrong.append(f"its run folder stays: {run}")
    else:
        shutil.rmtree(run)
    return {
        "address_s": address_s,
        "picture_s": picture_s,
        "takeover_s": takeover_s,
        "end_s": end_s,
        "wrong": "; ".join(wrong),
    }


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
