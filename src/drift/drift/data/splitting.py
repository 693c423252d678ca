"""Which episodes of a store go into which part, and the parts as stores."""

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.episodes import EpisodeStore

from drift.data.copying import Incoming, Origin
from drift.data.opening import check_ids
from drift.errors import UserError

Parts = dict[str, list[str]]  # ids by name of the part
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")


def by_description(store: EpisodeStore, key: str) -> Parts:
    """Return a part for each value of `key` in the descriptions of the episodes."""
    parts: Parts = {}
    for name in store.ids():
        value = str(getattr(store.meta(name), key))
        if not _FOLDER.fullmatch(value):
            raise UserError(f"episode {name}: {key}={value!r} must be fit for the name of a folder")
        parts.setdefault(value, []).append(name)
    return dict(sorted(parts.items()))


def by_ids(store: EpisodeStore, wanted: list[str]) -> Parts:
    """Return the parts `chosen`, the wanted episodes, and `rest`."""
    check_ids(store, wanted)
    return {"chosen": sorted(wanted), "rest": [name for name in store.ids() if name not in wanted]}


def by_fraction(store: EpisodeStore, fraction: float, seed: int) -> Parts:
    """Return the parts `first`, that fraction of the episodes, and `second`; the same seed draws the same."""
    if not 0.0 < fraction < 1.0:
        raise UserError(f"fraction={fraction} must lie between 0 and 1")
    names = store.ids()
    drawn = set(random.Random(seed).sample(names, round(fraction * len(names))))
    return {
        "first": [name for name in names if name in drawn],
        "second": [name for name in names if name not in drawn],
    }


def write_parts(store: EpisodeStore, parts: Parts, into: Path, on_episode: Callable[[], None]) -> None:
    """Write each part as a store below `into`, which must be new or empty, and is there only when all is."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UserError(f"into={into} must be a new folder, or an empty one")
    into.resolve().parent.mkdir(parents=True, exist_ok=True)
    hidden = into.resolve().parent / f".{into.resolve().name}.incoming"
    with EpisodeStore(hidden).claim():
        try:
            for left in hidden.iterdir():  # of a process that was killed
                shutil.rmtree(left)
            for part, names in parts.items():
                target = EpisodeStore(hidden / part)
                with target.claim(), Incoming(target) as incoming:
                    for name in names:
                        incoming.add(Origin(name, store))
                        on_episode()
                    incoming.show()
            os.rename(hidden, into)
            flush_to_disk(into.resolve().parent)
        finally:
            if hidden.exists():
                shutil.rmtree(hidden)
