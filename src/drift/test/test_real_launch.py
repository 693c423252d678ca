"""`ros2 launch` itself, where a ROS installation has it; not on PyPI, where test_launch.py has a stub."""

import importlib.util
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from drift.stack import stack
from drift.stack_arguments import StackArguments

LAUNCH = ["ros2", "launch", "drift", "bringup.launch.py"]
pytestmark = pytest.mark.skipif(
    shutil.which("ros2") is None or importlib.util.find_spec("ros2launch") is None,
    reason="needs a ROS installation: ros2 launch is not on PyPI",
)


def test_ros2_launch_finds_the_file_and_lists_its_arguments() -> None:
    shown = subprocess.run([*LAUNCH, "--show-args"], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert re.findall(r"^    '(robot|sim|task)'", shown.stdout, re.MULTILINE) == ["robot", "sim", "task"]


def test_ros2_launch_refuses_an_unknown_argument_before_anything_starts(tmp_path: Path) -> None:
    words = [f"run:={tmp_path / 'run'}", "robo:=ur5e"]
    launch = subprocess.run([*LAUNCH, *words], capture_output=True, text=True, timeout=60)
    assert launch.returncode == 1 and not (tmp_path / "run").exists()
    assert "did you mean robot:=?" in launch.stdout + launch.stderr
    assert "process started" not in launch.stdout + launch.stderr


def test_ros2_launch_starts_the_nodes_of_the_stack_and_ctrl_c_ends_them_all(tmp_path: Path) -> None:
    names = {node.name for node in stack(StackArguments(run=str(tmp_path / "run"))).nodes}
    with (tmp_path / "said.txt").open("w+") as said:
        launch = subprocess.Popen(
            [*LAUNCH, f"run:={tmp_path / 'run'}"], stdout=said, stderr=subprocess.STDOUT
        )
        try:
            limit_s = time.monotonic() + 60.0
            started: dict[str, int] = {}
            while set(started) != names:
                assert time.monotonic() < limit_s and launch.poll() is None, (names - set(started), said.name)
                time.sleep(0.1)
                text = Path(said.name).read_text()
                found = re.findall(r"\[(\w+)-\d+\]: process started with pid \[(\d+)\]", text)
                started = {name: int(pid) for name, pid in found}
            launch.send_signal(signal.SIGINT)
            assert launch.wait(20.0) == 0, Path(said.name).read_text()
            assert not [name for name, pid in started.items() if psutil.pid_exists(pid)]
        finally:
            launch.kill()
