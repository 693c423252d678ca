"""One round on preferences: the newest policy learns from pairs of chunks of which one was preferred, at the
minimum rank, measured against itself as it is now."""

from drift_config.errors import ConfigError, DriftError

from drift_core.data.feature_cache import FeatureCache
from drift_core.data.pictures import PictureMemory
from drift_core.preferences.marks import MARKS_FILE, Mark, Marks
from drift_core.preferences.pair_data import PairData
from drift_core.training.rounds.hooks import Hooks, NoDataError, RoundReport
from drift_core.training.rounds.shared import RoundOrder, Rounds


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the newest policy on; NoDataError without a pair, or without a policy to start from, WorseError
    where it has gone too far from what was demonstrated."""
    if rounds.processes.count > 1:
        raise ConfigError(f"kind=preferences trains in one process, not in {rounds.processes.count}")
    rounds.update_data(hooks)  # for the held-out loss, and what is told of the store
    settings = rounds.file.preferences
    pairs = _pairs(rounds, hooks)
    _, parent = rounds.newest_checkpoint()
    apart = pairs.apart(parent.policy.normalize_actions)
    if not bool((apart > settings.objective.least_apart).any()):
        raise NoDataError(
            f"all {len(pairs)} pairs in {rounds.store.root} are alike: what was refused differs from what "
            f"was preferred by at most {float(apart.max()):.3f} of the normalised range, "
            f"least_apart={settings.objective.least_apart:g}; take over where the policy goes wrong"
        )
    config = settings.train_config(rounds.file.online)
    config, schedule = rounds.shortened(config, rounds.file.rank.online, order.steps)
    trainer = rounds.trainer(parent.policy.to(rounds.device), config, schedule, objective=settings.objective)
    if config.freeze_encoder:
        counting = hooks.counting("encoding frames")
        FeatureCache((pairs.sides,)).encode(parent.policy, 1, 0, rounds.seed, counting)
    rounds.run(
        trainer, lambda generator: pairs.batch(generator, config.batch_size), parent.info, order, hooks
    )
    reason = f"{settings.objective.kind} on {len(pairs)} pairs"  # type: ignore[attr-defined]
    episodes, tolerance = pairs.sides.episode_ids, settings.canary_tolerance
    return rounds.save(trainer, parent.info, reason, episodes, order, hooks, tolerance)


def _pairs(rounds: Rounds, hooks: Hooks) -> PairData:
    """Return the pairs of the store; NoDataError says why there is none, and what to do."""
    sources = rounds.file.preferences.sources
    tell = hooks.counting("reading pairs of episode or mark")

    def between(done: int, total: int) -> None:
        tell(done, total)
        hooks.check()

    memory = PictureMemory(rounds.file.image_memory_mb << 20)
    pairs = PairData(rounds.store, rounds.cut, memory)
    marks = _marks(rounds, hooks) if "marks" in sources else []
    pairs.read(sources, marks, between)
    left_out = "; ".join(f"{name}: {reason}" for name, reason in pairs.left_out.items())
    if not len(pairs):
        raise NoDataError(_nothing(rounds, len(marks), pairs.marks_equal, left_out))
    if left_out:
        hooks.on_warning(f"no pair of {left_out}")
    return pairs


def _marks(rounds: Rounds, hooks: Hooks) -> list[Mark]:
    root = rounds.store.root
    folder = root.parent if root.name == "episodes" else root  # as of drift prefer
    try:
        return Marks(folder / MARKS_FILE).standing()
    except DriftError as error:
        hooks.on_warning(f"no mark is learned from: {error}")
        return []


def _nothing(rounds: Rounds, marks: int, equal: int, left_out: str) -> str:
    """Say that there is no pair, and what to do."""
    sources = rounds.file.preferences.sources
    text = f"no pair in {rounds.store.root} to learn from (preferences.sources: {', '.join(sources)})"
    if "take_overs" in sources:
        text += "; take over from a policy that drives, and let it be recorded"
    if "marks" in sources:
        said = f"all {marks} marks are equal" if marks and equal == marks else f"{marks} marks"
        text += f"; {said}: prefer one attempt to another with drift prefer"
    return f"{text}; {left_out}" if left_out else text
