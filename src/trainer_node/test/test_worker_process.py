"""The supervision of a worker, with a small program in its place."""

import sys
import textwrap
import time
from types import SimpleNamespace

import pytest
from trainer_node.worker_messages import (
    Failed,
    Failure,
    Finished,
    ProgressMessage,
    TrainRequest,
    command_from_line,
    command_to_line,
    event_from_line,
    event_to_line,
)
from trainer_node.worker_process import RestartPolicy, WorkerProcess

POLICY = RestartPolicy(first_wait_s=0.05, longest_wait_s=0.2, attempts=2, silence_s=2.0)
REQUEST = TrainRequest(round_id="r1", kind="online", steps=5)

FAKE_WORKER = """
import json, os, sys, time
def say(**fields): print(json.dumps(fields), flush=True)
say(event="ready", pid=os.getpid())
for line in sys.stdin:
    command = json.loads(line)
    if command["command"] == "quit":
        break
    if command["command"] == "cancel":
        say(event="failed", round_id="r1", failure="cancelled", text="")
        continue
    {body}
"""
FINISH = 'say(event="finished", round_id=command["round_id"], episodes=1, expert_labels=9, idle_labels=0)'


def worker(body: str, log: list[str], policy: RestartPolicy = POLICY) -> WorkerProcess:
    code = textwrap.dedent(FAKE_WORKER).format(body=textwrap.indent(body, " " * 4).strip())
    return WorkerProcess([sys.executable, "-c", code], {}, policy, log.append)


def poll_until(process: WorkerProcess, done, timeout_s: float = 20.0) -> list:
    """Poll as the node's timer does; return all events up to the one `done` accepts."""
    events, end_s = [], time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        events += process.poll()
        if any(done(event) for event in events):
            return events
        time.sleep(0.01)
    raise AssertionError(f"not seen within {timeout_s} s: {events}")


def is_end(event) -> bool:
    return isinstance(event, Finished | Failed)


def test_messages_come_back_as_they_were():
    progress = ProgressMessage("r", 3, 9, 0.25, 0.5, 0.75, 12.5, 0.48)
    assert event_from_line(event_to_line(progress)) == progress
    failed = event_from_line(event_to_line(Failed("r", Failure.DIVERGED, "nan")))
    assert failed.failure is Failure.DIVERGED
    assert command_from_line(command_to_line(REQUEST)) == REQUEST


@pytest.mark.parametrize("line", ["", "{}", "[1]", '{"command": "dance"}', '{"command": "train", "x": 1}'])
def test_a_line_that_is_no_command_is_refused(line):
    with pytest.raises(ValueError):
        command_from_line(line)


def test_a_request_given_before_the_worker_is_ready_is_answered():
    process = worker(FINISH, [])
    process.train(REQUEST)
    assert process.busy
    events = poll_until(process, is_end)
    assert events[-1].expert_labels == 9
    assert not process.busy
    process.stop(2.0)
    assert process.pid is None


def test_a_second_request_is_refused_while_one_runs():
    process = worker("pass", [])
    process.train(REQUEST)
    with pytest.raises(RuntimeError, match="round_id=r1 is still running"):
        process.train(REQUEST)


def test_a_worker_that_dies_is_started_again_with_the_same_request(tmp_path):
    # dies on the first request, answers the second: both must carry the same round_id
    mark = tmp_path / "died"
    die_once = f"if not os.path.exists({str(mark)!r}):\n    open({str(mark)!r}, 'w').close(); os._exit(9)"
    body = f"{die_once}\n{FINISH}"
    log = []
    process = worker(body, log)
    process.train(REQUEST)
    assert poll_until(process, is_end)[-1].round_id == "r1"
    assert log == ["the training worker ended with code 9: restart 1 in 0.05 s"]
    process.stop(2.0)


def test_a_worker_that_always_dies_fails_the_request_after_its_attempts():
    log = []
    process = worker("os._exit(9)", log)
    process.train(REQUEST)
    failed = poll_until(process, is_end)[-1]
    assert (failed.failure, failed.text) == (Failure.WORKER_DIED, "the worker ended 3 times")
    assert [line.rsplit(" in ")[1] for line in log] == ["0.05 s", "0.1 s", "0.2 s"]
    process.stop(2.0)


def test_a_fatal_worker_is_not_started_again():
    code = 'import json; print(json.dumps({"event": "fatal", "text": "train_file=x: cannot be read"}))'
    log = []
    process = WorkerProcess([sys.executable, "-c", code], {}, POLICY, log.append)
    process.train(REQUEST)
    failed = poll_until(process, is_end)[-1]
    assert (failed.failure, failed.text) == (Failure.ERROR, "train_file=x: cannot be read")
    end_s = time.monotonic() + 5.0
    while process.pid is not None and time.monotonic() < end_s:
        process.poll()
    process.poll()
    assert process.pid is None
    assert log == ["the training worker ended with code 0: train_file=x: cannot be read"]


def test_a_silent_worker_is_killed_and_the_request_tried_again():
    log = []
    policy = RestartPolicy(first_wait_s=0.05, longest_wait_s=0.2, attempts=0, silence_s=0.3)
    process = worker("time.sleep(60)", log, policy)
    process.train(REQUEST)
    assert poll_until(process, is_end)[-1].failure is Failure.WORKER_DIED
    assert log[0] == "the training worker said nothing for 0.3 s: killed"
    process.stop(2.0)


def test_a_worker_that_starts_may_be_silent_for_longer_than_one_that_works():
    log, clock = [], SimpleNamespace(now_s=0.0)
    policy = RestartPolicy(first_wait_s=0.05, longest_wait_s=0.2, attempts=0, silence_s=2.0, start_s=30.0)
    starting = [sys.executable, "-c", "import time; time.sleep(60)"]  # as one that imports torch
    process = WorkerProcess(starting, {}, policy, log.append, lambda: clock.now_s)
    process.train(REQUEST)
    process.poll()
    clock.now_s = 29.9
    process.poll()
    assert log == [] and process.pid is not None
    clock.now_s = 30.1
    process.poll()
    assert log == ["the training worker said nothing for 30 s: killed"]
    process.stop(2.0)


def test_cancel_is_passed_on_and_answered():
    process = worker("pass", [])
    process.train(REQUEST)
    poll_until(process, lambda event: True)  # ready
    process.cancel()
    assert poll_until(process, is_end)[-1].failure is Failure.CANCELLED
    process.stop(2.0)


def test_a_request_is_cancelled_even_when_no_worker_is_there_to_hear_it():
    process = WorkerProcess(["/bin/false"], {}, POLICY, lambda text: None)
    process.train(REQUEST)
    process.cancel()
    assert poll_until(process, is_end)[-1].failure is Failure.CANCELLED


def test_a_worker_that_does_not_listen_is_killed_at_stop():
    process = worker("time.sleep(60)", [])
    process.train(REQUEST)
    poll_until(process, lambda event: True)  # ready, and then asleep
    began_s = time.monotonic()
    process.stop(1.0)
    assert time.monotonic() - began_s < 1.0
    assert process.pid is None
