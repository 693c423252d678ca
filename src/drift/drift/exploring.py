"""Attempts of a policy in a simulation in this process, for rounds of training that explore."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.policy.policy import DiffusionPolicy
    from drift_core.samplers import Sampler
    from drift_core.task import TaskConfig
    from drift_core.training.branches import Explore
    from drift_sim.environments.arm_cell import ArmCell
    from drift_sim.shell import Shell


def explorer(robot: str, task: "TaskConfig") -> "Explore":
    """Return what lets a policy make attempts at `task`, alone; UserError for several tasks at once."""
    from drift.simulation import make_shell, policy_pace

    if len(task.names) > 1:
        raise UserError(f"task={task.name} must be one task: attempts are made at one")

    def fork(policy: "DiffusionPolicy", sampler: "Sampler", seed: int) -> float:
        import torch
        from drift_sim.scenes.fork import rollout

        generator = torch.Generator().manual_seed(seed)
        found = rollout(task, seed, lambda seen: policy.act(seen, sampler, generator))
        return found.score

    @cache
    def shell() -> "Shell[ArmCell]":
        return make_shell(robot, task.name)

    def cell(policy: "DiffusionPolicy", sampler: "Sampler", seed: int) -> float | None:
        # Chunks are executed whole: no beginning is imposed on the next, which may go another way.
        pace = replace(policy_pace(), realtime_chunking=False, replan_steps=task.action_steps)
        result = shell().run_episode(seed, policy, sampler, pace=pace)
        return None if result.fault or result.failures else result.score

    return fork if task.action_space == "point" else cell
