"""The labels of the episodes that are there when the trainer starts, counted beside its work."""

from collections.abc import Callable

from drift_core.data.cutter import LabelCounter


def count_labels(labels: LabelCounter, warn: Callable[[str], None], stopping: Callable[[], bool]) -> None:
    """Count what is in the store, to be run in a thread of its own; `stopping` is asked between episodes.

    `warn` is told of episodes that cannot be trained on.
    """
    for fault in labels.update():
        if fault:
            warn(f"cannot be trained on: {fault}")
        if stopping():
            return
