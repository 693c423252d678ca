"""Which NumPy, OpenCV and cv_bridge win, where a virtual environment lies over a distribution's packages, and
whether they work together. They are loaded by a program of their own, which may end when they do not fit."""

import json
import subprocess
import sys

from drift.doctor.finding import Finding, failure, good, warning

_LIMIT_S = 60.0
_ADVICE = "beside an installed ROS: setup/ros_venv.sh; without one: make setup"


def libraries() -> Finding:
    """Import them in a process of their own, and convert one picture."""
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "drift.ros.libraries"], capture_output=True, text=True, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return failure("NumPy and OpenCV are not loaded within a minute", _ADVICE)
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return failure(f"NumPy and OpenCV do not work together: {last}", _ADVICE)
    return judge(json.loads(answer.stdout.splitlines()[-1]))


def judge(found: dict[str, str]) -> Finding:
    """Return what to think of `found`: each library in words, "" without it, and what breaks cv_bridge."""
    text = f"NumPy {found['numpy']}, OpenCV {found['cv2']}"
    if not found["cv_bridge"]:
        return good(f"{text}, no cv_bridge: only the rarest encodings would need it")
    text += f", cv_bridge {found['cv_bridge']}"
    if found["trouble"]:
        return warning(
            f"{text}, which does not work with them ({found['trouble']})",
            "RGB, grey, YUV and Bayer pictures are decoded without it; others are refused",
        )
    return good(text)
