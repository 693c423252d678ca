"""A process that does nothing but train, as greedy as the training worker may be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from benchmarks.support.running_stack import ROBOT, random_policy
from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy

NICENESS = 10  # worker_niceness of the trainer
BATCH = 32


@contextmanager
def busy_training() -> Iterator[None]:
    """Train on all cores until the end of the block."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the training program must start")
        yield
    finally:
        process.kill()
        process.wait()


def example_batch(policy: DiffusionPolicy) -> Batch:
    """Return a batch of random windows of that policy's shape."""
    config = policy.config
    spec, frames = config.observation, BATCH * config.observation.observation_steps
    images = {
        camera.name: torch.randint(0, 256, (frames, 3, camera.height, camera.width), dtype=torch.uint8)
        for camera in spec.cameras
    }
    index = torch.arange(frames).reshape(BATCH, spec.observation_steps)
    actions = policy.normalizer.denormalize_action(torch.rand(BATCH, config.horizon, config.action_dim))
    state = torch.rand(BATCH, spec.observation_steps, spec.state_dim)
    return Batch(images, index, None, state, actions, torch.ones(BATCH, config.horizon, dtype=torch.bool))


def main() -> None:
    os.nice(NICENESS)
    torch.set_num_threads(os.cpu_count() or 1)
    policy = random_policy(load_robot(config_file("robot", ROBOT)))
    optimizer = torch.optim.AdamW(policy.parameters())
    generator, batch = torch.Generator().manual_seed(0), example_batch(policy)
    print("training", flush=True)
    while os.getppid() == PARENT:
        optimizer.zero_grad()
        policy.loss_terms(batch, generator)["denoising"].backward()
        optimizer.step()


if __name__ == "__main__":
    PARENT = os.getppid()
    sys.exit(main())
