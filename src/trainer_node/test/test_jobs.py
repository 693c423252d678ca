"""What goes wrong in a thread is said, and jobs that have begun are finished."""

import threading

import pytest
from trainer_node.jobs import Jobs


def count_backwards():
    raise MemoryError("no room")


def test_an_exception_of_a_job_that_nobody_waits_for_is_said_with_where_it_was_and_the_next_one_runs():
    said, done = [], []
    jobs = Jobs(1, said.append)
    jobs.run(count_backwards)
    jobs.run(lambda: done.append(1))
    assert jobs.ask(lambda: 7).result(10.0) == 7
    jobs.close()
    (text,) = said
    assert text.startswith("a job beside the trainer's work failed:\nTraceback")
    assert "in count_backwards" in text and text.endswith("MemoryError: no room\n")
    assert done == [1]


def test_whoever_asks_gets_the_exception_and_nothing_is_said():
    said = []
    jobs = Jobs(1, said.append)
    asked = jobs.ask(count_backwards)
    with pytest.raises(MemoryError, match="no room"):
        asked.result(10.0)
    jobs.close()
    assert said == []


def test_at_the_end_what_has_begun_is_finished_and_what_waits_is_forgotten():
    said, done, begun, ending = [], [], threading.Event(), threading.Event()

    def first():
        begun.set()
        ending.wait(10.0)
        done.append("first")

    class Ending(Jobs):
        def _look(self, future):
            ending.set()  # told of "second", which is cancelled before "first" is waited for
            super()._look(future)

    jobs = Ending(1, said.append)
    jobs.run(first)
    assert begun.wait(10.0)
    jobs.run(lambda: done.append("second"))
    jobs.close()
    assert done == ["first"] and said == []
