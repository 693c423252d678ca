"""Which two recorded attempts a person is asked about."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Protocol


class Attempt(Protocol):
    """An episode, as far as it is asked about; see EpisodeMeta."""

    @property
    def id(self) -> str: ...

    @property
    def robot(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def policy_versions(self) -> tuple[int, ...]: ...


def pairs_to_ask(metas: Sequence[Attempt], marked: set[frozenset[str]]) -> list[tuple[str, str]]:
    """Return the ids of two attempts each: first of one start, then of one task, one after the other.

    `metas` in the order of their recording. An attempt is an episode in which a policy drove; on a real arm
    (seed 0) nobody knows the start. `marked`: pairs that are left out.
    """
    starts, tasks = defaultdict(list), defaultdict(list)
    for meta in metas:
        if meta.policy_versions:
            tasks[meta.robot, meta.task].append(meta)
            if meta.seed:
                starts[meta.robot, meta.task, meta.seed].append(meta)
    alike = [pair for attempts in starts.values() for pair in combinations(attempts, 2)]
    alike += [pair for attempts in tasks.values() for pair in zip(attempts, attempts[1:], strict=False)]
    found = dict.fromkeys((a.id, b.id) for a, b in alike)
    return [pair for pair in found if frozenset(pair) not in marked]
