"""Record one demonstration in simulation and cut it into training windows.

python examples/cut_windows.py
"""

import tempfile
from pathlib import Path

import torch
from drift.simulation import make_shell
from drift_core import EpisodeStore, WindowDataset, WindowSet
from drift_core.data.cutter import WindowCutter


def record_and_cut(folder: Path) -> WindowSet:
    """Let the scripted expert do the task once, into `folder`; return the windows of that episode."""
    shell = make_shell("panda", "place")
    try:
        expert = shell.expert("demonstrate")
        shell.run_episode(seed=0, expert=expert, writer=shell.writer(folder, "demo-0", 0, "demonstration"))
        return WindowCutter(EpisodeStore(folder), shell.environment.robot, shell.task)("demo-0")
    finally:
        shell.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        windows = record_and_cut(Path(folder))
    print(f"{len(windows)} windows, {windows.expert_labels} with a label; by class: {windows.counts}")
    # Each window is what a policy would have seen at t_ref; each frame is kept once.
    print(f"state {windows.state.shape}, actions {windows.actions.shape}, mask {windows.mask.shape}")
    for camera, frames in windows.frames.items():
        print(f"camera {camera}: {len(frames)} frames, {frames.image(0).shape} when decoded")
    batch = WindowDataset([windows]).sample(torch.Generator().manual_seed(0), batch_size=16)
    images = {camera: tuple(image.shape) for camera, image in batch.images.items()}
    print(f"a batch of 16: actions {tuple(batch.actions.shape)}, frames that occur in it {images}")


if __name__ == "__main__":
    main()
