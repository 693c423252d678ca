"""Rollouts of a policy in `fork` and on the arm, with the calls of the network counted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from drift.simulation import policy_pace
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import RtiSampler, Sampler
from drift_core.task import TaskConfig
from drift_sim.scenes.fork import Way, rollout
from drift_sim.shell import START_S, Shell
from torch import Tensor

MIRROR_STEP = 6  # of fork
GOAL_MOVES_S = 2.0


@dataclass(frozen=True)
class Chunk:
    """One sample."""

    stamp_s: float  # of its observation
    calls: int  # of the network
    warm: bool  # begun from the last chunk, and kept


@dataclass
class Meter:
    """A sampler that counts."""

    sampler: Sampler
    chunks: list[Chunk] = field(default_factory=list)
    stamp_s: float = 0.0

    @property
    def called(self) -> str:
        return self.sampler.called

    @property
    def latent(self) -> Tensor | None:
        return self.sampler.latent

    def reset(self) -> None:
        self.sampler.reset()

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        self.stamp_s = stamp_s
        self.sampler.observe(stamp_s, dt_s, condition)

    def sample(self, denoise: Callable[[Tensor, Tensor], Any], *rest: Any) -> Tensor:
        calls = 0

        def counted(x: Tensor, k: Tensor) -> Any:
            nonlocal calls
            calls += 1
            return denoise(x, k)

        chunk = self.sampler.sample(counted, *rest)
        warm = isinstance(self.sampler, RtiSampler) and not self.sampler.cold
        self.chunks.append(Chunk(self.stamp_s, calls, warm))
        return chunk


@dataclass(frozen=True)
class Rollout:
    """One episode."""

    success: bool
    duration_s: float
    left: bool | None  # None: no choice was to be made
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Bench:
    """One task with its policy, replanning after so many steps."""

    task: str
    replan_steps: int
    run: Callable[[int, Meter, bool], Rollout]  # seed, sampler, whether something moves
    move_s: float  # stamp of the first observation after the move
    start_s: float  # stamp at which an episode begins


def fork_bench(policy: DiffusionPolicy, task: TaskConfig, replan_steps: int) -> Bench:
    task = replace(task, action_steps=replan_steps)
    start_s = task.observation_steps * task.dt_s

    def run(seed: int, meter: Meter, moves: bool) -> Rollout:
        meter.reset()
        act = partial(policy.act, sampler=meter, generator=torch.Generator().manual_seed(seed))
        episode = rollout(task, seed, act, MIRROR_STEP if moves else None)
        left = None if episode.way is None else episode.way is Way.LEFT
        return Rollout(episode.success, len(episode.actions) * task.dt_s, left, tuple(meter.chunks))

    return Bench(task.name, replan_steps, run, start_s + MIRROR_STEP * task.dt_s, start_s)


def arm_bench(policy: DiffusionPolicy, shell: Shell, replan_steps: int) -> Bench:
    pace = replace(policy_pace(), replan_steps=replan_steps)

    def run(seed: int, meter: Meter, moves: bool) -> Rollout:
        goal_moves_s = GOAL_MOVES_S if moves else None
        episode = shell.run_episode(seed, policy, meter, pace=pace, goal_moves_s=goal_moves_s)
        return Rollout(episode.success, episode.duration_s, None, tuple(meter.chunks))

    return Bench(shell.task.name, replan_steps, run, START_S + GOAL_MOVES_S, START_S)
