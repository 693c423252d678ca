"""Write a small set with LeRobot itself: `python write_set.py FOLDER`, in an environment with lerobot.

A Panda as somebody else would record it: joints in degrees, the hand in percent, one camera as images and
one as video, 30 rows a second. As it stands this is the set in src/drift_formats/test/data.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset

HOME_DEG = np.degrees([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
MOTORS = [*(f"panda_joint{number}.pos" for number in range(1, 8)), "hand.pos"]
FEATURES = {
    "observation.state": {"dtype": "float32", "shape": (8,), "names": MOTORS},
    "action": {"dtype": "float32", "shape": (8,), "names": MOTORS},
    "observation.images.top": {
        "dtype": "image",
        "shape": (24, 32, 3),
        "names": ["height", "width", "channels"],
    },
    "observation.images.hand": {
        "dtype": "video",
        "shape": (32, 32, 3),
        "names": ["height", "width", "channels"],
    },
    "next.success": {"dtype": "bool", "shape": (1,), "names": None},
}
FPS = 30


def picture(height: int, width: int, row: int, episode: int) -> np.ndarray:
    """Return a smooth picture that moves."""
    y, x = np.mgrid[:height, :width]
    red = 4 * x + 2 * row
    green = 5 * y + 40 * episode
    blue = 128 + 60 * np.sin((x + y + row) / 6)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)


def joints(time_s: float, episode: int) -> np.ndarray:
    """Return seven angles [deg] and the opening [%]."""
    swing = 20.0 * math.sin(2.0 * time_s + episode)
    return np.array([*(HOME_DEG + swing * np.array([1, 0.5, 0, 0.3, 0, 0, 0])), 50.0 + swing], np.float32)


def main() -> None:
    """Write the set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.4)
    arguments = parser.parse_args()
    made = LeRobotDataset.create(
        "drift/small", fps=FPS, features=FEATURES, root=arguments.folder, robot_type="panda", use_videos=True
    )
    count = round(arguments.seconds * FPS)
    for episode in range(arguments.episodes):
        for row in range(count):
            made.add_frame(
                {
                    "observation.state": joints(row / FPS, episode),
                    "action": joints((row + 1) / FPS, episode),
                    "observation.images.top": picture(24, 32, row, episode),
                    "observation.images.hand": picture(32, 32, row, episode),
                    "next.success": np.array([row == count - 1 and episode == 0]),
                    "task": ["lift the cube", "push the cube"][episode % 2],
                }
            )
        made.save_episode()
    made.finalize()


if __name__ == "__main__":
    main()
