import cv2
import numpy as np
import pytest
from drift_core.calibration.image_motion import ImageMotion


def blurred_noise(size=(96, 96)):
    noise = np.random.default_rng(0).uniform(0, 255, size).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3.0), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def rgb(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_picture_that_moves_two_pixels_to_the_right_is_seen_to():
    motion, picture = ImageMotion(), blurred_noise()
    motion.add(0.0, rgb(picture))
    motion.add(0.1, rgb(np.roll(picture, 2, axis=1)))
    assert motion.pixels[1] == pytest.approx([2.0, 0.0], abs=0.2)


def test_pictures_that_come_too_soon_or_twice_are_passed_over():
    motion = ImageMotion()
    for stamp_s in (0.0, 0.033, 0.067, 0.067, 0.05, 0.1, 0.133):
        motion.add(stamp_s, rgb(blurred_noise()))
    assert motion.stamps_s.tolist() == [0.0, 0.067, 0.133] and len(motion) == 3


def test_large_pictures_are_made_small_first_and_move_by_less():
    motion, picture = (
        ImageMotion(),
        cv2.resize(blurred_noise((96, 96)), (384, 384), interpolation=cv2.INTER_CUBIC),
    )
    motion.add(0.0, rgb(picture))
    motion.add(0.1, rgb(np.roll(picture, 8, axis=0)))
    assert motion.pixels[1] == pytest.approx([0.0, 2.0], abs=0.2)
