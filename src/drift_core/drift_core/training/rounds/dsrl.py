"""One round of DSRL: the newest policy stays as it is, and an actor learns from which noise to begin."""

import math
import time
from dataclasses import replace

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.errors import DataError
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.policy import NOISE_ACTOR, DiffusionPolicy
from drift_core.policy.weights import Weights, policy_weights
from drift_core.samplers import Sampler
from drift_core.training.dsrl import Act, DsrlConfig, DsrlLearner, FindLearner
from drift_core.training.dsrl.canary import chunk_error
from drift_core.training.dsrl.reading import Replay, ReplayReader
from drift_core.training.dsrl.replay import Transitions
from drift_core.training.dsrl.rewards import with_rewards
from drift_core.training.dsrl.synthetic import SyntheticReplay, trajectory_model
from drift_core.training.report import StepProgress
from drift_core.training.rounds.hooks import (
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    RoundReport,
    WorseError,
)
from drift_core.training.rounds.shared import RoundOrder, Rounds
from drift_core.training.state import FORMAT, TrainerState, load_trainer_state
from drift_core.training.threads import torch_threads


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the actor on all attempts; NoDataError where they teach nothing, or without a policy, WorseError
    where its chunks are too far from what was demonstrated."""
    if rounds.processes.count > 1:
        raise ConfigError(f"kind=dsrl trains in one process, not in {rounds.processes.count}")
    settings, sampler_name = rounds.file.dsrl, rounds.file.policy.sampler
    rounds.update_data(hooks)
    _, parent = rounds.newest_checkpoint(with_actor=True)
    policy = parent.policy
    if policy.config.noise != settings.actor:
        policy = policy.with_noise_actor(settings.actor)
    policy = policy.to(rounds.device).eval().requires_grad_(False)
    sampler = policy.make_sampler(sampler_name)
    generator = torch.Generator().manual_seed(rounds.seed + 1000 * parent.info.version)
    act = acting(policy, sampler, generator)
    replay = _replay(rounds, policy, act, parent.info.version, hooks)
    assert replay.transitions is not None and policy.noise_actor is not None
    made_up = _synthetic(rounds, policy, act, replay.transitions, parent.info.version, hooks)
    actor = policy.noise_actor.requires_grad_(True)
    learner: DsrlLearner | FindLearner
    if settings.variant == "find":
        learner = FindLearner(actor, replay.transitions, settings, generator)
    else:
        shape = (policy.config.horizon, policy.config.action_dim)
        learner = DsrlLearner(actor, act, replay.transitions, shape, settings, generator, made_up)
    steps = order.steps or settings.steps
    before = chunk_error(policy, act, rounds.data.held_out, rounds.seed)
    hooks.on_start(parent.info.step)
    _run(learner, steps, parent.info, rounds, order, hooks)
    actor.requires_grad_(False)
    after = chunk_error(policy, act, rounds.data.held_out, rounds.seed)
    try:
        _check_canary(before, after, settings, parent.info, hooks)
    except WorseError:
        rounds.saved(order).forget()
        raise
    kept = {name: t for name, t in parent.weights.tensors.items() if not name.startswith(NOISE_ACTOR)}
    new = policy_weights(policy.state_dict(), {}, policy).tensors
    weights = Weights(kept | {name: t for name, t in new.items() if name.startswith(NOISE_ACTOR)})
    reason = f"{'find' if settings.variant == 'find' else 'dsrl'} on {len(replay.scores)} attempts"
    if made_up is not None:
        reason += f" and {made_up.made} synthetic transitions"
    ids = list(replay.episode_ids)
    step = parent.info.step + steps
    made = rounds.write(policy, weights, parent.info, parent.info, reason, step, None, len(ids), [])
    rounds.saved(order).forget()
    return made


def acting(policy: DiffusionPolicy, sampler: Sampler, generator: torch.Generator) -> Act:
    """Return what the frozen `policy` executes, normalised, by condition and first latent."""

    @torch.no_grad()
    def act(condition: Tensor, latent: Tensor) -> Tensor:
        chunk = policy.sample(condition, sampler, generator, initial=latent)
        return policy.normalize_actions(chunk)[:, : policy.config.action_steps]

    return act


def _synthetic(
    rounds: Rounds, policy: DiffusionPolicy, act: Act, replay: Transitions, version: int, hooks: Hooks
) -> SyntheticReplay | None:
    """Return what makes transitions up beside those of `replay`, None where nothing is to.

    NoDataError: too little is recorded to learn from.
    """
    settings = rounds.file.dsrl.synthetic
    if settings is None:
        return None
    assert policy.noise_actor is not None
    seed = rounds.seed + 1000 * version
    try:
        model = trajectory_model(replay, settings, seed)
    except DataError as error:
        raise NoDataError(str(error)) from error
    tell = hooks.counting("learning what was recorded, step")

    def on_step(step: int, loss: float) -> None:
        tell(step, settings.steps)
        hooks.check()

    with torch_threads(rounds.threads):
        model.learn(on_step)
    shape = (policy.config.horizon, policy.config.action_dim)
    all_earn = bool(replay.reward[~replay.last].any())
    return SyntheticReplay(model, act, policy.noise_actor, shape, settings, seed, hooks.on_text, all_earn)


def _run(
    learner: DsrlLearner | FindLearner,
    steps: int,
    parent: CheckpointInfo,
    rounds: Rounds,
    order: RoundOrder,
    hooks: Hooks,
) -> None:
    """Do the steps of a round, from where it was saved last; CancelledError and PausedError if asked for."""
    saved = rounds.saved(order)
    done, path = 0, saved.take_up()
    if path is not None:
        state = load_trainer_state(path)
        learner.load_state(state.tensors)
        done = int(state.info["round_step"])
        hooks.on_text(f"going on from step {done} of {steps}")

    def state_now() -> TrainerState:
        return TrainerState(learner.state(), {"format": FORMAT, "round_step": done})

    with torch_threads(rounds.threads):
        for step in range(done + 1, steps + 1):
            begun_s = time.perf_counter()
            terms = learner.step()
            if not all(map(math.isfinite, terms.values())):
                raise ConfigError(f"dsrl.lr={rounds.file.dsrl.lr} must be lower: {terms} at step {step}")
            hooks.on_progress(
                StepProgress(
                    step=parent.step + step,
                    round_step=step,
                    round_steps=steps,
                    loss=terms["critic"],
                    terms=terms,
                    gradient_norm=0.0,
                    lr=rounds.file.dsrl.lr,
                    ema_decay=0.0,
                    rank=parent.rank,
                    effective_rank=parent.effective_rank,
                    step_s=time.perf_counter() - begun_s,
                )
            )
            done = step
            saved.keep(state_now, hooks)
            if hooks.cancelled() or hooks.paused():
                at = f"at step {step} of {steps}"
                if hooks.paused() and (where := saved.pause(state_now)):
                    raise PausedError(f"broken off {at}, saved in {where}")
                saved.forget()
                raise CancelledError(f"cancelled {at}")


def _check_canary(
    before: float | None, after: float | None, settings: DsrlConfig, parent: CheckpointInfo, hooks: Hooks
) -> None:
    """Raise WorseError where chunks are much further from what was demonstrated than those of `parent`."""
    if before is None or after is None:
        hooks.on_warning("no held-out episode yet: the new version is announced without a canary")
        return
    allowed = (1.0 + settings.canary_tolerance) * before
    if not after <= allowed:
        raise WorseError(
            f"what was trained is not announced: chunks lie {after:.4f} from held-out labels, those of "
            f"version {parent.version} {before:.4f}, and {allowed:.4f} is allowed "
            f"(dsrl.canary_tolerance={settings.canary_tolerance:g})"
        )
    hooks.on_text(
        f"chunks lie {after:.4f} from held-out labels, those of version {parent.version} {before:.4f}"
    )


def _replay(rounds: Rounds, policy: DiffusionPolicy, act: Act, version: int, hooks: Hooks) -> Replay:
    """Return the replay of the store; NoDataError where it teaches nothing, with what to do."""
    settings, sampler = rounds.file.dsrl, rounds.file.policy.sampler
    tell = hooks.counting("reading attempts of episode")

    def between(done: int, total: int) -> None:
        tell(done, total)
        hooks.check()

    aliased = settings.variant == "aliased"  # learns from chunks, whatever noise they were made from
    with_demonstrations, ask = settings.demonstrations and aliased, None if aliased else act
    reader = ReplayReader(rounds.store, rounds.cut, policy, sampler, version, with_demonstrations, ask)
    replay = reader.read(between)
    left_out = "".join(f"; {name}: {reason}" for name, reason in replay.left_out.items())
    doubted = "".join(f"; {name}: {reason}" for name, reason in replay.doubted.items())
    where = f"in {rounds.store.root}"
    if not replay.scores:
        raise NoDataError(f"no attempt of the policy with an outcome {where} to learn from{left_out}")
    valued = _valued(replay, settings, hooks)
    if valued is None and len(set(replay.scores)) == 1:
        raise NoDataError(
            f"all {len(replay.scores)} attempts {where} ended alike, with a score of {replay.scores[0]:g}: "
            f"record some that end otherwise, or give other scores (drift data relabel --score){left_out}"
        )
    assert replay.transitions is not None
    found = replay.transitions
    known = found.chosen.isfinite().all(-1)
    own = set(found.reward[found.last & found.fresh & known].tolist())
    if settings.variant == "find" and len(own) < 2:
        raise NoDataError(
            f"attempts of version {version} with {sampler} {where} ended {'alike' if own else 'nowhere'}: "
            f"dsrl.variant=find learns from its own attempts alone, let it make some more{left_out}{doubted}"
        )
    if settings.variant == "sac" and not bool(known.any()):
        raise NoDataError(
            f"no chunk {where} says from which noise {sampler} made it: drive with sampler={sampler}, or "
            f"dsrl.variant: aliased{left_out}{doubted}"
        )
    if left_out:
        hooks.on_warning(f"left out{left_out}")
    if doubted and not aliased:
        hooks.on_warning(f"recorded noise that is not believed{doubted}")
    if valued is not None:
        hooks.on_text("rewards of steps count beside scores")
        replay = replace(replay, transitions=replace(found, reward=valued))
    return replay


def _valued(replay: Replay, settings: DsrlConfig, hooks: Hooks) -> Tensor | None:
    """Return what transitions are worth with rewards of steps; None where scores alone count."""
    known = replay.earned.isfinite()
    if not settings.rewards or replay.transitions is None or not bool(known.any()):
        return None
    if not bool(known.all()):
        missing = int((~known).sum())
        hooks.on_warning(
            f"rewards of steps are left out: of {missing} of {len(known)} chunks none is recorded, as of "
            "demonstrations of before (dsrl.demonstrations: false)"
        )
    transitions = replay.transitions
    return with_rewards(transitions.reward, transitions.last, replay.earned, settings.gamma)
