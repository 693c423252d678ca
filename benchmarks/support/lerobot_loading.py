"""Batches of a LeRobot set by LeRobot's own loader; runs in its environment and prints one line of JSON."""

import argparse
import json
import math
import os
import resource
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import torch
from cold import forget
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name in ("batch", "batches", "threads", "horizon", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--beside", type=Path, help="the same set without loss")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    fps = LeRobotDataset("drift/loading", root=options.folder).fps
    seen = [k / fps for k in range(1 - options.steps, 1)]
    names = json.loads((options.folder / "meta/info.json").read_text())["features"]
    wanted = {name: seen for name in names if name == "observation.state" or ".images." in name}
    wanted["action"] = [k / fps for k in range(options.horizon)]
    dataset = LeRobotDataset("drift/loading", root=options.folder, delta_timestamps=wanted)
    draw = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=10**9)
    loader = torch.utils.data.DataLoader(dataset, batch_size=options.batch, sampler=draw)
    if options.cold:
        forget(options.folder, Path(os.environ["HF_HOME"]))
    samples, begin_s = 0, time.perf_counter()
    for batch in islice(loader, options.batches):
        samples += len(batch["action"])
    took_s = time.perf_counter() - begin_s
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {
        "samples_per_s": samples / took_s,
        "psnr_db": None if options.beside is None else psnr_db(options.folder, options.beside),
        "peak_rss_mb": peak_rss_mb,
        "package_version": version("lerobot"),
    }
    print(json.dumps(told))


def psnr_db(lossy: Path, lossless: Path) -> float:
    """Return the PSNR of the first 200 pictures of each camera, whose range is 0 to 1."""
    sets = [LeRobotDataset("drift/loading", root=folder) for folder in (lossy, lossless)]
    cameras = [name for name in sets[0].meta.features if ".images." in name]
    squares = [
        float(((sets[0][row][name] - sets[1][row][name]) ** 2).mean())
        for row in range(min(200, len(sets[0])))
        for name in cameras
    ]
    return -10.0 * math.log10(sum(squares) / len(squares))


if __name__ == "__main__":
    main()
