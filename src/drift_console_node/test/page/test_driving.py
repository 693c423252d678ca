"""A person drives in a real browser; what parts them from the page ends in silence, never in a release."""

import time

import pytest
from drift_console_node.testing.hole import hole_before
from playwright.sync_api import expect

from .watched import LIMIT_S, READY, Watched, hold_key, until, with_keys

START, ENABLE = 9, 4  # buttons of a pad in the standard layout
_PADS = """() => {
  window.plug = (...pads) => { window.plugged = pads; };
  window.pad = (buttons, axes = [0, 0, 0, 0], index = 0) => ({
    index, id: "a pad", mapping: "standard", connected: true, axes,
    buttons: Array.from({ length: 17 }, (_, i) => ({ pressed: buttons.includes(i) })),
  });
  window.plug();
  Object.defineProperty(Navigator.prototype, "getGamepads", { value: () => window.plugged });
}"""


@pytest.fixture
def watched(served):
    return Watched(served)


def plug(page, *buttons, axes="[0, 0, 0, 0]"):
    page.evaluate(f"plug(pad({list(buttons)}, {axes}))")


def with_pad(page):
    """Claim a pad, and wait until a press would count."""
    page.evaluate(_PADS)
    drive = page.locator("p.drive")
    end_s = time.monotonic() + LIMIT_S
    while "ress Start" in drive.inner_text() and time.monotonic() < end_s:  # a late look misses a press
        for buttons in ([], [START]):
            plug(page, *buttons)
            page.wait_for_timeout(100)
    plug(page)
    expect(drive).to_have_text(READY, timeout=LIMIT_S * 1000)


def drive_with_pad(page, watched):
    with_pad(page)
    plug(page, ENABLE)
    until(lambda: watched.drives, "enable")


def test_a_pad_drives_forward_and_left_and_letting_go_hands_back(watched, served, opened):
    page = opened.page(served)
    drive_with_pad(page, watched)
    expect(page.locator("h1")).to_have_text("YOU DRIVE")
    plug(page, ENABLE, 1, axes="[-1, -1, 0.05, 0.55]")  # left stick up and to the left, right stick down
    until(lambda: watched.sticks[-1].axes[0] == 1.0, "forward")
    stick = watched.sticks[-1]
    assert stick.axes[1] == 1.0 and stick.axes[5] == 0.0  # left; within the dead zone
    assert stick.axes[2] == pytest.approx(-(0.5**1.5))  # down: half of what lies beyond the dead zone
    assert (stick.gripper, stick.speed) == (1, 1.0)
    plug(page)
    until(lambda: not watched.drives, "release")
    assert watched.sticks[-1].axes == (0.0,) * 6


@pytest.mark.parametrize("told", [True, False], ids=["with its event", "without"])
def test_a_pad_that_is_unplugged_is_silence_and_must_be_pressed_anew(watched, served, opened, told):
    page = opened.page(served)
    drive_with_pad(page, watched)
    page.evaluate("plug(null)")
    if told:
        page.evaluate("dispatchEvent(new Event('gamepaddisconnected'))")
    assert watched.silent()
    plug(page, ENABLE)  # back, with its button held: not even claimed
    assert watched.silent()


def test_a_second_pad_does_not_merge_and_ends_the_driving(watched, served, opened):
    page = opened.page(served)
    drive_with_pad(page, watched)
    page.evaluate(
        f"plug(pad([{ENABLE}]), pad([], [1, 1, 1, 1], 1)); dispatchEvent(new Event('gamepadconnected'))"
    )
    assert watched.silent()
    assert all(stick.axes == (0.0,) * 6 for stick in watched.sticks)


def test_a_pad_of_another_layout_cannot_drive(served, opened):
    page = opened.page(served)
    page.evaluate(_PADS)
    for buttons in ("[]", f"[{START}]"):
        page.evaluate(f"plug({{ ...pad({buttons}), mapping: '' }})")
        page.wait_for_timeout(60)
    expect(page.locator("p.drive")).to_contain_text("this pad cannot drive")


def test_back_on_a_pad_stops(watched, served, opened):
    page = opened.page(served)
    drive_with_pad(page, watched)
    plug(page, ENABLE, 8)
    until(lambda: [press for press in served.exchange.presses() if press.what == "stop"], "stop")
    assert watched.silent()


def test_keys_drive_only_when_asked_for_slowly_and_not_while_typing(watched, served, opened):
    page = opened.page(served)
    page.keyboard.down("f")
    page.keyboard.up("f")
    assert watched.sticks == []
    with_keys(page)
    hold_key(page, watched)
    page.keyboard.down("i")
    until(lambda: watched.sticks[-1].axes[0] == 1.0, "forward")
    assert watched.sticks[-1].speed == 0.4
    page.keyboard.up("i")
    page.keyboard.up("f")
    until(lambda: not watched.drives, "release")
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { id: 'typed' }))")
    page.locator("#typed").focus()
    page.keyboard.down("f")
    page.wait_for_timeout(200)
    assert not watched.drives
    page.keyboard.press("Space")  # still stops
    until(lambda: [press for press in served.exchange.presses() if press.what == "stop"], "stop")


def test_a_key_whose_release_another_page_gets_is_silence(watched, served, opened):
    page = opened.page(served)
    with_keys(page)
    hold_key(page, watched)
    page.context.new_cdp_session(page).send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.context.new_page().bring_to_front()  # a real blur; the key's release never comes
    assert watched.silent()
    page.bring_to_front()
    assert watched.silent()


def test_a_second_page_looks_asks_and_gets_the_controls_when_enable_is_up(watched, served, opened):
    first, second = opened.page(served), opened.page(served)
    with_keys(first)
    expect(second.locator("p.drive")).to_contain_text("has the controls")
    second.get_by_role("button", name="Ask").click()
    hold_key(first, watched)
    expect(first.get_by_role("button", name="Hand over")).to_be_hidden()
    first.keyboard.up("f")
    first.get_by_role("button", name="Hand over").click()
    expect(second.get_by_role("button", name="Let go of the controls")).to_be_visible()


@pytest.mark.parametrize("how", ["Space", "viewer"])
def test_stop_is_asked_two_ways_and_shown_when_the_gate_says_so(watched, served, opened, how):
    watched.gate("POLICY")
    page = opened.page(served, token=served.tokens.viewer if how == "viewer" else None)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    if how == "Space":
        page.keyboard.down(how)
    else:
        centre = page.locator("#stop").bounding_box()
        page.mouse.move(centre["x"] + 20, centre["y"] + 20)
        page.mouse.down()  # not let go
    until(lambda: [press for press in served.exchange.presses() if press.what == "stop"], "stop")
    expect(page.locator("#stop-word")).to_have_text("Stopping…")
    expect(page.locator("#not-stopped")).to_be_visible(
        timeout=2000
    )  # the gate says nothing for half a second
    assert any(url.endswith("/api/stop") for url in asked)
    served.hear("gate", state="HOLD", reason="STOP_REQUESTED", armed=False)
    expect(page.locator("#not-stopped")).to_be_hidden()
    expect(page.locator("#stop-word")).to_have_text("Stopped")
    expect(page.locator("#stop-hint")).to_contain_text("confirmed after")


@pytest.mark.parametrize("lasts_s", [0.4, 3.5])
def test_a_network_that_swallows_everything_lets_no_old_message_drive(watched, served, opened, lasts_s):
    with hole_before(served.port) as hole:
        port, served.port = served.port, hole.port
        page = opened.page(served)
        served.port = port
        with_keys(page)
        hold_key(page, watched)
        hole.swallow(True)
        time.sleep(lasts_s)
        if lasts_s > 1.0:
            expect(page.locator("#lost")).to_be_visible(timeout=100)
        count = len(watched.sticks)
        hole.swallow(False)
        expect(page.locator("#lost")).to_be_hidden()
        assert watched.silent() and len(watched.sticks) == count
        watched.gate("HOLD")  # its time-out
        if lasts_s < 1.0:  # the page still has the lease
            page.keyboard.up("f")
            until(lambda: not watched.drives, "sticks at rest")
            expect(page.locator("p.drive")).to_have_text(READY, timeout=LIMIT_S * 1000)
            hold_key(page, watched)
