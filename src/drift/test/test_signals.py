"""The signals that end a command, each test in a process of its own."""

import signal
import subprocess
import sys

import pytest

SEND = """
import os, signal, time
from drift.signals import end_like_ctrl_c, handle_end

def send(name):
    os.kill(os.getpid(), signal.Signals[name])
    time.sleep(0)  # handled here at the latest
"""
PLAIN, NOHUP, BACKGROUND = (), ("HUP",), ("INT",)


def said(program: str, ignored: tuple[str, ...] = ()) -> list[str]:
    """What `program` prints, started by a shell that ignores these signals."""
    shell = "".join(f"trap '' {name}; " for name in ignored) + 'exec "$@"'
    command = ["sh", "-c", shell, "sh", sys.executable, "-c", SEND + program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30.0).stdout.split()


@pytest.mark.parametrize("ignored", [PLAIN, BACKGROUND], ids=["plain", "background"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_each_signal_that_ends_a_program_is_a_ctrl_c_and_its_echo_is_not(
    name: str, ignored: tuple[str, ...]
) -> None:
    program = f"""
end_like_ctrl_c()
try:
    send({name!r})
    print("nothing")
except KeyboardInterrupt:
    send("SIGTERM")
    send("SIGINT")
    print("ended in order")
    time.sleep(0.5)
try:
    send({name!r})
except KeyboardInterrupt:
    print("at once")
"""
    assert " ".join(said(program, ignored)) == "ended in order at once"


@pytest.mark.parametrize("install", ["end_like_ctrl_c()", "handle_end(lambda number, frame: print(number))"])
def test_what_nohup_lets_live_lives_on_but_ends_by_other_signals(install: str) -> None:
    program = f"""
{install}
send("SIGHUP")
print("alive")
try:
    send("SIGTERM")
except KeyboardInterrupt:
    print({int(signal.SIGTERM)})
"""
    assert said(program, NOHUP) == ["alive", "15"]
