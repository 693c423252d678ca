"""A page that is hidden, frozen or killed while a person drives: silence, never a released enable.

Without Playwright, which keeps every page in front.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress

import psutil
import pytest
from drift_console_node.testing.real_browser import start_browser

from .raw_page import RawBrowser
from .watched import LIMIT_S, READY, Watched, until


@pytest.fixture
def watched(served):
    return Watched(served)


@pytest.fixture(scope="module")
def bare_browser(tmp_path_factory):
    profile = tmp_path_factory.mktemp("bare") / "profile"
    profile.mkdir()
    running = start_browser(profile)
    yield running
    running.end()


def renderers(running):
    """Return the processes that run pages, of our own browser."""
    found = []
    for child in psutil.Process(running.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if "--type=renderer" in child.cmdline():
                found.append(child)
    return found


async def becomes(page, expression, value):
    """Wait until an expression is `value` in the page."""
    end_s = time.monotonic() + LIMIT_S
    while (found := await page.value(expression)) != value:
        assert time.monotonic() < end_s, f"{expression} is {found}, not {value}, after {LIMIT_S} s"
        await asyncio.sleep(0.02)


async def drives(browser, served, watched):
    """Return a page in which the key is held that drives."""
    page = await browser.open(served.address())
    await becomes(page, "document.querySelector('p.drive') !== null", True)
    await page.to_front()
    await becomes(page, "document.hasFocus()", True)
    await page.value("[...document.querySelectorAll('button')].find((b) => b.ariaPressed).click()")
    await becomes(page, "document.querySelector('p.drive').textContent", READY)
    await page.key("f", down=True)
    await asyncio.to_thread(until, lambda: watched.drives, "enable")
    return page


@pytest.mark.parametrize("how", ["hidden", "frozen", "stopped", "killed"])
def test_a_page_that_is_lost_while_it_drives_is_silence_and_stays_so_when_it_is_back(
    watched, served, bare_browser, how
):
    async def play():
        async with RawBrowser(bare_browser) as browser:
            other = await browser.open("about:blank")
            page = await drives(browser, served, watched)
            if how == "hidden":
                await other.to_front()
                await becomes(page, "document.hidden", True)
            elif how == "frozen":
                await page.ask("Page.setWebLifecycleState", state="frozen")
            else:
                processes = renderers(bare_browser)
                for process in processes:
                    os.kill(process.pid, signal.SIGSTOP if how == "stopped" else signal.SIGKILL)
            assert await asyncio.to_thread(watched.silent)
            if how == "hidden":
                await page.to_front()
            elif how == "frozen":
                await page.ask("Page.setWebLifecycleState", state="active")
            elif how == "stopped":
                for process in processes:
                    os.kill(process.pid, signal.SIGCONT)
            assert await asyncio.to_thread(watched.silent)

    asyncio.run(play())
