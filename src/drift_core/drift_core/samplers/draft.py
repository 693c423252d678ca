"""Draft and polish: a chunk begins at a draft with some noise, and has only its last steps denoised.

Where a draft comes from is another object's: the chunk before (`rti.py`), or a network of the policy
(`drift_core/drafts`). Noise is added to the level that the network is then told, and the first update goes on
from there. A full denoise instead: without a draft, and where its result is not accepted.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction, cubic
from drift_core.samplers.prefix import Prefix
from drift_core.samplers.sampler import DEFAULT_CLIP, Denoise, Guide, Start, draw

COLD_STEPS = 10  # of a full denoise


class Draft(ABC):
    """Something that says, before any denoising, about where a chunk will be."""

    level: float = 0.25  # share of the noise schedule at which the polishing begins

    @abstractmethod
    def guess(
        self,
        shape: Sequence[int],
        generator: torch.Generator,
        condition: Tensor | None,
        prefix: Prefix | None,
    ) -> Tensor | None:
        """Return a clean chunk of `shape` (B, T, A), normalised; None: there is none this time.

        `condition` (B, C) is what it answers, None if nobody said; `prefix`: actions that it begins with.
        """

    def reset(self) -> None:
        """Forget everything that belongs to the episode; here nothing."""
        return

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        """Take note of the next chunk's observation, as `Sampler.observe`; here nothing."""
        return

    def accepts(self, chunk: Tensor, guess: Tensor) -> bool:
        """Say whether the polished `chunk` can be what `guess` stood for; here: whether it is finite."""
        return bool(chunk.isfinite().all())

    def keep(self, chunk: Tensor) -> None:
        """Take note of the chunk that was made in the end; here nothing."""
        return


class DraftSampler(DdimSampler):
    """Deterministic DDIM from a draft. Named in a configuration, it takes the policy's first that fits."""

    of_kinds: ClassVar[tuple[str, ...]] = ("gru", "mlp", "zeros")  # of drift_core/drafts
    name: ClassVar[str] = "draft"

    def __init__(
        self,
        schedule: NoiseSchedule,
        prediction: Prediction,
        steps: Sequence[int],
        polish: Sequence[int],
        draft: Draft | None = None,
        clip: float | None = DEFAULT_CLIP,
        renoise: bool = True,
    ) -> None:
        """`steps`: of a full denoise. `polish`: decreasing; a draft gets the noise of the first of them.

        `renoise` false: it is taken to have that noise already.
        """
        super().__init__(schedule, prediction, steps, clip)
        self.polish, self.draft, self.renoise = tuple(polish), draft, renoise
        self.cold = True  # whether the newest sample was a full denoise

    @property
    def determined(self) -> bool:
        """Not by the first latent: a chunk begins from a draft."""
        return False

    @classmethod
    def of_length(
        cls, count: int, schedule: NoiseSchedule, prediction: Prediction, clip: float | None = DEFAULT_CLIP
    ) -> Self:
        """Return the sampler that polishes with `count` steps; until `begin_from` it denoises in full."""
        return cls(schedule, prediction, cold_steps(count, schedule), range(count - 1, -1, -1), clip=clip)

    def begin_from(self, drafts: Mapping[str, Draft]) -> None:
        """Take the first of `drafts` (by kind) that this sampler is for; ConfigError if there is none."""
        found = [draft for kind, draft in drafts.items() if kind in self.of_kinds]
        if not found:
            has = ", ".join(drafts) or "none"
            raise ConfigError(
                f"sampler='{self.name}-{len(self.polish)}' needs a policy with a draft of kind "
                f"{' or '.join(self.of_kinds)}, this one has: {has} (`drafts` of its train file)"
            )
        self.draft = found[0]
        self.polish = polishing_steps(self.draft.level, len(self.polish), self.schedule)

    def reset(self) -> None:
        """Forget what belongs to the episode."""
        if self.draft is not None:
            self.draft.reset()

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        """Tell the draft of the next observation."""
        if self.draft is not None:
            self.draft.observe(stamp_s, dt_s, condition)

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
        """Return clean data of `shape` (B, T, A), from the draft where there is one that holds."""
        draft = self.draft
        guess = chunk = None
        if draft is not None and initial is None and start is None:
            guess = draft.guess(shape, generator, condition, prefix)
        if draft is not None and guess is not None:
            begin = Start(self._noised(guess, generator), self.polish)
            chunk = super().sample(denoise, shape, generator, None, begin, guide, prefix, device)
            if not draft.accepts(chunk, guess):
                chunk = None
        self.cold = chunk is None
        if chunk is None:
            chunk = super().sample(denoise, shape, generator, initial, start, guide, prefix, device)
        if draft is not None:
            draft.keep(chunk)
        return chunk

    def _noised(self, guess: Tensor, generator: torch.Generator) -> Tensor:
        if not self.renoise:
            return guess
        abar = self.schedule.abar(self.polish[0])
        noise = draw(guess.shape, generator).to(guess)
        return torch.add(math.sqrt(abar) * guess, noise, alpha=math.sqrt(1.0 - abar))


class AnchoredSampler(DraftSampler):
    """The same from an anchor (`drift_core/drafts/anchors.py`)."""

    of_kinds = ("anchors",)
    name = "anchored"


def cold_steps(count: int, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Return the steps of a full denoise beside `count` polishing ones."""
    return schedule.cubic_steps(min(max(count, COLD_STEPS), schedule.train_steps))


def level_step(level: float, schedule: NoiseSchedule) -> int:
    """Return the step of the noise level `level`, a share of the schedule."""
    return min(round(level * schedule.train_steps), schedule.train_steps - 1)


def polishing_steps(level: float, count: int, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Return `count` steps from the noise level `level` on; (25, 7, 1) for 3 of 100 from 0.25."""
    return cubic(max(level_step(level, schedule), count - 1), count)
