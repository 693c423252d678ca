"""The gate's end of the pipe to the process that takes the arm back when the gate says nothing more."""

import os
import subprocess
import sys
from contextlib import suppress

from drift_ros.clock import steady_s

from expert_gate_node.last_word import DEAF_S, ECHO_S, FREE, KEPT, REPEAT_S

_END_S = 1.0  # for its process to end after the gate's last word


class Keeper:
    """Say again and again whether the arm is free, as long as the gate sees to it, and hear the echo."""

    def __init__(self, namespace: str, driven: str, guiding: str) -> None:
        program = [sys.executable, "-m", "expert_gate_node.ros.take_back", namespace, driven, guiding]
        self._process = subprocess.Popen(  # in a session of its own: what ends the gate's leaves it alone
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        for pipe in self._pipes:
            os.set_blocking(pipe, False)
        self._echo_s = float("-inf")  # when it was heard
        self._free, self._said_s = False, float("-inf")

    @property
    def ready(self) -> bool:
        """Whether it lives, has heard the gate a moment ago, and can ask the controller manager."""
        with suppress(BlockingIOError):  # nothing new
            if os.read(self._pipes[1], 65536):  # all that there is: an old echo must not count as a new one
                self._echo_s = steady_s()
        return self._process.poll() is None and steady_s() - self._echo_s <= DEAF_S

    def say(self, free: bool, now_s: float) -> None:
        """Say whether the arm is free; what says nothing more gives up; `now_s`: steady time."""
        if free == self._free and now_s - self._said_s < (REPEAT_S if free else ECHO_S):
            return
        self._free, self._said_s = free, now_s
        with suppress(BlockingIOError, BrokenPipeError):  # it hangs, or is dead: it is not `ready`
            os.write(self._pipes[0], FREE if free else KEPT)

    def close(self) -> None:
        """Leave it alone: it has the arm held, if that is free, and ends."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # it is not done yet, and ends when it is
            self._process.wait(_END_S)

    @property
    def _pipes(self) -> tuple[int, int]:
        """Of its input and output."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("started without pipes")
        return stdin.fileno(), stdout.fileno()
