"""Only what a dead process of this user has left is removed from shared memory."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from drift import shared_memory
from drift.shared_memory import Removed, prepare, remove_dead

SEGMENT = "fastdds_00112233445566ff"
LATER_S = 60.0


def put(folder: Path, name: str, size: int = 0) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", [SEGMENT, "fastrtps_00112233445566ff"])
def test_a_segment_whose_lock_is_free_is_removed_with_its_lock(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, 8192), put(tmp_path, f"{name}_el")
    assert remove_dead(tmp_path, time.time() + LATER_S) == Removed(1, 8192)
    assert names(tmp_path) == []


def test_a_segment_whose_lock_is_held_stays(tmp_path: Path) -> None:
    put(tmp_path, SEGMENT, 100)
    with put(tmp_path, f"{SEGMENT}_el").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_dead(tmp_path, time.time() + LATER_S) == Removed(0, 0)
    assert names(tmp_path) == [SEGMENT, f"{SEGMENT}_el"]


def test_a_lock_that_was_just_created_stays(tmp_path: Path) -> None:
    created_s = put(tmp_path, f"{SEGMENT}_el").stat().st_mtime
    assert remove_dead(tmp_path, created_s + 1.9).segments == 0
    assert remove_dead(tmp_path, created_s + 2.1).segments == 1


@pytest.mark.parametrize(
    "name",
    [
        f"{SEGMENT}_x", "fastdds_port7411_el", "fastdds_00112233445566fg_el", f"a{SEGMENT}_el",
        f"{SEGMENT}_el2", "sem.fastdds_port7411_mutex", "somebody_else_el",
    ],
)  # fmt: skip
def test_files_with_another_name_stay(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, 10), put(tmp_path, name.removesuffix("_el"), 10)
    before = names(tmp_path)
    assert (remove_dead(tmp_path, time.time() + LATER_S).segments, names(tmp_path)) == (0, before)


def test_a_segment_without_a_lock_stays(tmp_path: Path) -> None:
    put(tmp_path, SEGMENT, 100)
    assert (remove_dead(tmp_path, time.time() + LATER_S).segments, names(tmp_path)) == (0, [SEGMENT])


def test_what_belongs_to_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, SEGMENT, 100), put(tmp_path, f"{SEGMENT}_el")
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    assert remove_dead(tmp_path, time.time() + LATER_S) == Removed(0, 0)
    assert names(tmp_path) == [SEGMENT, f"{SEGMENT}_el"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    shm, outside = tmp_path / "shm", put(tmp_path, "precious", 100)
    shm.mkdir()
    (shm / f"{SEGMENT}_el").symlink_to(outside)
    put(shm, SEGMENT, 10)
    assert remove_dead(shm, time.time() + LATER_S).segments == 0
    (shm / f"{SEGMENT}_el").unlink(), (shm / SEGMENT).unlink()
    (shm / SEGMENT).symlink_to(outside), put(shm, f"{SEGMENT}_el")
    assert remove_dead(shm, time.time() + LATER_S).segments == 0
    assert outside.exists()


def test_without_the_folder_there_is_nothing_to_remove(tmp_path: Path) -> None:
    assert remove_dead(tmp_path / "none") == Removed(0, 0)


def test_what_there_is_to_say_before_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    free = 64 * 1024**2
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    assert prepare(3, tmp_path) == []  # 51 MiB
    (line,) = prepare(5, tmp_path)
    assert line.startswith(f"64 MiB free in {tmp_path}, 5 processes need 85: some will do without")
    missing = tmp_path / "none"
    assert prepare(1, missing) == [f"no {missing}: shared memory is off, images go over UDP"]
    dead = put(tmp_path, f"{SEGMENT}_el"), put(tmp_path, SEGMENT, 2 * 1024**2)
    os.utime(dead[0], (0, 0))
    assert prepare(3, tmp_path) == ["removed 1 segments of dead processes, 2 MiB"]
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    assert prepare(5, tmp_path) == []


def segments_of(pid: int) -> set[str]:
    """The segments that a process has mapped."""
    try:
        words = Path(f"/proc/{pid}/maps").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return {Path(word).name for word in words if shared_memory.is_segment(word)}


def test_the_images_that_drift_doctor_sends_leave_nothing() -> None:
    program = [
        sys.executable,
        "-m",
        "drift.ros.image_loopback",
        "receive",
        "loopback",
        "64",
        "48",
        "30",
        "0.5",
    ]
    seen: set[str] = set()
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            seen |= segments_of(process.pid)
            time.sleep(0.01)
    assert process.returncode == 0 and len(seen) >= 2  # its own, and that of the sender
    assert not any((shared_memory.FOLDER / name).exists() for name in seen)


PARTICIPANT = """
import sys, rclpy
rclpy.init(); node = rclpy.create_node("keeper"); print("up", flush=True); sys.stdin.read(); rclpy.shutdown()
"""


@contextmanager
def participant() -> Iterator[tuple[subprocess.Popen[bytes], set[str]]]:
    """A process of ROS, and the segments that are its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARTICIPANT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        yield process, segments_of(process.pid)
    finally:
        process.kill()
        process.wait()


def test_a_killed_process_leaves_its_segment_and_a_second_stack_keeps_its_own() -> None:
    with participant() as (alive, kept), participant() as (dead, left):
        left -= kept
        assert kept and left
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert all((shared_memory.FOLDER / name).exists() for name in left)
        limit_s = time.monotonic() + 10.0
        while any((shared_memory.FOLDER / name).exists() for name in left) and time.monotonic() < limit_s:
            remove_dead()  # a lock must be 2 s old
            time.sleep(0.1)
        assert not any((shared_memory.FOLDER / name).exists() for name in left)
        assert all((shared_memory.FOLDER / name).exists() for name in kept)
        assert alive.poll() is None
