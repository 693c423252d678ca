"""Who drives is seen with every kind of colour vision, and with the system's own colours."""

import io
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from recorded_episodes import EXPERT, HOLD, POLICY, record

# what the gate says, and the word of it
STATES = {
    "POLICY DRIVES": {"state": "POLICY", "armed": True},
    "A PERSON DRIVES": {"state": "EXPERT", "armed": True},
    "HELP WANTED – take over?": {"state": "HOLD", "reason": "JOY_LOST", "armed": True},
    "HOLDING – not armed": {"state": "HOLD", "reason": "NOT_ARMED"},
    "STOPPED – arm to go on": {"state": "HOLD", "reason": "STOP_REQUESTED"},
    "GOING HOME": {"state": "HOMING", "armed": True},
}
DRIVERS = ("POLICY DRIVES", "A PERSON DRIVES", "STOPPED – arm to go on")
VISIONS = ("none", "deuteranopia", "protanopia", "tritanopia", "achromatopsia")
READABLE = 4.5  # contrast, WCAG 2.2, 1.4.3
TOLD_APART = 10.0  # CIE 1976 colour difference; 2.3 is just noticed
_LOOK = """() => ({
  shape: document.querySelector("header .icon path").getAttribute("d"),
  border: getComputedStyle(document.body).borderTopStyle,
})"""


def pixels(page, selector):
    """Return what an element looks like: (height, width, 3), 0..255."""
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB"))


def linear(colour):
    share = np.asarray(colour, float) / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def lab(colour):
    """Return CIE L*a*b* of an sRGB colour (D65; IEC 61966-2-1, ISO/CIE 11664-4)."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ratio = np.array(to_xyz) @ linear(colour) / [0.9505, 1.0, 1.089]
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def becomes(served, page, word):
    """Let the gate say what this word stands for, and wait for it."""
    served.hear("gate", **{"reason": "NONE", "text": "", "armed": False, **STATES[word]})
    expect(page.locator("h1")).to_have_text(word)


def header(page):
    """Return the header's colour (CIE L*a*b*), the contrast of its word, its shape and the page's border."""
    seen = pixels(page, "header .word").reshape(-1, 3)
    paper = Counter(map(tuple, seen)).most_common(1)[0][0]
    most = max(contrast(paper, ink) for ink in np.unique(seen, axis=0))
    return {"colour": lab(paper), "contrast": most, **page.evaluate(_LOOK)}


def apart(one, other):
    """Return how far two headers are apart in colour."""
    return float(np.linalg.norm(one["colour"] - other["colour"]))


def test_with_every_colour_vision_words_are_readable_and_drivers_told_apart(served, opened):
    page = opened.page(served)
    session = page.context.new_cdp_session(page)
    seen = {vision: {} for vision in VISIONS}
    for word in STATES:
        becomes(served, page, word)
        for vision, found in seen.items():
            session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})
            found[word] = header(page)
    for vision, found in seen.items():
        faint = {word: each["contrast"] for word, each in found.items() if each["contrast"] < READABLE}
        assert not faint, vision
        assert vision == "none" or apart(found["POLICY DRIVES"], seen["none"]["POLICY DRIVES"]) > 3.0
        for one, other in combinations(found, 2):
            same_border = found[one]["border"] == found[other]["border"]
            assert found[one]["shape"] != found[other]["shape"]
            assert not same_border or apart(found[one], found[other]) > TOLD_APART, (vision, one, other)
        if vision != "achromatopsia":  # grey for grey it is word, shape and border
            for one, other in combinations(DRIVERS, 2):
                assert apart(found[one], found[other]) > TOLD_APART, (vision, one, other)
        assert apart(found["POLICY DRIVES"], found["A PERSON DRIVES"]) > 2 * TOLD_APART, vision


@pytest.mark.parametrize("motion, moves", [("reduce", "none"), ("no-preference", "call")])
def test_nothing_blinks_for_who_asks_for_less_motion(served, opened, motion, moves):
    page = opened.page(served)
    page.emulate_media(reduced_motion=motion)
    served.hear("gate", state="POLICY", armed=True)  # and goes on in spite of stop
    page.keyboard.press("Escape")
    expect(page.locator("#not-stopped")).to_be_visible()
    assert page.locator("#not-stopped").evaluate("it => getComputedStyle(it).animationName") == moves


def test_with_the_systems_own_colours_words_shapes_borders_and_bars_say_it(served, opened):
    record(served.store, "m1", [POLICY] * 20 + [EXPERT] * 20 + [HOLD] * 20)
    page = opened.page(served)
    page.emulate_media(forced_colors="active")
    found = {}
    for word in STATES:
        becomes(served, page, word)
        found[word] = header(page)
    assert len({tuple(each["colour"]) for each in found.values()}) == 1, "colours are the page's own"
    assert min(each["contrast"] for each in found.values()) >= 7.0
    for one, other in combinations(found.values(), 2):
        assert one["shape"] != other["shape"]
    page.locator("summary", has_text="Recorded").click()
    expect(page.locator("[data-episode=m1] .driver-bar")).to_be_visible()
    looks = [
        frozenset(map(tuple, pixels(page, f"[data-episode=m1] .driver-bar .{driver}").reshape(-1, 3)))
        for driver in ("policy", "expert", "hold")
    ]
    assert len(set(looks)) == 3, "who drove looks alike"
    outlined = page.locator("#stop").evaluate("it => getComputedStyle(it).borderTopWidth")
    assert outlined == "2px"
