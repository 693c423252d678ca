"""Notice a process that runs but no longer says so, by `WATCHDOG=1` of sd_notify(3)."""

import socket
import tempfile
import time
from pathlib import Path

_MESSAGE = b"WATCHDOG=1"


class Watchdog:
    """Listen to the heartbeats of one process; the watch begins with the first one after a start."""

    def __init__(self, limit_s: float) -> None:
        """`limit_s`: silent for longer, and the process hangs."""
        self.limit_s = limit_s
        self._folder = tempfile.TemporaryDirectory(prefix="drift-")  # readable by this user alone
        address = str(Path(self._folder.name) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address)
        self.environment = {"NOTIFY_SOCKET": address}
        self._heard_s: float | None = None

    def restart(self) -> None:
        """Forget what was heard: the process is started anew."""
        self._read()
        self._heard_s = None

    def hangs(self) -> bool:
        """Return whether the process has fallen silent."""
        # Heard when read: messages that waited while this program itself stood still are as good as new.
        if self._read():
            self._heard_s = time.monotonic()
        return self._heard_s is not None and time.monotonic() - self._heard_s > self.limit_s

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._folder.cleanup()

    def _read(self) -> bool:
        heard = False
        while True:
            try:
                heard |= self._socket.recv(100) == _MESSAGE
            except BlockingIOError:
                return heard
