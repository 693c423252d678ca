"""What a store says of attempts, as transitions for a frozen policy.

An attempt is an episode in which the policy drove; its chunks are told apart as they were executed. A
take-over ends an attempt with nothing: somebody had to step in. What the policy did after it is another one.

Recorded noise is believed where it can be what the chunk was made from, and, with a policy to ask, where that
policy makes the recorded chunk of it.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from drift_config.errors import DriftError
from torch import Tensor

from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.data.windows import WindowSet
from drift_core.episodes import EpisodeStore
from drift_core.episodes.record import Episode, StepSource
from drift_core.errors import DataError
from drift_core.noise import NoiseActor
from drift_core.observation.timeline import SAME_TIME_S
from drift_core.policy.policy import DiffusionPolicy
from drift_core.preferences.pairs import Side, executed_chunks
from drift_core.training.dsrl.learner import Act
from drift_core.training.dsrl.replay import Transitions, joined
from drift_core.training.dsrl.rewards import earned

_AT_ONCE = 256  # windows that are encoded together
_LONGEST = 2.0  # of noise that is believed, as a share of its norm sqrt(T A); beyond 1.5 it is no N(0, I)
_SAME = 0.02  # root mean square by which a chunk made again may differ, normalised: engines differ in bits
NO_OUTCOME = "nobody said how it ended: drift data relabel --outcome or --score"


@dataclass(frozen=True, eq=False)
class Replay:
    """All transitions, and what is told of the store."""

    transitions: Transitions | None  # None: there is none
    scores: tuple[float, ...]  # of the attempts of the policy
    episode_ids: tuple[str, ...]
    left_out: dict[str, str]  # episodes that teach nothing though they should
    doubted: dict[str, str]  # episodes of which noise is not believed, and why
    earned: Tensor  # (N,) mean reward of each transition's steps; NaN: none was recorded


class ReplayReader:
    """Reads episodes for `policy`, whose chunks are made by the sampler called `sampler`."""

    def __init__(
        self,
        store: EpisodeStore,
        cut: WindowCutter,
        policy: DiffusionPolicy,
        sampler: str,
        version: int,
        demonstrations: bool,
        act: Act | None = None,
    ) -> None:
        """`version`: that of `policy`. `demonstrations`: whether they are read, too. `act`: what `policy`
        makes of noise, where noise matters."""
        self._store, self._cut, self._policy, self._sampler = store, cut, policy, sampler
        self._version, self._demonstrations, self._act = version, demonstrations, act
        self._doubted: dict[str, str] = {}
        self._earned: list[np.ndarray] = []

    def read(self, tell: Callable[[int, int], None]) -> Replay:
        """Read the whole store; `tell` may raise to break off."""
        parts: list[Transitions] = []
        scores: list[float] = []
        ids, left_out = [], {}
        names = self._store.ids()
        for done, name in enumerate(names):
            tell(done, len(names))
            try:
                found = self._episode(name, scores)
            except DriftError as error:
                left_out[name] = str(error)
                continue
            if found is not None:
                parts.append(found)
                ids.append(name)
        gathered = np.concatenate([*self._earned, np.empty(0)]).astype(np.float32)
        return Replay(
            joined(parts) if parts else None,
            tuple(scores),
            tuple(ids),
            left_out,
            self._doubted,
            torch.from_numpy(gathered).to(self._policy.device),
        )

    def _episode(self, name: str, scores: list[float]) -> Transitions | None:
        meta = self._store.meta(name)
        if meta.kind == "evaluation" or meta.weight == 0.0 or self._store.held_out(name):
            return None
        demonstration = meta.kind == "demonstration"
        if (demonstration and not self._demonstrations) or not (demonstration or meta.policy_versions):
            return None
        if meta.credit is None:
            raise DataError(NO_OUTCOME)
        episode = self._cut.episode(name)
        if demonstration:
            return self._of_demonstration(episode, meta.credit)
        found, ends = self._of_attempt(episode, meta.credit)
        scores += ends
        return found

    def _of_attempt(self, episode: Episode, credit: float) -> tuple[Transitions, list[float]]:
        """Return the executed chunks of an episode, and how each attempt in it ended."""
        sides = executed_chunks(episode)
        windows = self._cut.at(episode, np.array([side.t_ref_s for side in sides]))
        sides = [side for side in sides if _row(windows, side) is not None]
        if not sides:
            raise DataError("none of its observations can be put together again")
        assert episode.chunks is not None
        ours = set(episode.chunks.sampler.tolist()) == {self._sampler}
        expert_s = episode.steps.stamp_s[episode.steps.source == StepSource.EXPERT]
        begun_s = np.array([side.t_ref_s for side in sides] + [np.inf])
        taken = np.array(
            [
                bool(((expert_s > here) & (expert_s < then)).any())
                for here, then in zip(begun_s[:-1], begun_s[1:], strict=True)
            ]
        )
        last = taken.copy()
        last[-1] = True
        reward = np.where(last & ~taken, credit, 0.0)
        rows = np.array([_row(windows, side) for side in sides])
        latents = [side.latent if ours else None for side in sides]
        fresh = ours and set(episode.chunks.policy_version.tolist()) == {self._version}
        actions = [side.actions for side in sides]
        found = self._transitions(windows, rows, actions, latents, reward, last, fresh)
        # a chunk earns until the next one begins, or somebody steps in
        stepped_in_s = [expert_s[expert_s > here].min(initial=np.inf) for here in begun_s[:-1]]
        self._earned.append(earned(episode.rewards, begun_s[:-1], np.minimum(begun_s[1:], stepped_in_s)))
        return found, reward[last].tolist()

    def _of_demonstration(self, episode: Episode, credit: float) -> Transitions | None:
        windows, steps = self._cut(episode.meta.id), self._policy.config.action_steps
        rows = np.flatnonzero(windows.mask[:, : min(steps, windows.mask.shape[1])].all(axis=1))[::steps]
        if not len(rows):
            return None
        last = np.zeros(len(rows), bool)
        last[-1] = True
        chunks = list(windows.actions[rows])
        scores = np.where(last, credit, 0.0)
        found = self._transitions(windows, rows, chunks, [None] * len(rows), scores, last)
        begun_s = np.append(windows.t_ref_s[rows], np.inf)
        self._earned.append(earned(episode.rewards, begun_s[:-1], begun_s[1:]))
        return found

    def _transitions(
        self,
        windows: WindowSet,
        rows: np.ndarray,
        chunks: list[np.ndarray],
        latents: list[np.ndarray | None],
        reward: np.ndarray,
        last: np.ndarray,
        fresh: bool = False,
    ) -> Transitions:
        policy, config = self._policy, self._policy.config
        actor = policy.noise_actor
        assert actor is not None
        padded = np.zeros((len(rows), config.chunk_steps, config.action_dim), np.float32)
        for number, chunk in enumerate(chunks):
            if chunk.shape[1] != config.action_dim:
                raise DataError(f"a chunk has {chunk.shape[1]} numbers a step, not {config.action_dim}")
            count = min(len(chunk), config.chunk_steps)
            padded[number, :count], padded[number, count:] = chunk[:count], chunk[count - 1]
        mask = np.ones(padded.shape[:2], bool)
        condition, action = self._seen(windows.relabelled(rows, padded, mask))
        lengths = [len(chunk) for chunk in chunks]
        chosen = self._chosen(windows.episode_id, latents, condition, action, lengths, actor)
        following = torch.cat([condition[1:], condition[-1:]])
        return Transitions(
            condition,
            chosen,
            action[:, : config.action_steps],
            torch.tensor(reward, dtype=torch.float32).to(condition),
            following,
            torch.from_numpy(last).to(condition.device),
            torch.full((len(rows),), fresh, device=condition.device),
        )

    @torch.no_grad()
    def _chosen(
        self,
        name: str,
        latents: list[np.ndarray | None],
        condition: Tensor,
        action: Tensor,
        lengths: list[int],
        actor: NoiseActor,
    ) -> Tensor:
        """Return what the actor would have chosen (N, D), NaN where recorded noise is missing or doubted."""
        chosen = torch.full((len(latents), actor.dims), torch.nan, device=condition.device)
        objections = [None if latent is None else self._objection(latent) for latent in latents]
        rows = [number for number, objection in enumerate(objections) if objection == ""]
        if rows:
            kept = np.stack(
                [
                    latent
                    for latent, objection in zip(latents, objections, strict=True)
                    if latent is not None and objection == ""
                ]
            )
            noise = torch.from_numpy(kept).to(condition)
            chosen[rows] = actor.coordinates(noise)
            made = None if self._act is None else self._act(condition[rows], noise)
            for row, again in zip(rows, () if made is None else made, strict=False):
                steps = min(lengths[row], len(again))
                away = float((again[:steps] - action[row, :steps]).square().mean().sqrt())
                if not away <= _SAME:
                    objections[row] = "the policy makes another chunk of it (other weights, or a prefix)"
                    chosen[row] = torch.nan
        reasons = Counter(objection for objection in objections if objection)
        if reasons:
            told = ", ".join(f"{count}: {reason}" for reason, count in reasons.items())
            self._doubted[name] = f"noise of {sum(reasons.values())} of {len(latents)} chunks ({told})"
        return chosen

    def _objection(self, latent: np.ndarray) -> str:
        """Return why `latent` is no noise that a chunk was made from; empty: it may be."""
        shape = (self._policy.config.horizon, self._policy.config.action_dim)
        if latent.shape != shape:
            return f"of shape {latent.shape}, not {shape}"
        if not np.isfinite(latent).all():
            return "not finite"
        length = float(np.linalg.norm(latent)) / math.sqrt(latent.size)
        return f"longer than {_LONGEST:g} times what noise is" if length > _LONGEST else ""

    @torch.no_grad()
    def _seen(self, windows: WindowSet) -> tuple[Tensor, Tensor]:
        """Return conditions (N, C) and normalised chunks (N, T, A)."""
        dataset, policy = WindowDataset([windows]), self._policy
        generator = torch.Generator()
        seen = [
            policy.windows(dataset.batch(rows).to(policy.device), generator)
            for rows in torch.arange(len(dataset)).split(_AT_ONCE)
        ]
        past = policy.config.past_steps
        return torch.cat([each.condition for each in seen]), torch.cat([e.actions[:, past:] for e in seen])


def _row(windows: WindowSet, side: Side) -> int | None:
    away_s = np.abs(windows.t_ref_s - side.t_ref_s)
    return int(away_s.argmin()) if len(away_s) and away_s.min() <= SAME_TIME_S else None
