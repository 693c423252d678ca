"""What leaves a console for its node, and a gate that believes in it."""

import time
from contextlib import suppress

from playwright.sync_api import TimeoutError

LIMIT_S = 15.0
READY = "press and hold enable"


class Watched:
    """What leaves for the node, and a gate that believes in it: driven by a person from enable on."""

    def __init__(self, served):
        self.served, self.sticks = served, []
        put = served.exchange.put_stick

        def put_stick(stick, now_s):
            self.sticks.append(stick)
            if stick.enabled:
                self.gate("EXPERT")
            put(stick, now_s)

        served.exchange.put_stick = put_stick

    def gate(self, state):
        self.served.hear("gate", state=state, reason="NONE", armed=True)

    @property
    def drives(self):
        return bool(self.sticks) and self.sticks[-1].enabled

    def silent(self):
        """Return whether it comes to that nothing leaves any more, and the last of it was with enable."""
        end_s, count = time.monotonic() + LIMIT_S, -1
        while count != len(self.sticks):
            if time.monotonic() > end_s:
                return False
            count = len(self.sticks)
            time.sleep(0.3)  # a page that drives, or holds still, speaks fifteen times meanwhile
        return self.drives


def with_keys(page):
    """Choose the keyboard, and wait until a press would count."""
    page.get_by_role("button", name="Drive with keyboard").click()
    ready(page)


def ready(page):
    """Wait until a press would count; a machine that stands still for a second takes the controls away."""
    take, end_s = page.get_by_role("button", name="Take the controls"), time.monotonic() + LIMIT_S
    while (said := page.locator("p.drive").inner_text()) != READY:
        assert time.monotonic() < end_s, said
        if take.is_visible():
            with suppress(TimeoutError):  # the page has them already: its button has another name now
                take.click(timeout=500)
        page.wait_for_timeout(50)


def hold_key(page, watched):
    """Hold the key that drives; press it anew, should a busy machine have ended it."""
    end_s = time.monotonic() + LIMIT_S
    while not watched.drives:
        assert time.monotonic() < end_s, f"no enable within {LIMIT_S} s"
        page.keyboard.up("f")
        ready(page)
        page.keyboard.down("f")
        page.wait_for_timeout(200)


def until(condition, what):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, f"no {what} within {LIMIT_S} s"
        time.sleep(0.01)
