"""The command line, as a user meets it."""

import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drift.cli import app
from drift.commands import up
from drift.configuration import choices
from drift.stack_arguments import arguments
from typer.testing import CliRunner

DRIFT = Path(__file__).resolve().parents[1] / "bin" / "drift"
NODE = """
import signal, sys, time
def on_interrupt(number, frame):
    print("interrupted")
    raise SystemExit(0)
signal.signal(signal.SIGINT, on_interrupt)
print("started with", *sys.argv[1:])
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An ament prefix with the packages of the stack; each executable shows its arguments and waits."""
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    programs = {
        "drift_sim": ("node", "expert"),
        "expert_gate_node": ("node",),
        "drift_console_node": ("node",),
        "drift_planner_node": ("node",),
        "drift_policy_node": ("node",),
        "trainer_node": ("node",),
    }
    for package, names in programs.items():
        (index / package).touch()
        for name in names:
            write_program(tmp_path / "prefix" / "lib" / package / name, NODE)
    return tmp_path / "prefix"


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)


def drift(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DRIFT), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
    )


@contextmanager
def stack_is_up(prefix: Path, run: Path) -> Iterator[subprocess.Popen[str]]:
    """`drift up` with the fake nodes, once all seven have said that they run."""
    words = ["up", "robot:=panda", "sim:=mujoco", "--task", "place", f"run:={run}"]
    process = subprocess.Popen(
        [sys.executable, str(DRIFT), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "AMENT_PREFIX_PATH": str(prefix)},
    )
    try:
        end_s = time.monotonic() + 60.0
        while started(run) < 7 and time.monotonic() < end_s and process.poll() is None:
            time.sleep(0.02)
        assert started(run) == 7
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def process_of(name: str, run: Path) -> int:
    """The process that was told to be the node `name` of this run."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue  # it ended while we looked
        if f"__node:={name}" in words and any(str(run) in word for word in words):
            return int(folder.name)
    raise AssertionError(f"no process is the node {name}")


def started(run: Path) -> int:
    return sum("started with" in path.read_text() for path in (run / "logs").glob("*.log"))


def test_help_lists_the_commands() -> None:
    answer = CliRunner().invoke(app, ["--help"])
    assert answer.exit_code == 0
    assert all(f" {name} " in answer.output for name in ("up", "session", "doctor"))


def test_the_command_line_itself_needs_neither_numpy_nor_torch_nor_ros() -> None:
    program = "import sys, drift.cli; print({'numpy', 'torch', 'rclpy', 'mujoco'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_up_offers_what_the_launch_file_offers() -> None:
    parameters = inspect.signature(up.main).parameters
    offered = [(name, parameter.default) for name, parameter in parameters.items()]
    assert [name for name, _ in offered[:2]] == ["context", "words"]
    assert offered[2:] == [(item.name, item.default) for item in arguments()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["up", "robot:=ur10"], f"error: robot=ur10 must be one of: {', '.join(choices('robot'))}\n"),
        (["up", "--robot", "ur10"], f"error: robot=ur10 must be one of: {', '.join(choices('robot'))}\n"),
        (
            ["up", "arm:=panda"],
            "error: arm:= is no argument; allowed: robot, gripper, sim, task",
        ),
        (["up", "task:=fork"], "error: task=fork has no arm"),
        (["up", "sim:=none", "--sim", "mujoco"], "error: sim:=none and --sim mujoco must not both be said"),
        (["up", "task:=place", "task:=insert"], "error: task:=place and task:=insert must not both be said"),
        (["up", "--task", "place", "--task=insert"], "error: --task must be said once only"),
        (["session", "--takeovers", "--no-takeovers"], "error: --takeovers/--no-takeovers must be said once"),
        (["up", "controller:=arm"], "error: controller=arm must be empty with sim=mujoco: it is for"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_two(words: list[str], message: str) -> None:
    answer = drift(*words)
    assert answer.returncode == 2
    assert answer.stderr.startswith(message)
    assert answer.stderr.count("\n") == 1


def test_a_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    answer = drift("up", f"run:={tmp_path / 'run'}", AMENT_PREFIX_PATH=str(tmp_path))
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert "package drift_sim was not found: source env.sh" in answer.stderr
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_everything_within_five_seconds_also_what_ignores_it(
    prefix: Path, tmp_path: Path
) -> None:
    deaf = NODE.replace("raise SystemExit(0)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    write_program(prefix / "lib" / "trainer_node" / "node", deaf)
    with stack_is_up(prefix, tmp_path / "run") as process:
        start_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=10.0)
        assert time.monotonic() - start_s < 5.0
    assert process.returncode == 1  # the trainer was killed
    assert "      drift | SIGINT: stopping everything\n" in output
    assert "      drift | trainer did not stop cleanly: killed by SIGKILL\n" in output
    assert output.count("| interrupted\n") == 7


def test_a_signal_that_comes_twice_at_once_still_stops_everything_in_order(
    prefix: Path, tmp_path: Path
) -> None:
    braking = NODE.replace("raise SystemExit(0)", "time.sleep(0.7)\n    raise SystemExit(0)")
    write_program(prefix / "lib" / "expert_gate_node" / "node", braking)
    with stack_is_up(prefix, tmp_path / "run") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # another number, since equal ones may be delivered as one
        output, _ = process.communicate(timeout=10.0)
    assert process.returncode == 0
    assert "did not stop cleanly" not in output
    assert output.count("| interrupted\n") == 7


def test_a_process_that_is_dead_when_all_are_stopped_is_no_success(prefix: Path, tmp_path: Path) -> None:
    with stack_is_up(prefix, tmp_path / "run") as process:
        os.kill(process.pid, signal.SIGSTOP)  # both at the same look
        os.kill(process_of("policy", tmp_path / "run"), signal.SIGKILL)
        process.send_signal(signal.SIGINT)
        os.kill(process.pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=10.0)
    assert process.returncode == 1
    assert any("policy" in line and "killed by SIGKILL" in line for line in output.splitlines())


def test_a_new_run_is_said_to_be_one(prefix: Path, tmp_path: Path) -> None:
    for word in ("new run", "run"):
        with stack_is_up(prefix, tmp_path / "run") as process:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=10.0)
        assert f"7 processes, writing to {word} {tmp_path / 'run'}; Ctrl-C stops them" in output
        for log in (tmp_path / "run" / "logs").glob("*.log"):
            log.unlink()


def test_everything_ends_when_nobody_reads_the_log_any_more(prefix: Path, tmp_path: Path) -> None:
    with stack_is_up(prefix, tmp_path / "run") as process:
        assert process.stdout is not None
        process.stdout.close()
        os.kill(process_of("policy", tmp_path / "run"), signal.SIGKILL)  # the next line meets a closed pipe
        assert process.wait(timeout=5.0) == 1
    ends = [(tmp_path / "run" / "logs" / f"{name}.log").read_text() for name in ("sim", "expert_gate")]
    assert all(text.endswith("interrupted\n") for text in ends)


def test_the_death_of_the_gate_is_one_line_and_exit_code_one(prefix: Path, tmp_path: Path) -> None:
    write_program(prefix / "lib" / "expert_gate_node" / "node", NODE + "    raise SystemExit(7)\n")
    run = tmp_path / "run"
    answer = drift("up", f"run:={run}", AMENT_PREFIX_PATH=str(prefix))
    assert answer.returncode == 1
    line = "drift | expert_gate died (exit code 7): shutting everything down"
    assert [said for said in answer.stdout.splitlines() if "died" in said] == [line.rjust(len(line) + 6)]


def test_nodes_get_their_names_files_and_parameters(prefix: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with stack_is_up(prefix, run) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10.0)
    assert process.returncode == 0
    said = (run / "logs" / "trainer.log").read_text()
    assert "-r __node:=trainer -r __ns:=/ --params-file " in said
    assert f"-p episode_folder:='{run / 'episodes'}'" in said


def test_a_session_without_a_stack_says_so() -> None:
    answer = drift("session", "--episodes", "1", "--wait-s", "0.5")
    assert answer.returncode == 1
    assert answer.stderr == "error: no gate, trainer, policy after 0.5 s; is the stack up (drift up)?\n"
    assert answer.stdout == "waiting for the stack: gate, trainer, policy\n"
    assert "Traceback" not in answer.stderr
