"""The name of a new episode, by which it is also decided whether it is held out."""

from collections.abc import Callable, Collection

from drift_core.episodes import held_out


def new_episode_id(started: str, kind: str, known: Collection[str], draw: Callable[[], str]) -> str:
    """Return `started`-`kind`-`draw()`; the first of a kind among `known` is one that is trained on.

    So that one correction, or one demonstration, is enough to learn from.
    """
    trained_on = any(f"-{kind}-" in name and not held_out(name) for name in known)
    while held_out(episode_id := f"{started}-{kind}-{draw()}") and not trained_on:
        pass
    return episode_id
