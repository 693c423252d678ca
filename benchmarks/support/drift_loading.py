"""Batches of a store by our own loader, its frames decoded as they are drawn; prints one line of JSON."""

import argparse
import json
import resource
import time
from importlib.metadata import version
from pathlib import Path

import torch
from benchmarks.support.cold import forget
from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from drift_core.data.cutter import WindowCutter
from drift_core.data.training_data import TrainingData
from drift_core.episodes import EpisodeStore
from drift_core.task import load_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("task", type=Path)
    for name in ("batch", "batches", "threads", "memory-bytes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    store = EpisodeStore(options.folder)
    cut = WindowCutter(store, load_robot(config_file("robot", "panda")), load_task(options.task))
    data = TrainingData(store, cut, image_memory_bytes=options.memory_bytes)
    list(data.update())
    generator = torch.Generator().manual_seed(0)
    if options.cold:
        forget(options.folder)
    samples, begin_s = 0, time.perf_counter()
    for _ in range(options.batches):
        batch = data.offline.sample(generator, options.batch)
        for images in batch.images.values():  # as LeRobot hands them out: (B, To, 3, H, W) float32
            images[batch.frame_index].float().div_(255.0)
        samples += len(batch.actions)
    took_s = time.perf_counter() - begin_s
    told = {
        "samples_per_s": samples / took_s,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "package_version": version("drift_core"),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
