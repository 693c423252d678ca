import numpy as np
import pytest
from drift_core.observation.fit import fit, kept


def test_a_picture_of_the_right_size_is_the_same_object():
    image = np.zeros((64, 64, 3), np.uint8)
    assert fit(image, 64, 64) is image


def test_the_middle_is_scaled_by_averaging():
    # 2x6 to 1x1: the two columns left and right are cut; (10 + 20 + 30 + 40) / 4
    row = [[99, 99, 10, 20, 99, 99], [99, 99, 30, 40, 99, 99]]
    assert fit(np.repeat(np.array(row, np.uint8)[..., None], 3, axis=2), 1, 1).tolist() == [[[25, 25, 25]]]


def test_a_tall_picture_is_cut_above_and_below():
    column = np.array([[1], [2], [7], [3], [4]], np.uint8)[..., None].repeat(3, axis=2)
    assert fit(column, 1, 1).tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("size", "wanted", "part"),
    [
        ((480, 640), (64, 64), (0, 80, 480, 480)),
        ((1080, 1920), (64, 64), (0, 420, 1080, 1080)),
        ((720, 1280), (48, 64), (0, 160, 720, 960)),
        ((640, 480), (64, 64), (80, 0, 480, 480)),
        ((32, 32), (64, 64), (0, 0, 32, 32)),
        ((1, 1000), (64, 64), (0, 499, 1, 1)),
    ],
)
def test_what_is_kept_has_the_shape_that_is_wanted(size, wanted, part):
    assert kept(*size, *wanted) == part
    assert fit(np.full((*size, 3), 9, np.uint8), *wanted).shape == (*wanted, 3)


def test_a_smaller_picture_is_interpolated():
    # pixel centres of the four new columns lie at -0.25, 0.25, 0.75, 1.25 of the two old ones: 0, 25, 75, 100
    row = np.array([[0, 100], [0, 100]], np.uint8)[..., None].repeat(3, axis=2)
    assert fit(row, 4, 4)[1, :, 0].tolist() == [0, 25, 75, 100]
