"""The state of a round that is under way, in a file: a worker that is killed goes on from there."""

import time
from collections.abc import Callable
from pathlib import Path

from drift_core.training.rounds.hooks import Hooks
from drift_core.training.state import TrainerState, save_trainer_state

_SAVE_SHARE = 0.02  # of the time may go into saving


class SavedRound:
    """Where a round is kept while it runs, `resume_<id>`, and after it was paused, `paused_<id>`."""

    def __init__(self, folder: Path, round_id: str, every_s: float) -> None:
        """Without a `round_id` nothing is kept. Saved `every_s`, more rarely if that took long."""
        self._folder, self._every_s = folder, every_s
        self._state = folder / f"resume_{round_id}.safetensors" if round_id else None
        self.paused = folder / f"paused_{round_id}.safetensors" if round_id else None  # no other deletes it
        self._due_s = time.monotonic() + every_s

    def take_up(self) -> Path | None:
        """Return where this round was saved, if it was; states of other running rounds are deleted."""
        for other in self._folder.glob("resume_*.safetensors"):
            if other != self._state:
                other.unlink()
        if self._state is None or self.paused is None:
            return None
        if self.paused.is_file():
            self.paused.replace(self._state)
        return self._state if self._state.is_file() else None

    def keep(self, state: Callable[[], TrainerState], hooks: Hooks, now: bool = False) -> None:
        """Save `state()` if it is time, or `now`; a round needs it only if it is broken off."""
        if self._state is None or (not now and time.monotonic() < self._due_s):
            return
        began_s = time.monotonic()
        try:
            save_trainer_state(self._state, state())
        except OSError as error:
            hooks.on_warning(f"the state of the round is not saved: {error}")
        now_s = time.monotonic()
        self._due_s = now_s + max(self._every_s, (now_s - began_s) / _SAVE_SHARE)

    def pause(self, state: Callable[[], TrainerState]) -> Path | None:
        """Save `state()` for whoever gives the same order again, and return where; OSError if that fails."""
        if self._state is None or self.paused is None:
            return None
        save_trainer_state(self._state, state())
        self._state.replace(self.paused)
        return self.paused

    def forget(self) -> None:
        """Delete what was saved: the round is over."""
        if self._state is not None:
            self._state.unlink(missing_ok=True)
