"""Pairs of chunks of which one was preferred: what D3PO (arXiv 2311.13231) and its kin learn from.

A take-over gives them by itself: while a person drives, the policy goes on, and what it wanted of an
observation stands beside what the person then did (data chunks of an episode). A mark of two attempts says
that each chunk that one of them executed is preferred to that of the other at the same place in the order.
"""

from dataclasses import dataclass, replace

import numpy as np

from drift_core.data.windows import WindowClass, WindowSet
from drift_core.episodes.record import Chunks, Episode, StepSource
from drift_core.errors import DataError
from drift_core.observation.timeline import SAME_TIME_S
from drift_core.preferences.marks import Mark

_REMEDY = "record it with a policy that runs beside the person (no import, no build of before)"


@dataclass(frozen=True, eq=False)
class Side:
    """A chunk, and the observation that it answers; step i is due at t_ref_s + (i + 1) dt_s."""

    episode_id: str
    t_ref_s: float
    actions: np.ndarray  # (T, A) float32, raw
    latent: np.ndarray | None = None  # (horizon, A) float32 noise it was made from; None: a person's, a draft


@dataclass(frozen=True, eq=False)
class Pair:
    """Two chunks of the same number of steps, of which the first is preferred."""

    chosen: Side
    refused: Side
    mask: np.ndarray  # (T,) bool, steps that were preferred; of the others nobody knows

    @property
    def shared(self) -> bool:
        """Whether both answer the same observation."""
        one, other = self.chosen, self.refused
        return one.episode_id == other.episode_id and one.t_ref_s == other.t_ref_s


def pairs_of_take_overs(windows: WindowSet, chunks: Chunks | None) -> list[Pair]:
    """Return what a person did, preferred to what the policy wanted of the same observation.

    `windows` and `chunks` of one episode. DataError where labels of a take-over are there, but no chunk is.
    """
    corrected = np.flatnonzero(windows.mask[:, 0] & (windows.window_class == WindowClass.INTERVENTION))
    if not len(corrected):
        return []
    if not chunks:
        raise DataError(f"episode {windows.episode_id}: no chunk of the policy is in it: {_REMEDY}")
    pairs = []
    for number, stamp_s in enumerate(chunks.stamp_s):
        away_s = np.abs(windows.t_ref_s[corrected] - stamp_s)
        if away_s.min() > SAME_TIME_S:
            continue
        row = int(corrected[away_s.argmin()])
        wanted, done = chunks.data[number], windows.actions[row]
        if wanted.shape[1] != done.shape[1]:
            raise DataError(
                f"episode {windows.episode_id}: chunk {chunks.id[number]} has {wanted.shape[1]} numbers a "
                f"step, an action {done.shape[1]}"
            )
        steps, t_ref_s = min(len(wanted), len(done)), float(windows.t_ref_s[row])
        person = Side(windows.episode_id, t_ref_s, done[:steps])
        policy = Side(windows.episode_id, t_ref_s, wanted[:steps].astype(np.float32), _latent(chunks, number))
        pairs.append(Pair(person, policy, windows.mask[row, :steps]))
    return pairs


def pairs_of_mark(mark: Mark, a: Episode, b: Episode) -> list[Pair]:
    """Return the chunks that one attempt executed, preferred to those of the other in their order.

    Nothing for two that are equally good; what the longer attempt did beyond the other pairs with nothing.
    DataError where the chunks of one are not recorded, or the episodes are not those of the mark.
    """
    if (mark.a, mark.b) != (a.meta.id, b.meta.id):
        raise DataError(f"episodes {a.meta.id} and {b.meta.id} must be {mark.a} and {mark.b}, as in the mark")
    if mark.answer == "equal":
        return []
    better, worse = (a, b) if mark.answer == "a" else (b, a)
    pairs = []
    for one, other in zip(executed_chunks(better), executed_chunks(worse), strict=False):
        steps = min(len(one.actions), len(other.actions))
        if one.actions.shape[1] != other.actions.shape[1]:
            raise DataError(
                f"episodes {a.meta.id} and {b.meta.id}: their actions have {one.actions.shape[1]} and "
                f"{other.actions.shape[1]} numbers"
            )
        chosen, refused = (replace(side, actions=side.actions[:steps]) for side in (one, other))
        pairs.append(Pair(chosen, refused, np.ones(steps, bool)))
    return pairs


def executed_chunks(episode: Episode) -> list[Side]:
    """Return the chunks that the policy drove by, each until the next one was begun.

    DataError where no policy drove, or a chunk that it executed is not recorded.
    """
    steps, chunks = episode.steps, episode.chunks
    by_policy = np.flatnonzero(steps.source == StepSource.POLICY)
    if not len(by_policy):
        raise DataError(f"episode {episode.meta.id}: no policy drove in it")
    keys = list(zip(steps.epoch[by_policy].tolist(), steps.chunk_id[by_policy].tolist(), strict=True))
    first = [n for n, key in enumerate(keys) if n == 0 or key != keys[n - 1]]
    last = [*(n - 1 for n in first[1:]), len(keys) - 1]
    known = {}
    if chunks is not None:
        known = {(int(chunks.epoch[n]), int(chunks.id[n])): n for n in range(len(chunks))}
    executed = []
    for begin, end in zip(first, last, strict=True):
        number = known.get(keys[begin])
        if chunks is None or number is None:
            raise DataError(
                f"episode {episode.meta.id}: chunk {keys[begin][1]} that it executed is not in it: {_REMEDY}"
            )
        ended_s = steps.stamp_s[by_policy[end]]
        # A step leads to the set-point that is due next: one more begins before the last one ends.
        count = int(np.ceil((ended_s - chunks.stamp_s[number]) / chunks.dt_s[number] - SAME_TIME_S))
        data = chunks.data[number].astype(np.float32)[: max(count, 1)]
        t_ref_s = float(chunks.stamp_s[number])
        executed.append(Side(episode.meta.id, t_ref_s, data, _latent(chunks, number)))
    return executed


def _latent(chunks: Chunks, number: int) -> np.ndarray | None:
    latent = chunks.latent[number]
    return latent.astype(np.float32) if len(latent) else None
