"""A process that serves an environment: started, asked, watched, and named when it fails."""

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from drift_sim.environments.wire import Message, WireError, encode, receive
from drift_sim.errors import SimulationError

SOURCES = Path(__file__).resolve().parents[2]  # where the package drift_sim is found
_TAIL = 1 << 12  # bytes of what it said last
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_END_S = 2.0


class EnvironmentFault(SimulationError):
    """The environment's process crashed, hung, or said what is not allowed: this episode has failed."""


class Child:
    """One process; a fault ends it, and it is not started again by itself."""

    def __init__(self, command: Sequence[str | Path], name: str, limit_s: float) -> None:
        """`name`: what it is called in errors; `limit_s`: how long an answer may take."""
        self._name, self._limit_s = name, limit_s
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        environment |= {
            "PYTHONPATH": str(SOURCES),
            "MUJOCO_GL": "egl",
            "SDL_VIDEODRIVER": "dummy",
            "PYTHONWARNINGS": "ignore",
        }
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd="/",
            env=environment,
            start_new_session=True,  # Ctrl-C is for us
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout.fileno()

    def ask(self, request: Message, limit_s: float | None = None) -> Message:
        """Return the answer; EnvironmentFault names the process and what it did instead."""
        try:
            self._to.write(encode(request))
            self._to.flush()
        except (BrokenPipeError, ValueError):
            raise self._fault("ended before it was asked") from None
        return self.hear(request.kind, limit_s)

    def hear(self, request: str, limit_s: float | None = None) -> Message:
        """Return what it says next; `request`: what it was asked."""
        limit_s = limit_s or self._limit_s
        deadline_s = time.monotonic() + limit_s

        def read(count: int) -> bytes:
            data = bytearray()
            while len(data) < count:
                ready, _, _ = select.select([self._from], [], [], max(0.0, deadline_s - time.monotonic()))
                if not ready:
                    raise self._fault(f"gave no answer to {request} within {limit_s:g} s")
                piece = os.read(self._from, min(count - len(data), 1 << 20))
                if not piece:
                    raise self._fault(f"ended during {request}")
                data += piece
            return bytes(data)

        try:
            return receive(read)
        except WireError as error:
            raise self._fault(f"answered {request} with what is no message: {error}") from None

    def refuse(self, what: str) -> EnvironmentFault:
        """End the process for what it said, and return the error to raise."""
        return self._fault(what)

    @property
    def process_id(self) -> int:
        """As the system knows it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it may be asked."""
        return self._process.poll() is None and not self._to.closed

    def close(self) -> None:
        """Let it end; after two seconds make it."""
        if not self._to.closed:
            try:
                self._to.close()
            except BrokenPipeError:
                pass  # it has ended already
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _fault(self, what: str) -> EnvironmentFault:
        """Kill it, and say what it did, how it ended, and what it printed last."""
        if what.startswith("ended"):
            try:
                code = self._process.wait(_END_S)
                what += f", {_how(code)}"
            except subprocess.TimeoutExpired:
                pass
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _TAIL))
        lines = self._said.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self.close()
        return EnvironmentFault(f"environment {self._name} {what}" + (f"; it said: {last}" if last else ""))


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
