"""Let a policy drive the simulated arm for one episode, in simulated time.

python examples/drive_the_simulation.py runs/NAME/checkpoints/000003.safetensors
Without a checkpoint the weights are random, and so is what the arm does, inside what the guard lets through.
"""

import sys
from collections import Counter
from pathlib import Path

import torch
from drift.configuration import config_file
from drift.errors import run
from drift.simulation import make_shell, policy_pace
from drift_control import Tick
from drift_core import DiffusionPolicy, load_checkpoint, load_train_file
from drift_sim.shell import EpisodeResult, Shell


def random_policy(shell: Shell) -> DiffusionPolicy:
    """Return an untrained policy for the arm and task of `shell`, as the smallest recipe has it."""
    torch.manual_seed(0)
    recipe = load_train_file(config_file("train", "smoke"))
    return DiffusionPolicy(recipe.policy_config(shell.task, shell.environment.robot.n_joints))


def drive(shell: Shell, policy: DiffusionPolicy) -> tuple[EpisodeResult, list[Tick]]:
    """Run one episode; return how it ended and every control step."""
    ticks: list[Tick] = []
    sampler = policy.make_sampler("ddim-4")  # by name: method and number of denoising steps
    result = shell.run_episode(
        seed=0, policy=policy, sampler=sampler, pace=policy_pace(), on_tick=ticks.append
    )
    return result, ticks


def main(checkpoint: str = "") -> None:
    shell = make_shell("panda", "place")
    try:
        policy = load_checkpoint(Path(checkpoint)).policy if checkpoint else random_policy(shell)
        result, ticks = drive(shell, policy)
    finally:
        shell.close()
    print(f"{result.outcome} after {result.duration_s:.1f} s, {result.chunks} chunks")
    print(f"who drove: {dict(Counter(tick.source.name for tick in ticks))}")
    flags = Counter(flag.name for tick in ticks for flag in tick.guard_flags)
    print(f"what the guard did: {dict(flags)}")


if __name__ == "__main__":
    run(lambda: main(*sys.argv[1:]))  # wrong input is one line
