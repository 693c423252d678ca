"""Print as JSON which NumPy, OpenCV and cv_bridge are loaded, and what is wrong with cv_bridge."""

import importlib
import json
from pathlib import Path


def main() -> None:
    """Print as JSON which libraries are loaded, and whether cv_bridge converts a picture of two pixels."""
    import numpy as np

    found = {name: _words(name) for name in ("numpy", "cv2")} | {"cv_bridge": "", "trouble": ""}
    try:
        found["cv_bridge"] = _words("cv_bridge")
    except ModuleNotFoundError:
        pass
    except Exception as error:  # built for another NumPy: whatever it raises is what there is to say
        found |= {"cv_bridge": "that cannot be imported", "trouble": _last_line(error)}
    else:
        from cv_bridge import CvBridge

        try:
            image = CvBridge().cv2_to_imgmsg(np.arange(6, dtype=np.uint8).reshape(1, 2, 3), "rgb8")
            back = CvBridge().imgmsg_to_cv2(image, "bgr8")
            if back.tolist() != [[[2, 1, 0], [5, 4, 3]]]:
                found["trouble"] = f"RGB 0 to 5 became BGR {back.tolist()}"
        except Exception as error:
            found["trouble"] = _last_line(error)
    print(json.dumps(found))


def _words(name: str) -> str:
    module = importlib.import_module(name)
    version, file = getattr(module, "__version__", ""), module.__file__
    return f"{version} in {Path(file).parents[1] if file else 'unknown'}".strip()


def _last_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[-1]


if __name__ == "__main__":
    main()
