"""What made-up experience is like, and what a critic and an actor make of it (policy-guided diffusion).

A point mass whose motion is known (`support/point_mass.py`); 2,000 steps of a mediocre policy are recorded.

First table, for each coefficient of the guidance: mean log-density of the made-up pushes under the policy
that they are guided towards (`log_wanted`) and under the one that was recorded (`log_recorded`); mean squared
error of place and velocity, of each step by itself (`step_error`), and of whole trajectories beside what the
same pushes do from their beginnings on (`rolled_error`). "one-step model": a network that predicts the next
place and velocity, trained on as many rows, which that policy drives from the same beginnings for as many
steps. passed: log_wanted rises with the coefficient, and both errors stay below those of that model.

Second table: DSRL, which learns to choose the noise of the mediocre policy, on recorded experience, with a
share of made-up ones as they were recorded, and with guided ones, in as many gradient steps; success of that
policy from the noise that was learned. `gain`: over recorded experience alone, its 95 % interval that over
seeds (Student's t). passed: the interval of guided less unguided lies above 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

import torch
from benchmarks.support.one_step_model import OneStepModel, driven
from benchmarks.support.point_mass import (
    MOVING,
    SPREAD,
    after,
    attempts,
    better,
    log_density,
    mediocre,
    noisy,
    starts,
)
from benchmarks.support.report import Row, arguments, report, write_rows
from drift_core.denoisers.mlp import MlpConfig
from drift_core.noise import NoiseActor, NoiseActorConfig
from drift_core.training.dsrl import DsrlConfig, DsrlLearner, Transitions
from drift_core.training.dsrl.synthetic import SyntheticReplay, trajectory_model
from drift_core.training.synthetic import SyntheticConfig
from drift_core.training.synthetic.experience import Experience
from drift_core.training.synthetic.model import TrajectoryModel
from rich.console import Console
from torch import Tensor

RECORDED = 2000  # steps
LATENT = (1, 2)  # T, A of the mediocre policy's noise
T95 = {2: 12.706, 3: 4.303, 5: 2.776}  # two-sided quantile of Student's t, by the number of seeds


@dataclass(frozen=True)
class Size:
    """How much is done."""

    synthetic: SyntheticConfig
    coefficients: tuple[float, ...]
    lengths: tuple[int, ...]  # of trajectories
    learner: DsrlConfig
    seeds: int
    rollouts: int = 500


MADE = SyntheticConfig(every=125, steps=1500, network=MlpConfig(width=128, blocks=2, step_dim=32))
LEARNER = DsrlConfig(
    NoiseActorConfig(width=64), steps=600, lr=1e-3, width=64, gamma=0.97, tau=0.05, kl_nats=1.0
)
FULL = Size(MADE, (0.0, 0.05, 0.1, 0.2, 0.4, 0.8), (4, 8), LEARNER, seeds=5)
QUICK = Size(replace(MADE, steps=300), (0.0, 0.2, 0.8), (4,), replace(LEARNER, steps=60), 2, rollouts=100)


def main() -> None:
    options = arguments("What made-up experience is like, and what is learned from it").parse_args()
    torch.set_num_threads(1)
    size = QUICK if options.quick else FULL
    rows: list[Row] = []
    for length in size.lengths:
        rows += densities_and_errors(size, length)
        write_rows(rows, options.json)
    report("made-up steps against the coefficient of the guidance", rows, None)
    agents = learned(size)
    report("success of what was learned", agents, None)
    write_rows([*rows, *agents], options.json)


def recorded(seed: int) -> Experience:
    """Return what the mediocre policy did, whole attempts of about `RECORDED` steps."""
    generator = torch.Generator().manual_seed(seed)
    everything = attempts(noisy(mediocre, generator), starts(200, generator)).recorded
    ends = everything.last.nonzero()[:, 0]
    return everything.rows(torch.arange(int(ends[ends < RECORDED][-1]) + 1))


def densities_and_errors(size: Size, length: int) -> list[Row]:
    """Return a row for each coefficient, and one for the one-step model."""
    config = replace(size.synthetic, chunks=length)
    experience = recorded(seed=0)
    model = TrajectoryModel(experience, config, torch.Generator().manual_seed(1))
    model.learn(lambda step, loss: None)

    def wanted(seen: Tensor) -> Tensor:
        return better(seen)[:, None]

    made = [model.make(wanted, each, torch.Generator().manual_seed(2)) for each in size.coefficients]
    policy, begin = noisy(better, torch.Generator().manual_seed(3)), made[0].condition[beginnings(made[0])]
    beside = judged(driven(OneStepModel(experience, config), policy, begin, length - 1))
    rows: list[Row] = []
    before = -math.inf
    for coefficient, experience in zip(size.coefficients, made, strict=True):
        found = judged(experience)
        less = all(found[name] < beside[name] for name in ("step_error", "rolled_error"))
        passed = str(found["log_wanted"] > before and less).lower()
        before = found["log_wanted"]
        rows.append(
            {"made by": "trajectories", "length": length, "guidance": coefficient, **found, "passed": passed}
        )
    return [
        *rows,
        {"made by": "one-step model", "length": length, "guidance": None, **beside, "passed": None},
    ]


def beginnings(made: Experience) -> Tensor:
    """Return where trajectories begin: with what did not follow."""
    follows = (made.condition[1:] == made.following[:-1]).all(1) & ~made.last[:-1]
    return torch.cat([torch.zeros(1, dtype=torch.long), (~follows).nonzero()[:, 0] + 1])


def judged(made: Experience) -> dict[str, float]:
    """Return mean log-densities and squared errors of place and velocity."""
    push = made.action[:, 0]
    alone = (after(made.condition, push) - made.following)[~made.last, :MOVING]
    begin = beginnings(made)
    length = torch.diff(torch.cat([begin, torch.tensor([len(made)])]))
    truly, errors = made.condition[begin], []
    for step in range(int(length.max())):
        going = length > step
        truly, begin, length = truly[going], begin[going], length[going]
        row = begin + step
        truly = after(truly, push[row])
        errors.append((truly - made.following[row])[~made.last[row], :MOVING])
    return {
        "steps": len(made),
        "log_wanted": float(log_density(push, better(made.condition)).mean()),
        "log_recorded": float(log_density(push, mediocre(made.condition)).mean()),
        "step_error": float(alone.square().mean()),
        "rolled_error": float(torch.cat(errors).square().mean()),
    }


def learned(size: Size) -> list[Row]:
    """Return the success of each way to learn."""
    guidance: dict[str, float | None] = {"recorded": None, "unguided": 0.0, "guided": size.synthetic.guidance}
    found: dict[str, list[float]] = {name: [] for name in guidance}
    for seed in range(size.seeds):
        replay = as_transitions(recorded(seed))
        model = trajectory_model(replay, size.synthetic, seed)
        model.learn(lambda step, loss: None)
        for name, coefficient in guidance.items():
            synthetic = None if coefficient is None else replace(size.synthetic, guidance=coefficient)
            actor = trained(replay, model, replace(size.learner, synthetic=synthetic), seed)
            found[name].append(success(actor, size.rollouts))
            Console(stderr=True).print(f"seed {seed}, {name}: {found[name][-1]:.3f}")
    before = success(None, size.rollouts)
    rows: list[Row] = []
    for name, values in found.items():
        gain = [one - other for one, other in zip(values, found["recorded"], strict=True)]
        beyond = [one - other for one, other in zip(values, found["unguided"], strict=True)]
        low, high = interval(gain)
        rows.append(
            {
                "experience": name,
                "seeds": size.seeds,
                "success_before": before,
                "success_after": mean(values),
                "least": min(values),
                "most": max(values),
                "gain": mean(gain),
                "low": low,
                "high": high,
                "passed": str(interval(beyond)[0] > 0.0).lower() if name == "guided" else None,
            }
        )
    return rows


def as_transitions(experience: Experience) -> Transitions:
    """Return the same with the noise that each push came of."""
    chosen = (experience.action[:, 0] - mediocre(experience.condition)) / SPREAD
    return Transitions(chosen=chosen, fresh=torch.ones_like(experience.last), **vars(experience))


def trained(replay: Transitions, model: TrajectoryModel, config: DsrlConfig, seed: int) -> NoiseActor:
    """Return an actor for the noise of the mediocre policy that has learned from what it did."""
    torch.manual_seed(seed)
    actor = NoiseActor(config.actor, *LATENT, replay.condition.shape[1])
    more = None
    if config.synthetic is not None:
        more = SyntheticReplay(model, pushed, actor, LATENT, config.synthetic, seed)
    generator = torch.Generator().manual_seed(seed)
    learner = DsrlLearner(actor, pushed, replay, LATENT, config, generator, more)
    for _ in range(config.steps):
        learner.step()
    return actor


def pushed(seen: Tensor, latent: Tensor) -> Tensor:
    """Return what the mediocre policy makes of noise (B, 1, 2)."""
    return mediocre(seen)[:, None] + SPREAD * latent


@torch.no_grad()
def success(actor: NoiseActor | None, rollouts: int) -> float:
    """Return how often the mediocre policy comes to the goal with noise of `actor`; None: with any."""
    generator = torch.Generator().manual_seed(1_000_000)
    start = starts(rollouts, generator)

    def policy(seen: Tensor) -> Tensor:
        noise = torch.randn(len(seen), *LATENT, generator=generator)
        return pushed(seen, noise if actor is None else actor.latent(seen, noise))[:, 0]

    return float(attempts(policy, start).successes.float().mean())


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean."""
    half = T95[len(values)] * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


if __name__ == "__main__":
    main()
