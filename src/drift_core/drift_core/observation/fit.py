"""The one rule by which a picture of another size becomes what the task asks for."""

import cv2
import numpy as np


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return `image`, (H, W, 3) uint8, as (height, width, 3): scaled to cover it, cut around the centre.

    Both sides are scaled alike. Smaller pictures average areas, larger ones are interpolated linearly.
    A picture that has the size already is returned as it is.
    """
    if image.shape[:2] == (height, width):
        return image
    top, left, rows, columns = kept(image.shape[0], image.shape[1], height, width)
    part = image[top : top + rows, left : left + columns]
    smaller = rows >= height and columns >= width
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def kept(image_height: int, image_width: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the part of a picture that is left after the cut: its corner, rows, columns [pixel]."""
    scale = max(height / image_height, width / image_width)
    rows = min(image_height, max(1, round(height / scale)))
    columns = min(image_width, max(1, round(width / scale)))
    return (image_height - rows) // 2, (image_width - columns) // 2, rows, columns
