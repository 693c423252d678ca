"""A terminal that hands over each key at once, and is put back as it was."""

import os
import select
import termios
import tty
from types import TracebackType


class KeyTerminal:
    """Use in a `with` block; Ctrl-C stays KeyboardInterrupt."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list | None = None

    def __enter__(self) -> "KeyTerminal":
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor, termios.TCSADRAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._before)

    def keys(self, wait_s: float) -> str | None:
        """Return the keys pressed, after at most `wait_s`; None when the terminal is gone."""
        ready, _, _ = select.select([self._descriptor], [], [], max(wait_s, 0.0))
        if not ready:
            return ""
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:  # hung up
            return None
        return data.decode(errors="ignore") if data else None
