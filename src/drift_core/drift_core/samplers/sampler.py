"""The denoising loop, once for all samplers, with every hook that a method on top may need.

Notation as in `noise_schedule.py`. A sampler is a rule for one update x_k -> x_{k_next}; the loop here makes
an explicit decreasing list of steps, always computes the update for the actual pair (k, k_next), and ends at
clean data (k = -1).

The estimate of x_0 is clipped to [-clip, clip] and the noise is re-derived from the clipped value (in
diffusers: `clip_sample=True` and `use_clipped_model_output=True`). So even at k = K - 1, where predicted
noise says nothing about x_0 (division by sqrt(abar) ~ 0), an update stays on the sphere where the network was
trained.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.errors import ShapeError
from drift_core.samplers.noise_schedule import (
    CLEAN,
    PREDICTIONS,
    NoiseSchedule,
    Prediction,
    unknown_prediction,
)
from drift_core.samplers.prefix import Prefix

# (x_k (B,T,A), k (B,) long) -> output (B,T,A), or a tuple that starts with it (networks with extra heads)
Denoise = Callable[[Tensor, Tensor], Tensor | tuple[Tensor, ...]]
# (x_k (B,T,A), x_0 estimate (B,T,A), k) -> the x_0 estimate to go on with
Guide = Callable[[Tensor, Tensor, int], Tensor]

SIGMA_FLOOR = 1e-3  # smallest spread of a stochastic update, so that log-probabilities stay finite
DEFAULT_CLIP = 1.2  # corrections may lie a little outside the demonstrations that fitted the normaliser


@dataclass(frozen=True)
class Start:
    """Begin in the middle: `x` (B, T, A) has the noise level of `steps[0]`; `steps` decrease."""

    x: Tensor
    steps: tuple[int, ...]


@dataclass(frozen=True)
class TracedStep:
    """One update as it happened."""

    x: Tensor  # (B, T, A) before
    k: int
    x_next: Tensor  # (B, T, A) after
    k_next: int  # -1 for clean data
    log_prob: Tensor  # (B,) summed over T*A, float32; zero for a deterministic update
    mean: Tensor  # (B, T, A) of x_next


@dataclass(frozen=True)
class Trace:
    """A sample with every update that led to it."""

    x_0: Tensor  # (B, T, A)
    steps: tuple[TracedStep, ...]

    def log_prob(self) -> Tensor:
        """Return the log-probability (B,) of the whole path given its first latent."""
        return torch.stack([step.log_prob for step in self.steps]).sum(0)

    def branch(self, index: int, copies: int) -> Start:
        """Return a start at step `index`, each row repeated `copies` times, the steps as they were."""
        steps = tuple(step.k for step in self.steps[index:])
        return Start(self.steps[index].x.repeat_interleave(copies, dim=0), steps)


@dataclass
class DenoisingHistory:
    """What a rule may remember within one sample."""

    steps: tuple[int, ...]
    index: int = 0
    estimates: list[Tensor] = field(default_factory=list)  # x_0 estimates so far, the newest last


class Sampler(ABC):
    """The loop; a subclass gives `update`. Stateless between samples unless it says otherwise.

    `latent` is told of the newest sample only, for who records what a chunk came from.
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        prediction: Prediction,
        steps: Sequence[int],
        clip: float | None = DEFAULT_CLIP,
    ) -> None:
        if prediction not in PREDICTIONS:
            raise unknown_prediction(prediction)
        if clip is not None and clip <= 0.0:
            raise ConfigError(f"clip={clip} must be positive, or None for no clipping")
        self.schedule = schedule
        self.prediction: Prediction = prediction
        self.steps = _checked_steps(steps, schedule)
        self.clip = clip
        self.called = ""  # as `make_sampler` was asked for it
        self.latent: Tensor | None = None  # (B, T, A) noise that the newest sample began from; None: a draft

    @classmethod
    def of_length(
        cls, count: int, schedule: NoiseSchedule, prediction: Prediction, clip: float | None = DEFAULT_CLIP
    ) -> Self:
        """Return the sampler of `count` denoising steps, here cubic ones."""
        return cls(schedule, prediction, schedule.cubic_steps(count), clip)

    @abstractmethod
    def update(
        self, x: Tensor, x_0: Tensor, k: int, k_next: int, path: DenoisingHistory
    ) -> tuple[Tensor, float]:
        """Return mean (B, T, A) and standard deviation of x_{k_next} given `x` at `k` and `x_0`."""

    @property
    def determined(self) -> bool:
        """Whether a sample follows from the condition and the first latent alone."""
        return False

    def reset(self) -> None:
        """Forget everything that belongs to the episode; here nothing."""
        return

    def begin_from(self, drafts: Mapping[str, Any]) -> None:
        """Take from the `drafts` of a policy, by kind, what this sampler begins from; here nothing.

        ConfigError: what it needs is not among them.
        """
        return

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        """Take note of the next sample's observation: time, action period, condition (B, C); here nothing."""
        return

    def sample(
        self,
        denoise: Denoise,
        shape: Sequence[int],
        generator: torch.Generator,
        initial: Tensor | None = None,
        start: Start | None = None,
        guide: Guide | None = None,
        prefix: Prefix | None = None,
        device: torch.device | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Return clean data of `shape` (B, T, A) on `device` (that of the generator if None).

        `initial`: latent to begin with at the sampler's own first step, drawn from `generator` if None.
        `start`: begin in the middle instead. `prefix`: known actions to impose. `condition` (B, C): what is
        answered, for samplers that do not begin from noise.
        """
        x, steps = self._beginning(shape, generator, initial, start, device)
        # One noise for the whole path: a known prefix then moves along its own deterministic trajectory.
        # In the middle of a path, it is the noise that `x` contains if the known actions are its clean data.
        noise = x
        if prefix is not None and start is not None:
            noise = self.schedule.noise_estimate(x, prefix.known.to(x), steps[0])
        return self._run(denoise, x, steps, generator, guide, prefix, noise, None)

    def trace(
        self,
        denoise: Denoise,
        shape: Sequence[int],
        generator: torch.Generator,
        initial: Tensor | None = None,
        start: Start | None = None,
        guide: Guide | None = None,
        device: torch.device | None = None,
    ) -> Trace:
        """Sample and record every update with its log-probability."""
        x, steps = self._beginning(shape, generator, initial, start, device)
        record: list[TracedStep] = []
        x_0 = self._run(denoise, x, steps, generator, guide, None, x, record)
        return Trace(x_0, tuple(record))

    def log_prob(self, denoise: Denoise, step: TracedStep, guide: Guide | None = None) -> Tensor:
        """Return the log-probability (B,) of a recorded update under another (or a differentiable) network.

        Needs a rule that uses the current estimate only (DDPM, DDIM).
        """
        estimate = self._estimate(denoise, step.x, step.k, guide)
        path = DenoisingHistory((step.k, step.k_next), 0, [estimate])
        mean, sigma = self.update(step.x, estimate, step.k, step.k_next, path)
        return _log_normal(step.x_next, mean, sigma if step.k_next != CLEAN else 0.0)

    def _beginning(
        self,
        shape: Sequence[int],
        generator: torch.Generator,
        initial: Tensor | None,
        start: Start | None,
        device: torch.device | None,
    ) -> tuple[Tensor, tuple[int, ...]]:
        if initial is not None and start is not None:
            raise ConfigError("initial and start must not both be given: both say where to begin")
        if start is not None:
            x, steps = start.x, _checked_steps(start.steps, self.schedule)
        else:
            x, steps = draw(shape, generator).to(device) if initial is None else initial, self.steps
        self.latent = None if start is not None else x
        if tuple(x.shape) != tuple(shape):
            raise ShapeError(f"the first latent must be (B, T, A) = {tuple(shape)}, got {tuple(x.shape)}")
        return x, steps

    def _run(
        self,
        denoise: Denoise,
        x: Tensor,
        steps: tuple[int, ...],
        generator: torch.Generator,
        guide: Guide | None,
        prefix: Prefix | None,
        prefix_noise: Tensor,
        record: list[TracedStep] | None,
    ) -> Tensor:
        path = DenoisingHistory(steps)
        for index, (k, k_next) in enumerate(zip(steps, (*steps[1:], CLEAN), strict=True)):
            path.index = index
            if prefix is not None:
                x = prefix.impose(x, self.schedule.abar(k), prefix_noise)
            x_0 = self._estimate(denoise, x, k, guide)
            path.estimates.append(x_0)
            mean, sigma = self.update(x, x_0, k, k_next, path)
            if sigma > 0.0 and k_next != CLEAN:
                sigma = max(sigma, SIGMA_FLOOR)
                x_next = mean + sigma * draw(x.shape, generator).to(mean)
            else:
                sigma, x_next = 0.0, mean
            if record is not None:
                log_prob = _log_normal(x_next, mean, sigma)
                record.append(TracedStep(x, k, x_next, k_next, log_prob, mean))
            x = x_next
        if prefix is not None:
            x = prefix.impose(x, 1.0, prefix_noise)
        return x

    def _estimate(self, denoise: Denoise, x: Tensor, k: int, guide: Guide | None) -> Tensor:
        output = denoise(x, torch.full((x.shape[0],), k, dtype=torch.long, device=x.device))
        first = output if isinstance(output, Tensor) else output[0]
        if first.shape != x.shape:
            raise ShapeError(f"the denoiser must return {tuple(x.shape)}, got {tuple(first.shape)}")
        x_0 = self.schedule.clean_estimate(x, first, k, self.prediction)
        if guide is not None:
            x_0 = guide(x, x_0, k)
        return x_0 if self.clip is None else x_0.clamp(-self.clip, self.clip)


def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return standard normal noise on the generator's device."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device)


def _log_normal(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """Return the log-density (B,) of `x` summed over all other axes in float32; zero if `sigma` is zero."""
    if sigma == 0.0:
        return torch.zeros(x.shape[0], device=x.device)
    sigma = max(sigma, SIGMA_FLOOR)
    z = (x.detach().float() - mean.float()) / sigma
    return (-0.5 * z.square() - math.log(sigma) - 0.5 * math.log(2.0 * math.pi)).flatten(1).sum(1)


def _checked_steps(steps: Sequence[int], schedule: NoiseSchedule) -> tuple[int, ...]:
    checked = tuple(int(k) for k in steps)
    decreasing = all(a > b for a, b in zip(checked, checked[1:], strict=False))
    if not checked or not decreasing or checked[-1] < 0 or checked[0] >= schedule.train_steps:
        raise ConfigError(f"steps={list(checked)} must decrease within [0, {schedule.train_steps - 1}]")
    return checked
