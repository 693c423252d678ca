"""A real browser without a window, told what to do through its debugging port.

It has a session of its own, and is ended with all that it has started, whatever wrapper is around it.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("chromium", "chromium-headless-shell", "google-chrome")
_START_S = 30.0
_END_S = 10.0


def browser_path() -> str:
    """Return the browser of DRIFT_CHROMIUM, else the first that is installed; RuntimeError without one."""
    said = os.environ.get("DRIFT_CHROMIUM", "")
    found = said or next(filter(None, map(shutil.which, _NAMES)), "")
    if not found or not os.access(found, os.X_OK):
        raise RuntimeError(
            f"no browser: DRIFT_CHROMIUM={said!r} and none of {', '.join(_NAMES)} can be started; "
            "install one with: apt-get install chromium"
        )
    return found


@dataclass
class RunningBrowser:
    """The process of a browser without a window, and the port at which it is told what to do."""

    process: subprocess.Popen[bytes]
    port: int

    def end(self) -> None:
        """End the process and all that it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_END_S if number == signal.SIGTERM else None)
            limit_s = time.monotonic() + _END_S
            while _group_lives(self.process.pid) and time.monotonic() < limit_s:
                time.sleep(0.02)
            if not _group_lives(self.process.pid):
                return


def start_browser(profile: Path, *more: str) -> RunningBrowser:
    """Start a browser with its files in `profile` and wait until it can be told what to do."""
    command = [
        browser_path(),
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        *more,
        "about:blank",
    ]
    with (profile.parent / f"{profile.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    told, limit_s = profile / "DevToolsActivePort", time.monotonic() + _START_S
    while not (told.is_file() and told.read_text().strip()):
        if process.poll() is not None or time.monotonic() > limit_s:
            said = (profile.parent / f"{profile.name}.log").read_text(errors="replace")
            RunningBrowser(process, 0).end()
            raise RuntimeError(f"{command[0]} did not start: {said[-2000:]}")
        time.sleep(0.02)
    return RunningBrowser(process, int(told.read_text().split()[0]))


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
