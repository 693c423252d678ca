import os
import threading
import time
from queue import SimpleQueue

import pytest
from drift_policy_node.worker import InferenceWorker


def outcome_of(worker, outcomes, job):
    worker.submit(job)
    return outcomes.get(timeout=5.0)


def test_results_and_expected_errors_are_outcomes_of_one_thread():
    outcomes, threads = SimpleQueue(), []
    worker = InferenceWorker("w", outcomes.put, (ValueError,))

    def refuse():
        threads.append(threading.get_ident())
        raise ValueError("no")

    assert outcome_of(worker, outcomes, lambda: threads.append(threading.get_ident()) or 5).result == 5
    refused = outcome_of(worker, outcomes, refuse)
    assert (refused.reason, refused.trace, refused.result) == ("no", "", None)
    assert outcome_of(worker, outcomes, lambda: 6).result == 6
    assert threads[0] == threads[1] != threading.get_ident()
    assert worker.stop(5.0)


def test_an_unexpected_error_ends_the_thread_and_a_new_one_takes_over():
    outcomes = SimpleQueue()
    worker = InferenceWorker("w", outcomes.put, (ValueError,))
    died = outcome_of(worker, outcomes, lambda: 1 / 0)
    assert died.reason == "ZeroDivisionError: division by zero" and "division by zero" in died.trace
    worker.revive()
    assert outcome_of(worker, outcomes, lambda: 7).result == 7
    assert worker.stop(5.0)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_an_error_that_means_to_end_the_process_ends_the_thread_only_and_is_reported(error):
    outcomes = SimpleQueue()
    worker = InferenceWorker("w", outcomes.put, (ValueError,))

    def leave():
        raise error

    died = outcome_of(worker, outcomes, leave)
    assert died.error is error and died.reason == f"{type(error).__name__}: {error}"
    assert type(error).__name__ in died.trace and not worker.busy
    worker.revive()
    assert outcome_of(worker, outcomes, lambda: 7).result == 7
    assert worker.stop(5.0)


def test_a_job_that_hangs_is_seen_by_its_age():
    outcomes, release = SimpleQueue(), threading.Event()
    worker = InferenceWorker("w", outcomes.put, ())
    worker.submit(lambda: release.wait(10.0))
    assert worker.busy and worker.busy_s(time.monotonic() + 3.0) > 2.9
    assert not worker.stop(0.05)
    release.set()
    assert outcomes.get(timeout=5.0).result is True
    assert not worker.busy and worker.busy_s(time.monotonic()) == 0.0


def test_a_nice_worker_leaves_the_priority_of_the_process_alone():
    outcomes = SimpleQueue()
    before = os.getpriority(os.PRIO_PROCESS, 0)
    worker = InferenceWorker("nice", outcomes.put, (), niceness=5)
    worker.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert outcomes.get(timeout=30.0).result == min(before + 5, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    assert worker.stop(30.0)
