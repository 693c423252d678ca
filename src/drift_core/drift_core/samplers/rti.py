"""RTI-DP (arXiv 2508.05396): warm start from the previous chunk, so that a few steps are enough.

The previous chunk is shifted by the steps that have really elapsed (the paper: always one), its end repeated,
and denoised with the few last steps. A full denoise instead: at the first chunk of an episode, when more than
a quarter of the guess would be repetition, when the observation jumped, or when the warm result strays far
from its guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.samplers.draft import Draft, DraftSampler, cold_steps
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.prefix import Prefix
from drift_core.samplers.sampler import DEFAULT_CLIP


@dataclass(frozen=True)
class WarmStart:
    """How the previous chunk becomes a first guess, and when it is not trusted."""

    steps: tuple[int, ...]  # decreasing; the guess is taken to have the noise level of the first
    # False, as in the paper: the guess stays clean, which keeps the mode of the last chunk;
    # True: noise of the level of the first step is added to it.
    renoise: bool = False
    # Largest share of the guess that may be repetition of its end; three steps do not correct a half of it.
    max_shift_share: float = 0.25
    # Start afresh beyond this RMS(c - c_previous) of the condition, in normalised units. Not relative to
    # |c_previous|, which is almost zero for a state in the middle of its range.
    observation_jump: float | None = 0.6
    # … and beyond this RMS(result - guess) over the overlap, in normalised units: the few last steps went
    # elsewhere than the guess, but not all the way.
    chunk_jump: float | None = 0.2
    # The paper's "clip" treatment of discrete action columns (gripper) of a network trained on +-1: their
    # guess becomes sign / 10, which noise of the last levels can still flip. (The "scale" treatment belongs
    # to the policy.)
    discrete_columns: tuple[int, ...] = ()
    discrete_guess: float = 0.1


@dataclass(frozen=True, eq=False)
class _Last:
    """The last good chunk, and the observation that it answered."""

    chunk: Tensor  # (B, T, A) normalised, finite
    stamp_s: float | None  # None if no observation was ever given
    condition: Tensor | None


# The noise level (share of the schedule) at which the warm start begins.
_WARM_LEVEL = 0.25


class LastChunk(Draft):
    """The last chunk, shifted by what of it has been executed, as the draft of the next one."""

    def __init__(self, warm: WarmStart) -> None:
        if not 0.0 < warm.max_shift_share < 1.0:
            raise ConfigError(f"max_shift_share={warm.max_shift_share} must lie in (0, 1)")
        for name, value in (("observation_jump", warm.observation_jump), ("chunk_jump", warm.chunk_jump)):
            if value is not None and value <= 0.0:
                raise ConfigError(f"{name}={value} must be positive, or None to switch the check off")
        self.warm = warm
        self.reset()

    def reset(self) -> None:
        """Forget the last chunk: the next sample is a full denoise."""
        self._last: _Last | None = None
        self._elapsed = 1  # steps from the observation of the last chunk to that of the next
        self._stamp_s: float | None = None  # of the observation of the next chunk
        self._condition: Tensor | None = None

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        """Shift by the time since the last chunk's observation; drop that chunk if the observation jumped."""
        self._stamp_s, self._condition = stamp_s, condition.detach()
        last = self._last
        if last is None or last.stamp_s is None or last.condition is None:
            return
        self._elapsed = round((stamp_s - last.stamp_s) / dt_s)
        if self._elapsed < 0 or self._jumped(condition, last.condition):
            self._last = None

    def guess(
        self,
        shape: Sequence[int],
        generator: torch.Generator,
        condition: Tensor | None,
        prefix: Prefix | None,
    ) -> Tensor | None:
        """Return the last chunk shifted by the elapsed steps, its end repeated; None if it is of no use."""
        last, shift = self._last, self._elapsed
        if (
            last is None
            or tuple(last.chunk.shape) != tuple(shape)
            or shift > self.warm.max_shift_share * shape[1]
        ):
            return None
        chunk = last.chunk
        guess = torch.cat([chunk[:, shift:], chunk[:, -1:].expand(-1, shift, -1)], dim=1)
        for column in self.warm.discrete_columns:
            guess[:, :, column] = guess[:, :, column].sign() * self.warm.discrete_guess
        return guess

    def _jumped(self, condition: Tensor, previous: Tensor) -> bool:
        limit = self.warm.observation_jump
        if limit is None:
            return False
        if condition.shape != previous.shape:
            return True
        return not bool((condition - previous).square().mean().sqrt() <= limit)  # also if it is not a number

    def keep(self, chunk: Tensor) -> None:
        """Remember `chunk`, if it is finite."""
        good = bool(chunk.isfinite().all())
        self._last = _Last(chunk.detach(), self._stamp_s, self._condition) if good else None
        self._elapsed = 1

    def accepts(self, chunk: Tensor, guess: Tensor) -> bool:
        """Say whether `chunk` is finite and near its guess, where that was one; discrete columns apart."""
        if not chunk.isfinite().all():
            return False
        continuous = [c for c in range(chunk.shape[2]) if c not in self.warm.discrete_columns]
        if self.warm.chunk_jump is None or not continuous:
            return True
        overlap = chunk.shape[1] - self._elapsed
        change = (chunk - guess)[:, :overlap]
        return bool(change[:, :, continuous].square().mean().sqrt() <= self.warm.chunk_jump)


class RtiSampler(DraftSampler):
    """Deterministic DDIM from the last chunk; `reset` it with every episode and epoch."""

    of_kinds = ()
    name = "rti"

    def __init__(
        self,
        schedule: NoiseSchedule,
        prediction: Prediction,
        steps: Sequence[int],
        warm: WarmStart,
        clip: float | None = DEFAULT_CLIP,
    ) -> None:
        """`steps`: those of the full denoise."""
        super().__init__(schedule, prediction, steps, warm.steps, LastChunk(warm), clip, warm.renoise)

    @classmethod
    def of_length(
        cls, count: int, schedule: NoiseSchedule, prediction: Prediction, clip: float | None = DEFAULT_CLIP
    ) -> Self:
        """Return the sampler whose warm start takes `count` steps."""
        warm = WarmStart(_warm_steps(count, schedule))
        return cls(schedule, prediction, cold_steps(count, schedule), warm, clip)

    def begin_from(self, drafts: Mapping[str, Draft]) -> None:
        """Need none of a policy's drafts: the last chunk is its own."""
        return


def _warm_steps(count: int, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Return `count` steps from the warm level down to 0; (25, 12, 0) for 3 of 100."""
    first = max(round(_WARM_LEVEL * schedule.train_steps), count - 1)
    if count == 1:
        return (first,)
    return tuple(round(first * (1.0 - i / (count - 1))) for i in range(count))
