"""A sign of life to whoever supervises this process, in the words of sd_notify(3)."""

import os
import socket

_PERIOD_S = 0.2
_MESSAGE = b"WATCHDOG=1"


class Heartbeat:
    """Send one at most every 0.2 s, if NOTIFY_SOCKET names somebody who listens; never wait."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._due_s = float("-inf")

    def beat(self, now_s: float) -> None:
        """Say that the control loop has run at steady time `now_s`."""
        if self._socket is None or now_s < self._due_s:
            return
        self._due_s = now_s + _PERIOD_S
        try:
            self._socket.sendto(_MESSAGE, self._address)
        except OSError:  # nobody reads any more, or not fast enough: control goes on all the same
            return
