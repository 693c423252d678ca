"""Read a set with LeRobot and compare it with what it was made of: `python compare.py SET EXPECTED.npz`.

Prints one line of JSON. Runs in an environment with lerobot.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from lerobot.datasets import compute_stats
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def main() -> None:
    """Compare."""
    folder, expected = Path(sys.argv[1]), np.load(sys.argv[2])
    found = LeRobotDataset("drift/export", root=folder, video_backend="pyav")
    cameras = [name for name in expected.files if name.startswith("observation.images.")]
    numbers = [name for name in expected.files if name not in cameras]
    wrong = {name: 0 for name in expected.files}
    squares, pixels = dict.fromkeys(cameras, 0.0), dict.fromkeys(cameras, 0)
    for row in range(len(found)):
        item = found[row]
        for name in numbers:
            wrong[name] += not np.array_equal(item[name].numpy(), expected[name][row])
        for name in cameras:
            picture = np.round(item[name].numpy().transpose(1, 2, 0) * 255)
            error = picture - expected[name][row]
            wrong[name] += bool(error.any())
            squares[name] += float((error**2).sum())
            pixels[name] += error.size
    psnr = {
        name: None if not squares[name] else 10 * np.log10(255**2 * pixels[name] / squares[name])
        for name in cameras
    }
    print(
        json.dumps(
            {
                "rows": len(found),
                "episodes": found.num_episodes,
                "rows_that_differ": wrong,
                "psnr_db": psnr,
                "statistics_differ_by": _statistics(found),
                "tasks": list(found.meta.tasks.index),
            }
        )
    )


def _statistics(found: LeRobotDataset) -> float:
    """Return the largest relative difference between the set's statistics and those of the package."""
    features = {
        name: feature
        for name, feature in found.meta.features.items()
        if feature["dtype"] not in ("image", "video", "string") and name != "timestamp"
    }
    rows = found.hf_dataset.with_format("arrow")[:]  # "numpy" hands out float64 as float32
    of_episode = rows["episode_index"].to_numpy()
    columns = {name: _column(rows[name], feature) for name, feature in features.items()}
    whole = None
    for episode in range(found.num_episodes):
        values = {name: column[of_episode == episode] for name, column in columns.items()}
        part = compute_stats.compute_episode_stats(values, features)
        whole = part if whole is None else compute_stats.aggregate_stats([whole, part])
    worst = 0.0
    for name, statistics in whole.items():
        for which, value in statistics.items():
            ours = np.asarray(found.meta.stats[name][which], dtype=float)
            worst = max(worst, float((np.abs(ours - value) / np.maximum(np.abs(value), 1e-9)).max()))
    return worst


def _column(values: pa.ChunkedArray, feature: dict) -> np.ndarray:
    """Return (N,), or (N, width)."""
    if tuple(feature["shape"]) == (1,):
        return values.to_numpy()
    return values.combine_chunks().flatten().to_numpy().reshape(-1, *feature["shape"])


if __name__ == "__main__":
    main()
