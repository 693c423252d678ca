"""Where pictures go: a window, a file, or both."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from drift.errors import UserError
from drift.film import film_file

_TITLE = "drift"
_QUIT = (ord("q"), 27)  # and Esc
_TRY, _TRY_S = "import cv2; cv2.namedWindow('drift'); cv2.destroyAllWindows()", 30.0


def has_display() -> bool:
    """Whether a window can be opened, tried in another process: on a display that is gone Qt ends its own."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        tried = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, timeout=_TRY_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0


class Screen:
    """Use as a context manager: the file is whole and the window gone at the end, however it comes."""

    def __init__(self, window: bool, video: Path | None, paced: bool = False) -> None:
        """`paced`: a window waits until each picture's time, of what goes faster than it looks."""
        if window and not has_display():
            raise UserError("a window needs a display that can be opened: --video FILE.mp4 needs none")
        self._window, self._file = window, None if video is None else film_file(video)
        self._at_s = 0.0
        self._began_s = time.monotonic() if paced else None

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._window:
            cv2.destroyAllWindows()

    @property
    def begun_file(self) -> bool:
        """Whether there is a file with pictures in it."""
        return self._file is not None and self._file.begun

    @property
    def shown_s(self) -> float:
        """When the newest picture was shown, since the first [s]."""
        return self._at_s

    def show(self, picture: np.ndarray, at_s: float) -> bool:
        """Show a picture (H, W, 3) uint8 RGB of `at_s`; False once the person has closed the window."""
        self._at_s = at_s
        if self._file is not None:
            self._file.add(picture, at_s)
        if not self._window:
            return True
        if self._began_s is not None:
            time.sleep(max(0.0, self._began_s + at_s - time.monotonic()))
        cv2.imshow(_TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        return key not in _QUIT and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1.0
