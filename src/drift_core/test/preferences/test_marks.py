"""A person's marks outlive the process, and the last word on a pair counts."""

import json
import os

import pytest
from drift_core.errors import DataError
from drift_core.preferences import Mark, Marks


@pytest.fixture
def marks(tmp_path):
    return Marks(tmp_path / "preferences.jsonl")


def test_marks_are_lines_that_are_only_added(marks):
    assert marks.all() == []
    marks.add(Mark("m1", "m2", "a", 1000.0))
    before = marks.path.read_bytes()
    marks.add(Mark("m3", "m1", "equal", 1001.5))
    assert marks.path.read_bytes().startswith(before)
    assert [json.loads(line)["answer"] for line in marks.path.read_text().splitlines()] == ["a", "equal"]
    assert marks.all() == [Mark("m1", "m2", "a", 1000.0), Mark("m3", "m1", "equal", 1001.5)]


def test_what_was_said_of_a_pair_later_counts_whichever_stood_left(marks):
    for mark in (Mark("m1", "m2", "a", 1.0), Mark("m3", "m4", "b", 2.0), Mark("m2", "m1", "a", 3.0)):
        marks.add(mark)
    assert marks.standing() == [Mark("m3", "m4", "b", 2.0), Mark("m2", "m1", "a", 3.0)]
    assert len(marks.all()) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": "m1"', "line 2: Expecting"),
        ('{"a": "m1", "b": "../x", "answer": "a", "marked_s": 1.0}', "line 2: b='../x' must match pattern"),
        ('{"a": "m1", "b": "m2", "answer": "c", "marked_s": 1.0}', "line 2: answer='c' must be"),
        ('{"a": "m1", "b": "m1", "answer": "a", "marked_s": 1.0}', "line 2: .*a=m1 and b=m1 must be two"),
    ],
)
def test_a_line_that_is_no_mark_is_named(marks, line, said):
    marks.add(Mark("m1", "m2", "a", 1.0))
    with marks.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=f"preferences.jsonl: {said}"):
        marks.all()


def test_of_a_mark_for_which_there_is_no_room_nothing_is_left(marks, monkeypatch):
    marks.add(Mark("m1", "m2", "a", 1.0))
    before, write = marks.path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with pytest.raises(OSError, match=r"7 of \d+ bytes could be written"):
        marks.add(Mark("m1", "m3", "b", 2.0))
    assert marks.path.read_bytes() == before


def test_a_last_line_that_was_broken_off_is_no_mark_and_spoils_none_that_comes_later(marks):
    first, later = Mark("m1", "m2", "a", 1.0), Mark("m2", "m3", "b", 3.0)
    marks.add(first)
    with marks.path.open("a") as file:
        file.write('{"a": "m1", "b": "m')
    assert marks.all() == [first]
    marks.add(later)
    assert marks.all() == [first, later]
    assert len(marks.path.read_text().splitlines()) == 2


def test_a_whole_last_line_without_its_end_counts_and_stays(marks):
    marks.add(first := Mark("m1", "m2", "a", 1.0))
    marks.path.write_bytes(marks.path.read_bytes().rstrip())
    marks.add(later := Mark("m2", "m3", "b", 3.0))
    assert marks.all() == [first, later]
