"""The one training loop: a trainer knows what changes when the rank does, and lives for a round or a stream.

    trainer = Trainer(policy, file.offline, file.rank.offline, generator, file.rank.modulation)
    trainer.run(next_batch)                                   # bootstrapping, at the scheduled rank
    policy, weights = trainer.averaged()                      # plain, and as a checkpoint keeps them

The next round is another trainer, of that policy. The offline bootstrapping and every online round are the
same loop with another `TrainConfig`, schedule and batches.
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from drift_config.errors import ConfigError, DriftError
from drift_config.loader import to_plain
from torch import Tensor, nn

from drift_core.errors import CheckpointError
from drift_core.objectives import DENOISING, WRITTEN_OBJECTIVES, Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.policy.weights import Weights, policy_weights
from drift_core.rank import (
    LayerChange,
    RankPlan,
    allocate_ranks,
    apply_rank,
    has_modulated_layers,
    is_fraction,
    layer_ranks,
    mean_fraction,
    merge,
    modulate,
    plan_along,
    plan_rank,
    plan_ranks,
    rank_report,
    set_rank,
    update_scales,
)
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.schedule import SCHEDULES, RankSchedule
from drift_core.training.config import RankConfig, TrainConfig
from drift_core.training.ema import MergedEma, warm_decay
from drift_core.training.freezing import freezable, freeze, set_trainable
from drift_core.training.loss import PolicyLoss
from drift_core.training.optimizer import (
    follow_change,
    learning_rate,
    make_optimizer,
)
from drift_core.training.processes import ALONE, Processes
from drift_core.training.report import StepProgress, TrainReport, held_out_loss
from drift_core.training.state import (
    FORMAT,
    TrainerInfo,
    TrainerState,
    check_architecture,
    parse_info,
)
from drift_core.training.tensors import load_tensors, state_tensors
from drift_core.training.threads import torch_threads

__all__ = ["DivergedError", "NextBatch", "OnStep", "StepProgress", "TrainReport", "Trainer", "held_out_loss"]

_log = logging.getLogger(__name__)

NextBatch = Callable[[torch.Generator], Batch]
OnStep = Callable[[StepProgress], bool | None]


class DivergedError(DriftError):
    """The loss or its gradient is no longer a finite number; the weights are those before the step."""


class Trainer:
    """Train one policy; `policy` is modulated in place and belongs to the trainer from then on."""

    def __init__(
        self,
        policy: DiffusionPolicy,
        config: TrainConfig,
        schedule: RankSchedule | None,
        generator: torch.Generator,
        modulation: RankConfig | None = None,
        objective: Objective = DENOISING,
        processes: Processes = ALONE,
    ) -> None:
        """Begin a round.

        Without `schedule` no layer is modulated and what requires a gradient trains. `generator` feeds
        batches, noise and random subspaces. `objective`: what a step minimises. `processes`: those that train
        this policy together, each with a trainer, a generator and its share of every batch. An objective that
        measures against a reference gets `policy` as it is now, also after `load_state_dict`.
        """
        self.policy = policy
        self.generator = generator
        self.objective = objective
        self.modulation = (modulation or RankConfig()) if schedule is not None else None
        self.step = 0  # gradient steps in all
        self._processes = processes
        self._frozen: tuple[str, ...] = ()  # parameters that this round froze
        self._reference = _frozen_copy(policy) if objective.needs_reference else None
        rank = _first_rank(schedule)
        if self.modulation is not None:
            self._modulate(policy, self.modulation)
        with torch_threads(config.threads), _put_back_on_error(policy, self.modulation is not None):
            self._start(policy, config, schedule, rank)

    def run(
        self,
        next_batch: NextBatch,
        steps: int | None = None,
        on_step: OnStep | None = None,
        ema_decay: float | None = None,
    ) -> TrainReport:
        """Do `steps` gradient steps, or those that are left of the round; `on_step` may return True to stop.

        `ema_decay`: of the averages, in place of the configured one.
        """
        steps = max(self.config.steps - self.round_step, 0) if steps is None else steps
        begun = time.perf_counter()
        losses: list[float] = []
        terms: list[dict[str, float]] = []
        changes, change_s, stopped = 0, 0.0, False
        with torch_threads(self.config.threads):
            for _ in range(steps):
                started = time.perf_counter()
                if self._follow_schedule(next_batch):
                    changes += 1
                    change_s += time.perf_counter() - started
                progress = self._one_step(next_batch, started, ema_decay)
                losses.append(progress.loss)
                terms.append(progress.terms)
                if on_step is not None and self._processes.any(bool(on_step(progress))):
                    stopped = True
                    break
        last = max(1, len(losses) // 10)
        recent = losses[-last:]
        return TrainReport(
            steps=len(losses),
            stopped=stopped,
            mean_loss=sum(recent) / len(recent) if recent else math.nan,
            mean_terms=_means(terms[-last:]),
            rank=self.rank,
            effective_rank=self.effective_rank,
            trainable_parameters=self._trainable_parameters,
            duration_s=time.perf_counter() - begun,
            rank_changes=changes,
            rank_change_s=change_s,
        )

    def follow_gradient(self, next_batch: NextBatch, batches: int) -> None:
        """Let those directions train, at the present rank, in which the gradient of the weights is largest.

        It is the mean over `batches` batches. Directions that a rank takes at a later change are again as
        the subspace of `modulation` says; one that falls keeps to these.
        """
        with torch_threads(self.config.threads):
            self._change_rank(plan_along(self.policy, self._weight_gradients(next_batch, batches)))

    def merged_policy(self, averaged: bool = True) -> DiffusionPolicy:
        """Return a plain copy of the policy in evaluation mode, with the averaged or the present weights."""
        policy = copy.deepcopy(self.policy)
        with torch_threads(self.config.threads):
            if has_modulated_layers(policy):
                merge(policy)
            if averaged:
                _assign(policy, self._ema.weights())
        policy.requires_grad_(True)
        policy.zero_grad(set_to_none=True)
        return policy.eval()

    def restart_averages(self) -> None:
        """Begin the averages anew at the present weights.

        For benchmarks and tests that change weights by hand, in the place of gradient steps.
        """
        self._ema.restart()

    def averaged(self) -> tuple[DiffusionPolicy, Weights]:
        """Return `merged_policy()`, and the same for a checkpoint, its factors kept where there are any."""
        policy, factors = self.merged_policy(), self._ema.factors()
        if factors is None:
            _log.debug("an average is no product of factors, so merged weights are kept")
        return policy, policy_weights(policy.state_dict(), factors or {}, policy)

    def state_dict(self) -> TrainerState:
        """Return everything that is needed to go on to the bit (on a CPU, with as many threads)."""
        tensors = state_tensors(self.policy, self._ema, self._optimizer, self.generator)
        info = TrainerInfo(
            format=FORMAT,
            architecture=to_plain(self.policy.config),
            train=self.config,
            schedule=_known(self.schedule),
            objective=self.objective if isinstance(self.objective, WRITTEN_OBJECTIVES) else None,
            modulation=self.modulation,
            rank=self.rank,
            ranks=layer_ranks(self.policy),
            scales=update_scales(self.policy),
            averages=self._ema.state()[1],
            step=self.step,
            round_step=self.round_step,
            frozen=self._frozen,
        )
        return TrainerState(tensors, to_plain(info))

    def load_state_dict(self, state: TrainerState, schedule: RankSchedule | None = None) -> None:
        """Go on from `state`, taken from a trainer of the same architecture; on an error nothing has changed.

        `self.policy` is another object afterwards. `schedule` is needed only when the state was taken with
        one that is not of drift_core.rank.schedule. The state of one process is that of all, of any number.
        """
        info = parse_info(state.info)
        check_architecture(info.architecture, to_plain(self.policy.config))
        if info.modulation is None and schedule is not None:
            raise CheckpointError(f"schedule={schedule!r} must be None for a state without modulation")
        schedule = schedule or info.schedule
        if info.modulation is not None and schedule is None:
            raise CheckpointError(
                "schedule=None must be given: the state was taken with a schedule of one's own"
            )
        policy = copy.deepcopy(self.policy)
        if has_modulated_layers(policy):
            merge(policy)
        set_trainable(policy, self._frozen, True)
        objective = info.objective or self.objective
        if objective.needs_reference and self._reference is None:
            raise CheckpointError("trainer state: its objective needs a reference, that of the trainer none")
        wrong = sorted(set(info.frozen) - set(freezable(policy, objective.trained(policy), encoder=True)))
        if wrong:
            raise CheckpointError(
                f"trainer state: frozen={wrong[:5]} must be parameters of the encoder, or such that the "
                f"objective does not train"
            )
        set_trainable(policy, info.frozen, False)
        if info.modulation is not None:
            try:
                self._modulate(policy, info.modulation)
                allocate_ranks(policy, info.ranks, info.scales)
            except ConfigError as error:
                raise CheckpointError(f"trainer state: {error}") from error
        ema, optimizer = MergedEma(policy), _make_optimizer(policy, info.train, info.modulation)
        load_tensors(state.tensors, info.averages, policy, ema, optimizer, self.generator)
        self.policy, self._ema, self._optimizer = policy, ema, optimizer
        self.config, self.schedule, self.modulation = info.train, schedule, info.modulation
        self.objective = objective
        self.rank, self.step, self.round_step = info.rank, info.step, info.round_step
        self._frozen = info.frozen
        self.generator.set_state(state.tensors["generator"])
        self._describe()

    def _start(
        self, policy: DiffusionPolicy, config: TrainConfig, schedule: RankSchedule | None, rank: float
    ) -> None:
        policy.train()
        set_trainable(policy, self._frozen, True)
        frozen = freeze(policy, self.objective.trained(policy), config.freeze_encoder)
        if not any(parameter.requires_grad for parameter in policy.parameters()):
            raise ConfigError(
                f"{type(policy).__name__} has nothing to train: freeze_encoder={config.freeze_encoder}, "
                "and what is left must require a gradient"
            )
        if schedule is not None:
            set_rank(policy, rank, generator=self.generator)
        self.policy, self.config, self.schedule, self.rank = policy, config, schedule, rank
        self._frozen, self.round_step = frozen, 0
        self._describe()
        self._optimizer = _make_optimizer(policy, config, self.modulation)
        self._ema = MergedEma(policy)

    def _follow_schedule(self, next_batch: NextBatch) -> bool:
        """Change the rank if the schedule says so; return whether any parameter changed."""
        if self.schedule is None:
            return False
        if isinstance(self.schedule, AdaptiveRank):
            if not self.schedule.is_due(self.round_step):
                return False
            gradients = self._weight_gradients(next_batch, self.schedule.batches)
            ranks = self.schedule.ranks(self.policy, gradients, self.generator)
            ranks = self._processes.share_ranks(ranks)
            return self._change_rank(plan_ranks(self.policy, ranks, self.generator))
        rank = _scheduled(self.schedule, self.round_step)
        if rank == self.rank:
            return False
        plan = plan_rank(self.policy, rank, generator=self.generator)
        self.rank = rank
        return self._change_rank(plan)

    def _weight_gradients(self, next_batch: NextBatch, batches: int) -> dict[str, Tensor]:
        """Return the gradient of the weight of every modulated layer by name, the mean over some batches.

        As dear as so many training steps at full rank, in time and, for the while, in memory.
        """
        layers = layer_ranks(self.policy).keys()
        policy = copy.deepcopy(self.policy)
        merge(policy)
        policy.requires_grad_(False)
        weights = {name: policy.get_submodule(name).get_parameter("weight") for name in layers}
        for weight in weights.values():
            weight.requires_grad_(True)
        loss, config = PolicyLoss(policy, self.objective, self._reference), self.config
        for _ in range(batches):
            batch = next_batch(self.generator).to(policy.device)
            value, _ = loss(batch, self.generator, config.noise_draws, config.shift_px)
            (value / batches).backward()
        total = self._processes.total
        return {name: total(weight.grad) for name, weight in weights.items() if weight.grad is not None}

    def _change_rank(self, plan: RankPlan) -> bool:
        """Carry out a plan; return whether any parameter changed."""
        if plan.plans and self._carries_averages:
            self._ema.fold()
        changes = apply_rank(plan)
        if isinstance(self.schedule, AdaptiveRank):
            self.rank = mean_fraction(self.policy)
        if changes:
            self._follow_changes(changes)
        return bool(changes)

    def _follow_changes(self, changes: list[LayerChange]) -> None:
        """Bring all that depends on the set of parameters up to date."""
        assert self.modulation is not None
        self._describe()
        optimizer = _make_optimizer(self.policy, self.config, self.modulation)
        follow_change(self._optimizer, optimizer, changes, carry=self.modulation.moments == "carry")
        self._optimizer = optimizer
        self._processes.share_moments(self._optimizer, changes)
        if self._carries_averages:
            self._ema.begin()
        else:
            self._ema.restart()

    @property
    def _carries_averages(self) -> bool:
        return self.modulation is not None and self.modulation.averages == "carry"

    def _one_step(self, next_batch: NextBatch, started: float, ema_decay: float | None) -> StepProgress:
        config = self.config
        batch = next_batch(self.generator).to(self.policy.device)
        self._optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.policy.device.type, torch.bfloat16, enabled=config.autocast):
            loss, terms = self._loss(batch, self.generator, config.noise_draws, config.shift_px)
        loss.backward()
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm, foreach=True)
        measured = self._processes.total(torch.stack([loss.detach(), *terms.values()]))
        # At once, because on a GPU each of them would wait for the step.
        norm_value, value, *values = torch.cat([norm[None], measured]).tolist()
        if not math.isfinite(value) or not math.isfinite(norm_value):
            raise DivergedError(
                f"loss={value} with gradient norm {norm_value} at step {self.step + 1} must be finite; "
                f"lr={config.lr} may be too high, or the batch holds values that are not finite"
            )
        lr = learning_rate(config, self.round_step)
        for group in self._optimizer.param_groups:
            group["lr"] = lr * group["scale"]
        self._optimizer.step()
        decay = config.ema_decay if ema_decay is None else ema_decay
        decay = warm_decay(self.round_step, decay, config.ema_power)
        self._ema.update(decay)
        self.step += 1
        self.round_step += 1
        return StepProgress(
            step=self.step,
            round_step=self.round_step,
            round_steps=config.steps,
            loss=value,
            terms=dict(zip(terms, values, strict=True)),
            gradient_norm=norm_value,
            lr=lr,
            ema_decay=decay,
            rank=self.rank,
            effective_rank=self.effective_rank,
            step_s=time.perf_counter() - started,
        )

    def _describe(self) -> None:
        """Look again at what trains, and let the other processes do so, too."""
        report = rank_report(self.policy)
        self.effective_rank = report.effective_fraction if report.layers else 1.0
        self._trainable_parameters = report.trainable_parameters
        loss = PolicyLoss(self.policy, self.objective, self._reference)
        self._loss: nn.Module = loss  # first let go of a previous wrapper's hooks
        self._loss = self._processes.summed(loss)
        self._processes.share_generator(self.generator)

    def _modulate(self, policy: nn.Module, modulation: RankConfig) -> None:
        modulate(
            policy,
            form=modulation.form,
            policy=modulation.policy,
            where=modulation.where,
            subspace=modulation.subspace,
            bfloat16=modulation.bfloat16,
            generator=self.generator,
        )


def _frozen_copy(policy: DiffusionPolicy) -> DiffusionPolicy:
    return copy.deepcopy(policy).eval().requires_grad_(False)


def _make_optimizer(
    policy: nn.Module, config: TrainConfig, modulation: RankConfig | None
) -> torch.optim.AdamW:
    matched = modulation is not None and modulation.factor_lr == "matched"
    return make_optimizer(policy, config.weight_decay, matched)


def _scheduled(schedule: RankSchedule, step: int) -> float:
    """Return what `schedule` gives at `step`, if that can be a rank."""
    rank = schedule(step)
    if not is_fraction(rank):
        raise ConfigError(f"schedule={schedule!r}: fraction={rank!r} at step {step} must lie in (0, 1]")
    return rank


def _first_rank(schedule: RankSchedule | None) -> float:
    return 1.0 if schedule is None else _scheduled(schedule, 0)


def _known(schedule: RankSchedule | None) -> Any:
    """Return a schedule that can be written down as it is, None for any other."""
    return schedule if isinstance(schedule, SCHEDULES) else None


def _means(terms: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each term; none of no steps."""
    return {name: sum(step[name] for step in terms) / len(terms) for name in (terms[0] if terms else ())}


@torch.no_grad()
def _assign(module: nn.Module, weights: dict[str, Tensor]) -> None:
    parameters = dict(module.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value)


@contextmanager
def _put_back_on_error(policy: DiffusionPolicy, modulated: bool) -> Iterator[None]:
    """Leave `policy` plain, in its mode and with what trained, if starting to train it fails."""
    trained = [name for name, parameter in policy.named_parameters() if parameter.requires_grad]
    training = policy.training
    try:
        yield
    except BaseException:
        if modulated:
            merge(policy)
        policy.train(training).requires_grad_(False)
        set_trainable(policy, trained, True)
        raise
