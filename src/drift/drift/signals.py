"""The signals that end a command: Ctrl-C, `kill`, a closed terminal."""

import signal
import time
from collections.abc import Callable
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

_ECHO_S = 0.5  # one signal may come twice: to the process, and to its group (`timeout`, a terminal)


def handle_end(handler: Handler) -> None:
    """Let `handler` take SIGINT, SIGTERM and SIGHUP, without the echo of the first.

    SIGINT also where a script's background job ignores it; a SIGHUP that is ignored (nohup) stays so.
    """
    _handle(_without_echo(handler), signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_like_ctrl_c() -> None:
    """Raise KeyboardInterrupt at SIGTERM and SIGHUP, too: what is under way ends in order."""
    _handle(_without_echo(signal.default_int_handler), signal.SIGINT)
    _handle(lambda number, frame: signal.raise_signal(signal.SIGINT), signal.SIGTERM, signal.SIGHUP)


def _handle(handler: Handler, *numbers: signal.Signals) -> None:
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _without_echo(handler: Handler) -> Handler:
    first_s: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if not first_s or now_s - first_s[0] >= _ECHO_S:
            first_s.append(now_s)
            handler(number, frame)

    return handle
