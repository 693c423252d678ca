"""The labels of the episodes in the store, counted beside the trainer's work."""

from collections.abc import Callable

from drift_core.data.cutter import LabelCounter

LOOK_S = 5.0  # between two looks at what has come into the store, or was dropped from it


class LabelWatch:
    """Count what is in the store, and again as it changes, each time in a job of another thread."""

    def __init__(
        self,
        labels: LabelCounter,
        run: Callable[[Callable[[], None]], None],
        warn: Callable[[str], None],
        stopping: Callable[[], bool],
    ) -> None:
        """`run` runs a job in another thread. `stopping` is asked between episodes.

        `warn` is told of episodes that cannot be trained on.
        """
        self._labels, self._run, self._warn, self._stopping = labels, run, warn, stopping
        self._counting = False

    def look(self) -> None:
        """Begin to count what has changed, unless that is under way."""
        if not self._counting:
            self._counting = True
            self._run(self._count)

    def _count(self) -> None:
        try:
            for fault in self._labels.update():
                if fault:
                    self._warn(f"cannot be trained on: {fault}")
                if self._stopping():
                    return
        finally:
            self._counting = False
