"""A link that carries a third of what the cameras offer: fewer pictures, none older, and the hand stays."""

import threading
import time

import cv2
import numpy as np
import pytest
from drift_console_node.exchange import Frame
from drift_console_node.testing.hole import hole_before

from .conftest import serve
from .watched import Watched, hold_key, until, with_keys

RATE_MBIT_S = 6.0
CAMERAS, RATE_HZ = ("front", "wrist"), 30.0
LASTS_S, SAMPLES = 4.0, 24  # longer, where the browser answers late
_AGES = "[...document.querySelectorAll('figure canvas[data-age]')].map((it) => Number(it.dataset.age))"


@pytest.fixture
def served(tmp_path):
    """A console with patience for a machine that stands still at times."""
    with serve(tmp_path, max_age_s=0.5, input_timeout_s=0.5) as found:
        yield found


@pytest.fixture
def offered_mbit_s(served):
    """Two cameras, of something that compresses badly."""
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 2.0))[1].tobytes()
    ended = threading.Event()

    def show():
        sequence = 0
        while not ended.wait(1.0 / RATE_HZ):
            sequence += 1
            for name in CAMERAS:
                frame = Frame(sequence, time.time(), 0.0, time.monotonic(), jpeg)
                served.exchange.put_frame(name, frame)

    thread = threading.Thread(target=show)
    thread.start()
    yield len(CAMERAS) * RATE_HZ * len(jpeg) * 8e-6
    ended.set()
    thread.join()


def test_a_slow_link_shows_fewer_pictures_and_none_older_while_a_person_drives_and_stops(
    served, opened, offered_mbit_s
):
    assert offered_mbit_s > 2.5 * RATE_MBIT_S
    watched = Watched(served)
    with hole_before(served.port, RATE_MBIT_S) as link:
        port, served.port = served.port, link.port
        page = opened.page(served)
        served.port = port
        until(lambda: page.locator("canvas").first.get_attribute("data-sequence"), "a picture")
        with_keys(page)
        hold_key(page, watched)
        since, began_s, ages_s = len(watched.sticks), time.monotonic(), []
        first = int(page.locator("canvas").first.get_attribute("data-sequence"))
        while time.monotonic() < began_s + LASTS_S or len(ages_s) < SAMPLES:
            ages_s.append(max(page.evaluate(_AGES)))
            page.wait_for_timeout(50)
        shown = int(page.locator("canvas").first.get_attribute("data-sequence")) - first
        # unlimited, what waits would grow by more than a second each second
        quarter = len(ages_s) // 4
        assert np.mean(ages_s[-quarter:]) - np.mean(ages_s[:quarter]) < 0.3
        assert np.median(ages_s) < 0.5
        assert shown > 0.5 * LASTS_S * RATE_HZ, "what is shown keeps up with what comes"
        sticks = watched.sticks[since:]
        assert len(sticks) > 10 * LASTS_S and all(stick.enabled for stick in sticks)
        pressed_s = time.monotonic()
        page.keyboard.down("Space")
        until(lambda: any(press.what == "stop" for press in served.exchange.presses()), "stop")
        assert time.monotonic() - pressed_s < 1.0
