"""One round of B2-DiffuRL: the newest policy makes attempts in branches, in a simulation, and learns on its
own denoising paths what the better ones did, at the minimum rank."""

import re

import torch
from drift_config.errors import ConfigError

from drift_core.policy.batch import Batch
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import DdimSampler
from drift_core.samplers.branching import BranchingSampler
from drift_core.training.branches.canary import compared
from drift_core.training.branches.exploring import Explored, explored, first_free
from drift_core.training.rounds.hooks import Hooks, NoDataError, RoundReport, WorseError
from drift_core.training.rounds.shared import RoundOrder, Rounds
from drift_core.training.threads import torch_threads
from drift_core.training.trainer import Trainer

# Seeds of attempts: below a million, where those of evaluations begin, whatever the seed of the training is.
_FIRST_SEED, _OF_A_SEED, _SEEDS = 500_000, 10_000, 49
_CANARY_SEED, _CANARY_SEEDS = 400_000, 9  # of the attempts that compare
_REASON = re.compile(r"^b2 on \d+ attempts, the last (\d+) of \d+ (?:draws|updates)$")


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the newest policy on; NoDataError where attempts teach nothing, or without a policy, WorseError
    where the new one's attempts end worse than the last one's, or its held-out loss is far above.

    ConfigError: there is no simulation to explore in, or the sampler has no path to learn on. What a round
    that goes on has learned from is made again, to the bit.
    """
    if rounds.processes.count > 1:
        raise ConfigError(f"kind=b2 trains in one process, not in {rounds.processes.count}")
    if rounds.explore is None:
        raise ConfigError(
            "kind=b2 explores, which nothing does on a running stack: train with a simulation in the same "
            "process, by drift train --kind b2"
        )
    settings = rounds.file.b2
    rounds.update_data(hooks)  # for the held-out loss, and what is told of the store
    _, parent = rounds.newest_checkpoint()
    policy = parent.policy.to(rounds.device).eval()
    sampler = branching(policy, rounds.file.policy.sampler)
    found = _explored(rounds, policy, sampler, parent.info, hooks)
    path = found.path
    assert path is not None
    config, schedule = rounds.shortened(
        settings.train_config(rounds.file.online), rounds.file.rank.online, order.steps
    )
    trainer = rounds.trainer(policy, config, schedule, objective=settings.objective)

    def draw(generator: torch.Generator) -> Batch:
        rows = torch.randint(len(path), (config.batch_size,), generator=generator)
        return Batch.of_path(path.rows(rows.to(path.k.device)))

    rounds.run(trainer, draw, parent.info, order, hooks)
    if settings.canary_attempts:
        _check_attempts(rounds, trainer, order, hooks)
    reason = f"b2 on {found.known} attempts, the last {found.free} of {sampler.draws} draws"
    return rounds.save(trainer, parent.info, reason, [], order, hooks, settings.canary_tolerance)


def branching(policy: DiffusionPolicy, name: str) -> BranchingSampler:
    """Return what makes branches with the steps of the sampler called `name`; ConfigError for another."""
    like = policy.make_sampler(name)
    if type(like) is not DdimSampler or len(like.steps) < 2:  # not RTI, which begins elsewhere
        raise ConfigError(
            f"sampler={name!r} must be ddim-<steps> of two steps or more, such as ddim-8: kind=b2 learns on "
            "its noisy updates"
        )
    return BranchingSampler(like.schedule, like.prediction, like.steps, like.clip)


def first_seed(seed: int, groups: int, version: int) -> int:
    """Return the seed of the first of a round's starts, which differ from round to round."""
    return _FIRST_SEED + _OF_A_SEED * (seed % _SEEDS) + groups * version % _OF_A_SEED


def _check_attempts(rounds: Rounds, trainer: Trainer, order: RoundOrder, hooks: Hooks) -> None:
    """Raise WorseError where attempts of the new policy end worse than those of the last one."""
    assert rounds.explore is not None
    count = rounds.file.b2.canary_attempts
    counting = hooks.counting("comparing with the last version, attempt")
    _, last = rounds.newest_checkpoint(with_actor=True)  # as it drives, and not trained on in place
    first = first_compared(rounds.seed, count, last.info.version)

    def tell(done: int, total: int) -> None:
        counting(done, total)
        if hooks.cancelled() or hooks.paused():
            rounds.leave(trainer, order, hooks)

    with torch_threads(rounds.threads):
        before, after = compared(
            last.policy.to(rounds.device).eval(),
            trainer.averaged()[0],
            rounds.file.policy.sampler,
            rounds.explore,
            range(first, first + count),
            tell,
        )
    text = f"{count} attempts score {after}, those of version {last.info.version} {before}"
    if after.worse_than(before):
        rounds.saved(order).forget()
        raise WorseError(
            f"what was trained is not announced: {text} (b2.canary_attempts={count}); "
            "with another seed a round begins elsewhere"
        )
    hooks.on_text(text)


def first_compared(seed: int, count: int, version: int) -> int:
    """Return the seed of the first start from which `version` and what was made of it are compared."""
    return _CANARY_SEED + _OF_A_SEED * (seed % _CANARY_SEEDS) + count * version % _OF_A_SEED


def _explored(
    rounds: Rounds, policy: DiffusionPolicy, sampler: BranchingSampler, info: CheckpointInfo, hooks: Hooks
) -> Explored:
    """Return what branches say; NoDataError where they say nothing, with what to do."""
    settings, counting = rounds.file.b2, hooks.counting("exploring, attempt")

    def tell(done: int, total: int) -> None:
        counting(done, total)
        hooks.check()

    before = _REASON.match(info.reason)
    free = min(int(before[1]) + 1, sampler.draws) if before else first_free(settings, sampler.draws)
    seed = first_seed(rounds.seed, settings.groups, info.version)
    assert rounds.explore is not None
    with torch_threads(rounds.threads):
        found = explored(policy, sampler, rounds.explore, settings, free, seed, tell)
    if not found.known:
        raise NoDataError(f"none of {found.attempts} attempts has an outcome: the task must say how it ends")
    if found.path is None:
        raise NoDataError(
            f"all branches of each of {settings.groups} starts ended alike ({found.known} attempts, at last "
            f"with {found.free} of {sampler.draws} draws of their own): nothing says which chunk was "
            "better; more b2.groups or b2.branches, b2.begin: 1.0, or a policy that sometimes succeeds"
        )
    hooks.on_text(f"{found.differing} of {settings.groups} starts have branches that ended differently")
    return found
