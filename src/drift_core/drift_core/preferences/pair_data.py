"""The pairs of a store, as batches: what a preferred chunk answered, and what was refused."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from drift_config.errors import DriftError
from torch import Tensor

from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.data.pictures import PictureMemory
from drift_core.data.windows import WindowSet
from drift_core.episodes import Episode, EpisodeStore
from drift_core.errors import DataError
from drift_core.observation.timeline import SAME_TIME_S
from drift_core.policy.batch import Batch
from drift_core.preferences.marks import Mark, PairSource
from drift_core.preferences.pairs import Pair, Side, pairs_of_mark, pairs_of_take_overs

Tell = Callable[[int, int], None]  # episodes and marks that were looked at, of how many


class PairData:
    """Pairs of take-overs and of marks, read once. Held-out episodes give none; those of weight 0 neither."""

    def __init__(self, store: EpisodeStore, cut: WindowCutter, memory: PictureMemory) -> None:
        self._store, self._cut = store, cut
        self.sides = WindowDataset(memory=memory)  # both sides of all pairs
        self.left_out: dict[str, str] = {}  # episodes and marks that give no pair though they should
        self.marks_equal = 0  # that prefer neither
        self._chosen = self._refused = torch.zeros(0, dtype=torch.long)  # (P,) rows of `sides`
        self._weight = torch.zeros(0)  # (P,)

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, sources: Collection[PairSource], marks: Sequence[Mark], tell: Tell) -> None:
        """Take the pairs of the whole store; `tell` may raise to break off."""
        windows: dict[str, WindowSet] = {}  # at the observations of all chunks, by episode
        pairs: list[Pair] = []
        names = self._store.ids() if "take_overs" in sources else []
        marks = marks if "marks" in sources else []
        for done, name in enumerate(names):
            tell(done, len(names) + len(marks))
            self._try(name, partial(self._of_take_overs, name, windows, pairs))
        for done, mark in enumerate(marks, len(names)):
            tell(done, len(names) + len(marks))
            self.marks_equal += mark.answer == "equal"
            what = f"mark of {mark.a} and {mark.b}"
            self._try(what, partial(self._of_mark, mark, windows, pairs))
        self._take(pairs, windows)

    def batch(self, generator: torch.Generator, size: int) -> Batch:
        """Draw `size` pairs with replacement, by the weights of their episodes."""
        drawn = torch.multinomial(self._weight, size, replacement=True, generator=generator)
        chosen, refused = (self.sides.batch(rows[drawn]) for rows in (self._chosen, self._refused))
        return replace(chosen, refused=refused)

    def apart(self, normalize: Callable[[Tensor], Tensor]) -> Tensor:
        """Return by how much the chunks of each pair differ, (P,), root mean square of `normalize`d ones."""
        chosen, refused = (normalize(self.sides.actions[rows]) for rows in (self._chosen, self._refused))
        valid = self.sides.mask[self._chosen]
        squares = ((chosen - refused).square().mean(dim=-1) * valid).sum(dim=-1)
        return (squares / valid.sum(dim=-1).clamp(min=1)).sqrt()

    def _try(self, what: str, work: Callable[[], object]) -> None:
        try:
            work()
        except DriftError as error:
            self.left_out[what] = str(error)

    def _of_take_overs(self, name: str, windows: dict[str, WindowSet], pairs: list[Pair]) -> None:
        if self._store.meta(name).kind != "intervention" or self._store.held_out(name):
            return
        episode = self._cut.episode(name)
        # Without chunks every window is looked at: where labels are there, that is said.
        cut = self._windows(episode, windows) if episode.chunks else self._cut(name)
        pairs += pairs_of_take_overs(cut, episode.chunks)

    def _of_mark(self, mark: Mark, windows: dict[str, WindowSet], pairs: list[Pair]) -> None:
        if mark.answer == "equal" or self._store.held_out(mark.a) or self._store.held_out(mark.b):
            return
        a, b = self._cut.episode(mark.a), self._cut.episode(mark.b)
        found = pairs_of_mark(mark, a, b)
        for episode in (a, b):
            self._windows(episode, windows)
        pairs += found

    def _windows(self, episode: Episode, windows: dict[str, WindowSet]) -> WindowSet:
        name = episode.meta.id
        if name not in windows:
            stamps = np.zeros(0) if episode.chunks is None else episode.chunks.stamp_s
            windows[name] = self._cut.at(episode, stamps)
        return windows[name]

    def _add(self, cut: WindowSet, sides: Sequence[Side], masks: Sequence[np.ndarray]) -> None:
        self.sides.add(_labelled(cut, sides, masks))

    def _take(self, pairs: Sequence[Pair], windows: dict[str, WindowSet]) -> None:
        """Put both sides of the pairs into the dataset, those of one episode together."""
        sides: dict[str, list[tuple[int, int, Side]]] = {}  # by episode: pair, which side
        rows = torch.full((2, len(pairs)), -1)
        for number, pair in enumerate(pairs):
            both = (pair.chosen, pair.refused)
            lost = next((side for side in both if _row(windows[side.episode_id], side) is None), None)
            if lost is not None:
                text = f"its observation at {lost.t_ref_s:.6f} s cannot be put together again"
                self.left_out[f"a chunk of episode {lost.episode_id}"] = text
                continue
            for which, side in enumerate(both):
                sides.setdefault(side.episode_id, []).append((number, which, side))
        for name, of_episode in sides.items():
            masks = [pairs[number].mask for number, _, _ in of_episode]
            chunks = [side for _, _, side in of_episode]
            begin = len(self.sides)
            self._try(name, partial(self._add, windows[name], chunks, masks))
            if len(self.sides) > begin:
                for at, (number, which, _) in enumerate(of_episode, begin):
                    rows[which, number] = at
        there = (rows >= 0).all(dim=0)
        self._chosen, self._refused = rows[:, there]
        weights = [
            min(windows[side.episode_id].weight for side in (pair.chosen, pair.refused)) if kept else 0.0
            for pair, kept in zip(pairs, there.tolist(), strict=True)
        ]
        self._weight = torch.tensor(weights)[there]
        drawn = self._weight > 0.0
        self._chosen, self._refused, self._weight = (
            column[drawn] for column in (self._chosen, self._refused, self._weight)
        )


def _row(windows: WindowSet, side: Side) -> int | None:
    """Return the window that shows what `side` answers, None if there is none."""
    away_s = np.abs(windows.t_ref_s - side.t_ref_s)
    return int(away_s.argmin()) if len(away_s) and away_s.min() <= SAME_TIME_S else None


def _labelled(windows: WindowSet, sides: Sequence[Side], masks: Sequence[np.ndarray]) -> WindowSet:
    """Return a window for each of `sides`, its chunk in place of the labels."""
    steps, width = windows.actions.shape[1:]
    actions, mask = np.zeros((len(sides), steps, width), np.float32), np.zeros((len(sides), steps), bool)
    rows = np.zeros(len(sides), int)
    for number, (side, valid) in enumerate(zip(sides, masks, strict=True)):
        if side.actions.shape[1] != width:
            raise DataError(
                f"episode {side.episode_id}: a chunk has {side.actions.shape[1]} numbers a step, not {width}"
            )
        row = _row(windows, side)
        assert row is not None, "_take has looked"
        count = min(steps, len(side.actions))
        rows[number] = row
        actions[number, :count], actions[number, count:] = side.actions[:count], side.actions[count - 1]
        mask[number, :count] = valid[:count]
    return windows.relabelled(rows, actions, mask)
