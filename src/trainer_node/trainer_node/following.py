"""The store of a trainer whose recorder is on another machine: a thread keeps it in step with that one."""

import threading
import time
from collections.abc import Callable

from drift_config.errors import DriftError
from drift_core.episodes import EpisodeStore
from drift_core.episodes.mirror import Mirror, Synced
from drift_core.episodes.source import EpisodeSource
from drift_core.episodes.store import Claim
from drift_core.errors import DataError

_LOOK_S = 0.5  # between two looks
_SILENT_S = 10.0  # a recorder that is silent for longer is not waited for


class _StoppedError(Exception):
    """The node is being stopped."""


def claim_to_follow(store: EpisodeStore, tell: Callable[[str], None]) -> Claim | None:
    """Claim a store that shall follow the recorder's; None where it is the recorder's own, which is told."""
    try:
        return store.claim()
    except DataError:
        tell(f"{store.root} is being recorded into, on this disk: it is trained on as it is")
        return None


class StoreFollower:
    """Looks at the recorder's store again and again; `follow` is the thread's."""

    def __init__(
        self, source: EpisodeSource, store: EpisodeStore, limit_bytes_s: float, log: Callable[[str], None]
    ) -> None:
        """`store` must be claimed."""
        self._mirror = Mirror(source, store, limit_bytes_s, self._wait)
        self._log = log
        self._stopping = threading.Event()
        self._left_out: set[str] = set()
        self._seen_s = self._began_s = time.monotonic()  # what was there then is here; when that began
        self._trouble = ""
        self.episodes = self.corrections = 0  # that have come

    def follow(self) -> None:
        """Look until `stop` is called; what is in the way is remembered, and what has come stays."""
        try:
            while not self._stopping.is_set():
                began_s = time.monotonic()
                try:
                    self._take(self._mirror.sync())
                except (DriftError, OSError) as error:
                    self._trouble = str(error)
                else:
                    self._trouble, self._seen_s = "", began_s
                self._stopping.wait(_LOOK_S)
        except _StoppedError:
            return
        except Exception as error:  # whoever runs this says it
            self._trouble = f"the thread that follows it has ended: {error!r}"
            raise

    def stop(self) -> None:
        """End `follow`, also in the middle of a file: what has come of it is kept."""
        self._stopping.set()

    def trouble(self) -> str:
        """Return in words what is in the way, empty if nothing is."""
        if not (trouble := self._trouble):
            return ""
        return f"the recorder's store is not followed for {time.monotonic() - self._seen_s:.0f} s: {trouble}"

    def in_step(self, since_s: float) -> bool:
        """Whether all that was there at the steady time `since_s` is here.

        Also when the recorder has been silent for 10 s since then.
        """
        silent = bool(self._trouble) and time.monotonic() - since_s > _SILENT_S
        return self._seen_s >= since_s or silent

    def _take(self, done: Synced) -> None:
        self.episodes += done.episodes
        self.corrections += done.corrections
        for text in done.left_out:
            if text not in self._left_out:
                self._left_out.add(text)
                self._log(f"left out: {text}")

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError
