"""A finger on a small screen: stop, arm and the controls work by touch; driving needs a pad or keys."""

import time

import pytest
from playwright.sync_api import expect

from .watched import Watched, until

HELD_MS = 1300.0  # a second and what a busy browser adds
TREMBLE_PX = 20  # of a finger that lies still: on a small screen more than what begins a scroll


class Finger:
    """One finger, told to the browser as its screen would tell it."""

    def __init__(self, page):
        self.page, self._devtools = page, page.context.new_cdp_session(page)

    def _say(self, kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def down(self, button):
        """Put it onto the middle of something."""
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        self.x, self.y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._say("touchStart", (self.x, self.y))

    def move(self, dx, dy):
        """Move it so far from where it was put down [px]."""
        self._say("touchMove", (self.x + dx, self.y + dy))

    def up(self):
        """Lift it."""
        self._say("touchEnd")

    def rest(self, button, for_ms):
        """Let it lie on something, trembling, and lift it."""
        self.down(button)
        end_s, turn = time.monotonic() + for_ms * 1e-3, 1
        while time.monotonic() < end_s:
            self.move(0, turn * TREMBLE_PX)
            turn = -turn
            self.page.wait_for_timeout(60)
        self.up()


@pytest.fixture
def watched(served):
    return Watched(served)


@pytest.fixture
def page(served, opened):
    """A phone, upright."""
    return opened.page(served, 360, 640, touch=True)


def taken(served):
    """Return what was asked of the node since the last look."""
    return [press.what for press in served.exchange.presses()]


def test_stop_acts_when_the_finger_comes_down_wherever_the_page_has_been_scrolled_to(watched, served, page):
    watched.gate("POLICY")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    finger = Finger(page)
    finger.down(page.locator("#stop"))
    asked = []
    until(lambda: asked.extend(taken(served)) or "stop" in asked, "stop")  # the finger is still down
    expect(page.locator("#stop-word")).to_have_text("Stopping…")
    served.hear("gate", state="HOLD", reason="STOP_REQUESTED", armed=False)
    expect(page.locator("#stop-word")).to_have_text("Stopped")
    finger.up()


def test_arm_wants_a_finger_for_a_second_and_does_not_mind_that_it_trembles(watched, served, page):
    arm, finger = page.get_by_role("button", name="Arm"), Finger(page)
    finger.rest(arm, 400.0)
    page.wait_for_timeout(1200)
    assert taken(served) == []  # lifted too early
    scrolled = page.evaluate("scrollY")
    finger.rest(arm, HELD_MS)
    assert taken(served) == ["arm"]
    assert page.evaluate("scrollY") == scrolled


def test_a_finger_that_slides_off_arm_has_not_armed(watched, served, page):
    arm, finger = page.get_by_role("button", name="Arm"), Finger(page)
    finger.down(arm)
    finger.move(0, -200)
    page.wait_for_timeout(HELD_MS)
    finger.up()
    assert taken(served) == []


def test_a_tap_takes_the_controls_and_fingers_drive_nothing(watched, served, page):
    finger, take = Finger(page), page.get_by_role("button", name="Take the controls")
    finger.down(take)
    finger.up()
    expect(page.get_by_role("button", name="Let go of the controls")).to_be_visible()
    for place in (page.locator("canvas").first, page.locator("p.drive"), page.locator("header")):
        finger.rest(place, 300.0)
    assert not any(stick.enabled for stick in watched.sticks)
