"""What policies with experts give in success, beside dense ones of as many active parameters."""

import math
from dataclasses import replace
from pathlib import Path

import torch
from benchmarks.policies import Outcomes, Variant, outcomes
from benchmarks.support.expert_speed import dense
from benchmarks.support.report import Row
from benchmarks.support.trained_policy import Training, trained_policy
from drift_core.denoisers import ModeConfig, ModeDenoiser
from drift_core.denoisers.mode.router import choose
from drift_core.intervals import paired_difference, success_rate
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import task_names

SIZES = ModeConfig(width=64, blocks=3)
SAMPLER = Variant("mode", "ddim-8", "ddim-8")
DEMONSTRATIONS = {"fork": 100}  # else 40
_TENTHS = 10  # of the noise schedule, for which the experts are told


def study(task: str, folder: Path, seeds: int, rollouts: int, steps: int) -> list[Row]:
    """Return the rows of one task, or of several that one policy learns (place+insert).

    Trains what is not in `folder`. passed: the 95 % interval of the difference to the dense network, over
    paired rollouts, reaches 0. Of several tasks there is a row for each, and one where the policy is told
    that it is the other one: a negative control.
    """
    configs = {"dense_active": dense(SIZES, SIZES.top_k), "mode": SIZES}
    rows: list[Row] = []
    before: dict[str, Outcomes] = {}
    for network, config in configs.items():
        training = Training(DEMONSTRATIONS.get(task, 40), "demo", steps, denoiser=config)
        policies = [trained_policy(task, training, folder, seed, network) for seed in range(seeds)]
        for name in task_names(task):
            found = outcomes(name, policies, SAMPLER, rollouts)
            row = _row(network, task, name, seeds, found)
            if network == "mode":
                row |= _use(policies[0]) | {"passed": _not_below(before[name], found)}
            before.setdefault(name, found)
            rows.append(row)
        if len(task_names(task)) == 2 and network == "mode":
            for policy in policies:
                policy.config = replace(policy.config, tasks=tuple(reversed(policy.config.tasks)))
            for name in task_names(task):
                found = outcomes(name, policies, SAMPLER, rollouts)
                rows.append(_row("mode, told the other task", task, name, seeds, found))
    return rows


def _row(network: str, learned: str, task: str, seeds: int, found: Outcomes) -> dict[str, object]:
    rate = success_rate(found.success)
    return {
        "system": "mode",
        "variant": network,
        "learned": learned,
        "task": task,
        "seeds": seeds,
        "rollouts": len(found.success),
        "success": rate.value,
        "success_low": rate.low,
        "success_high": rate.high,
        "calls": sum(found.calls) / len(found.calls),
    }


def _not_below(before: Outcomes, after: Outcomes) -> bool:
    return paired_difference(before.success, after.success).high >= 0.0


@torch.no_grad()
def _use(policy: DiffusionPolicy) -> dict[str, object]:
    """Return how undecided the router is (0 to 1), and which experts run, by block and tenth of the noise."""
    net = policy.denoiser
    assert isinstance(net, ModeDenoiser)
    probabilities = net.probabilities(torch.arange(policy.config.train_steps))  # (K, blocks, experts)
    entropy = -(probabilities * probabilities.clamp(min=1e-12).log()).sum(-1) / math.log(SIZES.experts)
    middle = torch.linspace(0, len(probabilities) - 1, 2 * _TENTHS + 1)[1::2].long()
    chosen = choose(probabilities[middle], net.config.top_k) > 0.0
    used = [
        " ".join("".join(str(int(n)) for n in pair.nonzero()[:, 0]) for pair in block)
        for block in chosen.transpose(0, 1)
    ]
    return {"router_entropy": float(entropy.mean()), "experts_by_noise": " | ".join(used)}
