"""Which NumPy, OpenCV and cv_bridge win, and whether they fit together."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from drift.doctor.finding import Severity
from drift.doctor.libraries import libraries

BRIDGE = "class CvBridge:\n    def cv2_to_imgmsg(self, picture, encoding):\n        return picture\n\n"


def with_bridge(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cv_bridge").mkdir()
    (folder / "cv_bridge" / "__init__.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_the_libraries_that_win_are_named_with_their_versions_and_folders() -> None:
    finding = libraries()
    assert finding.status is Severity.PASS
    assert f"NumPy {np.__version__} in {Path(np.__file__).parents[1]}" in finding.text
    assert f"OpenCV {cv2.__version__} in {Path(cv2.__file__).parents[1]}" in finding.text
    assert "no cv_bridge" in finding.text


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("raise AttributeError('_ARRAY_API not found')", "AttributeError: _ARRAY_API not found"),
        (
            BRIDGE + "    def imgmsg_to_cv2(self, image, encoding):\n        return image.tostring()\n",
            "AttributeError: 'numpy.ndarray' object has no attribute 'tostring'",
        ),
        (
            BRIDGE + "    def imgmsg_to_cv2(self, image, encoding):\n        return image\n",
            "RGB 0 to 5 became BGR [[[0, 1, 2], [3, 4, 5]]]",
        ),
    ],
)
def test_a_cv_bridge_that_does_not_fit_is_a_warning_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, trouble: str
) -> None:
    with_bridge(tmp_path, text, monkeypatch)
    finding = libraries()
    assert finding.status is Severity.WARN
    assert f"which does not work with them ({trouble})" in finding.text


def test_a_cv_bridge_that_fits_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = BRIDGE + "    def imgmsg_to_cv2(self, image, encoding):\n        return image[..., ::-1]\n"
    with_bridge(tmp_path, fits, monkeypatch)
    finding = libraries()
    assert finding.status is Severity.PASS and f"cv_bridge in {tmp_path}" in finding.text
