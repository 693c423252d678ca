"""run_node in a process of its own: exit codes and what is printed."""

import signal
import subprocess
import sys
import time

import pytest

HEAD = """
import sys
from rclpy.node import Node
from drift_ros.run import run_node
"""
QUIET = (
    HEAD
    + """
class Quiet(Node):
    def __init__(self):
        super().__init__("quiet")
        print("up", flush=True)
sys.exit(run_node(Quiet))
"""
)
IN_A_CIRCLE = (
    HEAD
    + """
import gc
import weakref
class Whole:
    pass
class Circular(Node):
    def __init__(self):
        super().__init__("circular")
        gc.freeze()  # as the gate does
        self.part = Whole()
        self.part.of = self
        self.part.end = weakref.finalize(self.part, print, "collected", flush=True)
        print("up", flush=True)
code = run_node(Circular)
print(len(gc.get_objects()) < 1000 < gc.get_freeze_count(), flush=True)
sys.exit(code)
"""
)
COMES_TO_REST = (
    HEAD
    + """
class Slow(Node):
    def __init__(self):
        super().__init__("slow")
        self.left = None
        self.create_timer(0.05, self.tick)
        print("up", flush=True)
    def tick(self):
        if self.left is not None:
            self.left -= 1
    def begin_stop(self):
        self.left = 4
    def stopped(self):
        if self.left <= 0:
            print("at rest", flush=True)
        return self.left <= 0
sys.exit(run_node(Slow))
"""
)
CRASH = (
    HEAD
    + """
class Crash(Node):
    def __init__(self):
        super().__init__("crash")
        self.create_timer(0.01, self.tick)
    def tick(self):
        raise RuntimeError("bearing seized")
sys.exit(run_node(Crash))
"""
)
CONFIG = (
    HEAD
    + """
class Picky(Node):
    def __init__(self):
        super().__init__("picky")
        raise ValueError("robot='r2d2' must be one of panda, ur5e")
    def destroy_node(self):
        self.never_made.close()
sys.exit(run_node(Picky))
"""
)


HANGS = (
    HEAD
    + """
import threading
class Hangs(Node):
    def __init__(self):
        super().__init__("hangs")
        self.create_timer(0.01, self.tick)
    def tick(self):
        print("up", flush=True)
        threading.Event().wait()
sys.exit(run_node(Hangs))
"""
)


def start(program):
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_node_within_two_seconds_and_without_an_error(number):
    process = start(QUIET)
    assert process.stdout.readline() == "up\n"
    start_s = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "") and time.monotonic() - start_s < 2.0


def test_a_node_that_must_come_to_rest_is_spun_until_it_did():
    process = start(COMES_TO_REST)
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (0, "at rest\n")


def test_what_a_node_leaves_is_collected_once_and_what_was_imported_is_not_searched_at_the_end_of_python():
    process = start(IN_A_CIRCLE)
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "collected\nTrue\n", "")


def test_an_exception_in_a_callback_is_logged_with_its_traceback():
    process = start(CRASH)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "RuntimeError: bearing seized" in errors and "in tick" in errors


def test_a_wrong_configuration_is_one_clear_line():
    process = start(CONFIG)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (2, "error: robot='r2d2' must be one of panda, ur5e\n")


def test_a_node_that_hangs_ends_without_a_traceback_at_a_signal_two_seconds_after_the_first():
    process = start(HANGS)
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # at once: the arm may be braking
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (1, "error: did not stop within 2 s\n")
