import cv2
import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.calibration.board import Board, BoardFinder

BOARD = Board(7, 5, 0.04, 0.03, "DICT_5X5_100")


def on_paper(board, legacy=False):
    image = board.charuco(legacy).generateImage((board.columns * 60, board.rows * 60))
    return np.pad(np.asarray(image), 60, constant_values=255)


def test_the_corners_are_where_the_board_says():
    sighting = BoardFinder(BOARD).find(cv2.GaussianBlur(on_paper(BOARD), (0, 0), 1.5))  # as a lens does
    assert sighting.problem == "" and len(sighting.ids) == BOARD.n_corners == 24
    # a square has 60 pixels; pixel (60, 60) is the board's first, and its middle is half a pixel further
    foretold = BOARD.corners_m(sighting.ids)[:, :2] / 0.04 * 60 + 59.5
    assert np.abs(sighting.corners_px - foretold).max() < 0.02  # OpenCV's detector alone: 0.39


def test_an_even_number_of_rows_is_found_in_both_patterns():
    even = Board(6, 4, 0.04, 0.03, "DICT_4X4_50")
    finder = BoardFinder(even)
    assert [len(finder.find(on_paper(even, legacy)).ids) for legacy in (False, True)] == [15, 15]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_board_is_named(axis):
    finder = BoardFinder(BOARD)
    picture = cv2.flip(on_paper(BOARD), axis)
    assert finder.find(picture).problem == "no marker of DICT_5X5_100 seen"
    assert finder.explain(picture).startswith("the board is seen mirrored")


def test_a_board_of_another_dictionary_is_named():
    other = on_paper(Board(7, 5, 0.04, 0.03, "DICT_4X4_50"))
    assert (
        BoardFinder(BOARD).explain(other)
        == "markers of DICT_4X4_50 are seen, the board's file says DICT_5X5_100"
    )


def test_an_empty_picture_is_not_blamed_on_the_print():
    assert (
        BoardFinder(BOARD)
        .explain(np.full((200, 300), 128, np.uint8))
        .startswith("no marker of DICT_5X5_100 seen: ")
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"marker_m": 0.04}, r"marker_m=0.04 must lie in \(0.4, 0.9\) \* square_m=0.04"),
        ({"dictionary": "DICT_9X9"}, "dictionary='DICT_9X9' must be one of DICT_4X4_50, "),
        ({"columns": 20, "rows": 20}, "20 x 20 squares have 200 markers, DICT_5X5_100 has 100"),
        ({"square_m": -0.04}, "square_m"),
    ],
)
def test_a_board_that_cannot_be_is_refused(values, said):
    sizes = {"columns": 7, "rows": 5, "square_m": 0.04, "marker_m": 0.03, "dictionary": "DICT_5X5_100"}
    with pytest.raises(ConfigError, match=said):
        parse({**sizes, **values}, Board, "board.yaml")
