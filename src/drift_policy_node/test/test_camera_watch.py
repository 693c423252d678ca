"""What makes a picture that arrives in time unbelievable."""

import numpy as np
import pytest
from drift_policy_node.camera_watch import CameraWatch


@pytest.fixture
def watch():
    return CameraWatch(repeat_s=0.5, repeat_rad=0.05, contrast_min=2.0)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def show(watch, images, step_rad):
    """Show pictures at 10 Hz while joint 2 moves on by `step_rad` between them; return the objections."""
    said = []
    for i, image in enumerate(images):
        watch.take_joints(np.array([0.0, i * step_rad, 0.0]))
        said.append(watch.objection("front", image, 10.0 + 0.1 * i))
    return said


def test_the_same_picture_from_a_moving_arm_is_refused_after_half_a_second(watch):
    said = show(watch, [picture(1)] * 8, step_rad=0.02)
    assert said[:6] == [""] * 6  # up to 0.5 s
    assert said[6] == "the same picture for 0.6 s, while a joint moved by 0.12 rad"


def test_the_same_picture_from_an_arm_that_stands_is_good(watch):
    assert show(watch, [picture(1)] * 20, step_rad=0.0) == [""] * 20
    assert show(watch, [picture(1)] * 20, step_rad=0.002) == [""] * 20  # 0.038 rad in all


def test_an_arm_that_moved_away_and_came_back_has_moved(watch):
    for i, q in enumerate([0.0, 0.03, 0.06, 0.03, 0.0, 0.0, 0.0]):
        watch.take_joints(np.array([q]))
        said = watch.objection("front", picture(1), 10.0 + 0.1 * i)
    assert "moved by 0.06 rad" in said


def test_one_pixel_that_differs_is_news(watch):
    images = []
    for i in range(20):
        images.append(picture(1))
        images[-1][0, 0, 0] = i
    assert show(watch, images, step_rad=0.02) == [""] * 20


def test_a_repeated_picture_is_refused_until_it_changes_even_when_the_arm_stands_meanwhile(watch):
    show(watch, [picture(1)] * 8, step_rad=0.02)
    watch.take_joints(np.array([0.0, 0.14, 0.0]))
    assert watch.objection("front", picture(1), 15.0)
    assert watch.objection("front", picture(2), 15.1) == ""


def test_cameras_are_looked_at_one_by_one(watch):
    for i in range(8):
        watch.take_joints(np.array([0.02 * i]))
        front = watch.objection("front", picture(1), 10.0 + 0.1 * i)
        wrist = watch.objection("wrist", picture(i), 10.0 + 0.1 * i)
    assert front and not wrist


@pytest.mark.parametrize(("colour", "mean"), [((0, 0, 0), 0), ((255, 255, 255), 255), ((255, 0, 0), 85)])
def test_a_picture_of_one_colour_is_refused(watch, colour, mean):
    said = watch.objection("front", np.full((8, 8, 3), colour, np.uint8), 10.0)
    assert said == (f"a picture without contrast: 0.0 of 255 grey levels, mean {mean}; allowed: 2.0 or more")


def test_a_black_picture_with_a_little_noise_is_refused_and_a_dim_one_is_good(watch):
    noise = np.random.default_rng(0).integers(0, 4, (64, 64, 3), dtype=np.uint8)  # deviation 1.1
    assert "without contrast" in watch.objection("front", noise, 10.0)
    assert watch.objection("front", 10 * noise, 10.1) == ""  # deviation 11
