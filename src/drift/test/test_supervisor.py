"""The supervisor with small real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from drift.errors import StackError
from drift.processes.backoff import Backoff
from drift.processes.process import ProcessSpec
from drift.processes.supervisor import ProcessSupervisor

POLITE = """
import signal, time
def on_interrupt(number, frame):
    print("interrupted", time.monotonic())
    time.sleep(0.2)
    print("ended", time.monotonic())
    raise SystemExit(0)
signal.signal(signal.SIGINT, on_interrupt)
print("ready")
while True:
    time.sleep(0.01)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
while True:
    time.sleep(0.01)
"""
BEATING = """
import os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print("ready")
while True:
    notify.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"])
    time.sleep(0.02)
"""
STUCK = """
import faulthandler, os, socket, time
def stands_here():
    time.sleep(60)
faulthandler.enable()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"])
stands_here()
"""
WITH_HELPER = """
import subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("helper", helper.pid)
while True:
    time.sleep(0.01)
"""
Program = Callable[[str, str], tuple[str, ...]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return a function that writes a Python program and returns the command that runs it."""

    def write(name: str, text: str) -> tuple[str, ...]:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return (sys.executable, str(path))

    return write


def gone(pid: int) -> bool:
    """Whether no process `pid` runs any more; a zombie does not run."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    end_s = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.01)
    return condition()


class Lines(list[tuple[str, str]]):
    """Collects what `on_line` is called with."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for who, line in self if who == name]


def test_each_line_comes_with_its_name_and_is_kept_in_a_file(tmp_path: Path, program: Program) -> None:
    lines = Lines()
    specs = [ProcessSpec(name, program(name, f"print('hello from {name}')\n{POLITE}")) for name in ("a", "b")]
    with ProcessSupervisor(specs, tmp_path / "logs", on_line=lines) as supervisor:
        for name in ("a", "b"):
            supervisor.wait_for_line(name, "ready", timeout_s=10.0)
    assert lines.of("a")[:2] == ["hello from a", "ready"]
    assert (tmp_path / "logs" / "b.log").read_text().startswith("hello from b\nready\ninterrupted")
    assert lines.of("drift") == ["stopped"]


def test_stages_are_stopped_one_after_the_other(tmp_path: Path, program: Program) -> None:
    command = program("polite", POLITE)
    stages = {"sim": 2, "gate": 1, "policy": 0, "expert": 0}
    specs = [ProcessSpec(name, command, stop_stage=stage) for name, stage in stages.items()]
    with ProcessSupervisor(specs, tmp_path) as supervisor:
        for name in stages:
            supervisor.wait_for_line(name, "ready", timeout_s=10.0)
    said = {name: dict(line.split() for line in supervisor.last_lines(name)[1:]) for name in stages}
    order = [
        float(said[name][event]) for name in ("policy", "gate", "sim") for event in ("interrupted", "ended")
    ]
    assert order == sorted(order)
    assert float(said["expert"]["ended"]) < float(said["gate"]["interrupted"])


def test_death_of_an_essential_process_stops_everything_and_is_said_in_one_line(
    tmp_path: Path, program: Program
) -> None:
    lines = Lines()
    command = program("polite", POLITE)
    specs = [ProcessSpec("gate", command, essential=True, stop_stage=1), ProcessSpec("policy", command)]
    supervisor = ProcessSupervisor(specs, tmp_path, on_line=lines)
    with supervisor:
        for name in ("gate", "policy"):
            supervisor.wait_for_line(name, "ready", timeout_s=10.0)
        pids = {name: status.pid or 0 for name, status in supervisor.status().items()}
        os.kill(pids["gate"], signal.SIGKILL)
        ending = supervisor.wait(timeout_s=5.0)
    assert ending is not None and (ending.failed, ending.exit_code) == ("gate", 1)
    assert lines.of("drift") == ["gate died (killed by SIGKILL): shutting everything down"]
    assert lines.of("policy")[-1].startswith("ended")
    assert all(gone(pid) for pid in pids.values())


def test_an_essential_process_that_hangs_ends_everything(tmp_path: Path, program: Program) -> None:
    lines = Lines()
    spec = ProcessSpec("gate", program("beating", BEATING), essential=True, watchdog_s=1.0)
    with ProcessSupervisor([spec], tmp_path, on_line=lines) as supervisor:
        supervisor.wait_for_line("gate", "ready", timeout_s=10.0)
        assert supervisor.wait(timeout_s=2.0) is None  # twice the limit: heartbeats count
        pid = supervisor.status()["gate"].pid or 0
        os.kill(pid, signal.SIGSTOP)
        ending = supervisor.wait(timeout_s=5.0)
    assert ending is not None and (ending.failed, ending.exit_code) == ("gate", 1)
    assert lines.of("drift") == ["gate died (it hung, no heartbeat for 1 s): shutting everything down"]
    assert gone(pid)


def test_a_process_that_hangs_says_where_before_it_ends(tmp_path: Path, program: Program) -> None:
    lines = Lines()
    spec = ProcessSpec("gate", program("stuck", STUCK), essential=True, watchdog_s=0.3)
    with ProcessSupervisor([spec], tmp_path, on_line=lines) as supervisor:
        ending = supervisor.wait(timeout_s=10.0)
    assert ending is not None and (ending.failed, ending.exit_code) == ("gate", 1)
    assert lines.of("drift") == ["gate died (it hung, no heartbeat for 0.3 s): shutting everything down"]
    assert any(line.endswith("in stands_here") for line in lines.of("gate"))


def test_the_watch_begins_with_the_first_heartbeat(tmp_path: Path, program: Program) -> None:
    spec = ProcessSpec("gate", program("polite", POLITE), essential=True, watchdog_s=0.05)
    with ProcessSupervisor([spec], tmp_path) as supervisor:
        supervisor.wait_for_line("gate", "ready", timeout_s=10.0)
        assert supervisor.wait(timeout_s=0.3) is None


def test_a_replaceable_process_is_respawned_after_longer_and_longer_waits(
    tmp_path: Path, program: Program
) -> None:
    lines = Lines()
    spec = ProcessSpec("policy", program("failing", "raise SystemExit(3)"))
    backoff = Backoff(first_s=0.05, factor=2.0, longest_s=0.15)
    with ProcessSupervisor([spec], tmp_path, on_line=lines, backoff=backoff) as supervisor:
        assert wait_until(lambda: len(lines.of("drift")) >= 4, limit_s=15.0)
        assert supervisor.status()["policy"].restarts >= 3
    assert lines.of("drift")[:4] == [
        f"policy died (exit code 3): restart {number} in {wait} s"
        for number, wait in ((1, 0.05), (2, 0.1), (3, 0.15), (4, 0.15))
    ]


def test_a_respawned_process_lives_on_in_the_same_log_file(tmp_path: Path, program: Program) -> None:
    spec = ProcessSpec("policy", program("polite", POLITE))
    tidied: list[int] = []
    with ProcessSupervisor(
        [spec], tmp_path, backoff=Backoff(first_s=0.01), tidy=lambda: tidied.append(len(tidied) + 1)
    ) as supervisor:
        supervisor.wait_for_line("policy", "ready", timeout_s=10.0)
        assert tidied == []
        first = supervisor.status()["policy"].pid or 0
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: supervisor.last_lines("policy") == ["ready", "ready"], limit_s=10.0)
        assert supervisor.status()["policy"].pid not in (None, first)
        assert tidied == [1]  # before it was started again
    assert tidied == [1, 2]  # and after the end


def test_backoff_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first_s=0.5, factor=2.0, longest_s=10.0)
    assert [backoff.delay_s(n) for n in (1, 2, 3, 4, 5, 6, 1000)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_refused_configuration_ends_everything_with_the_reason(tmp_path: Path, program: Program) -> None:
    text = "print('error: horizon=0 must be at least 1')\nraise SystemExit(2)"
    with ProcessSupervisor([ProcessSpec("policy", program("refusing", text))], tmp_path) as supervisor:
        ending = supervisor.wait(timeout_s=10.0)
    assert ending is not None
    assert ending.text == (
        "policy died (exit code 2: error: horizon=0 must be at least 1): shutting everything down"
    )


def test_a_process_that_ignores_signals_is_gone_within_five_seconds(tmp_path: Path, program: Program) -> None:
    lines = Lines()
    command = program("stubborn", STUBBORN)
    specs = [ProcessSpec(f"stage_{stage}", command, stop_stage=stage) for stage in range(3)]
    with ProcessSupervisor(specs, tmp_path, on_line=lines) as supervisor:
        for spec in specs:
            supervisor.wait_for_line(spec.name, "ready", timeout_s=10.0)
        pids = [status.pid or 0 for status in supervisor.status().values()]
        start_s = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - start_s < 5.0
    assert all(gone(pid) for pid in pids)
    assert lines.of("drift")[1:] == [
        f"stage_{stage} did not stop cleanly: killed by SIGKILL" for stage in range(3)
    ]


def test_asked_twice_it_kills_at_once(tmp_path: Path, program: Program) -> None:
    specs = [ProcessSpec("a", program("stubborn", STUBBORN))]
    with ProcessSupervisor(specs, tmp_path) as supervisor:
        supervisor.wait_for_line("a", "ready", timeout_s=10.0)
        start_s = time.monotonic()
        supervisor.request_stop("first")
        supervisor.request_stop("second")
        assert supervisor.stop().text == "first"
        assert time.monotonic() - start_s < 1.0


def test_helpers_of_a_dead_process_die_with_it(tmp_path: Path, program: Program) -> None:
    specs = [ProcessSpec("trainer", program("with_helper", WITH_HELPER))]
    with ProcessSupervisor(specs, tmp_path, backoff=Backoff(first_s=60.0)) as supervisor:
        supervisor.wait_for_line("trainer", "helper", timeout_s=10.0)
        helper = int(supervisor.last_lines("trainer")[0].split()[1])
        os.kill(supervisor.status()["trainer"].pid or 0, signal.SIGKILL)
        assert wait_until(lambda: gone(helper), limit_s=5.0)


def test_nothing_is_left_when_the_supervisor_itself_is_killed(tmp_path: Path, program: Program) -> None:
    specs = [
        ("sim", program("polite", POLITE), 1),
        ("policy", program("stubborn", STUBBORN), 0),
    ]
    main = program(
        "main",
        f"""
from pathlib import Path
from drift.processes.process import ProcessSpec
from drift.processes.supervisor import ProcessSupervisor
specs = [ProcessSpec(name, command, stop_stage=stage) for name, command, stage in {specs!r}]
with ProcessSupervisor(specs, Path({str(tmp_path / "logs")!r})) as supervisor:
    for spec in specs:
        supervisor.wait_for_line(spec.name, "ready", timeout_s=20.0)
    print(*[status.pid for status in supervisor.status().values()], flush=True)
    supervisor.wait()
""",
    )
    process = subprocess.Popen(main, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 2 and not any(gone(pid) for pid in pids)
    process.stdout.close()  # nobody hears what the reaper says
    process.kill()
    process.wait()
    assert wait_until(lambda: all(gone(pid) for pid in pids), limit_s=5.0)
    assert (
        (tmp_path / "logs" / "sim.log").read_text().splitlines()[-1].startswith("ended")
    )  # it was asked first


def test_waiting_says_what_the_dead_process_wrote_last(tmp_path: Path, program: Program) -> None:
    text = "print('no such device: /dev/arm')\nraise SystemExit(1)"
    specs = [ProcessSpec("sim", program("broken", text), essential=True)]
    with pytest.raises(StackError, match=r"(?s)sim died \(exit code 1\).*no such device: /dev/arm"):
        with ProcessSupervisor(specs, tmp_path) as supervisor:
            supervisor.wait_until(lambda: False, "the arm", timeout_s=20.0)


def test_waiting_has_a_limit(tmp_path: Path, program: Program) -> None:
    specs = [ProcessSpec("sim", program("polite", POLITE))]
    with ProcessSupervisor(specs, tmp_path) as supervisor:
        supervisor.wait_for_line("sim", "ready", timeout_s=10.0)
        with pytest.raises(StackError, match=r"(?s)waited 0.1 s in vain for sim to write 'steady'.*  ready"):
            supervisor.wait_for_line("sim", "steady", timeout_s=0.1)


@pytest.mark.parametrize("error", [BrokenPipeError("closed"), SystemExit(1), ValueError("no such colour")])
def test_a_console_that_breaks_stops_everything(
    tmp_path: Path, program: Program, error: BaseException
) -> None:
    def broken(name: str, line: str) -> None:
        raise error

    supervisor = ProcessSupervisor([ProcessSpec("sim", program("polite", POLITE))], tmp_path, on_line=broken)
    supervisor.start()
    with pytest.raises(ValueError if isinstance(error, ValueError) else BrokenPipeError):
        supervisor.wait(timeout_s=20.0)
    assert supervisor.status()["sim"].pid is None


def test_a_program_that_cannot_be_started_is_reported_and_stops_the_rest(
    tmp_path: Path, program: Program
) -> None:
    specs = [ProcessSpec("sim", program("polite", POLITE)), ProcessSpec("gate", ("/nowhere/node",))]
    supervisor = ProcessSupervisor(specs, tmp_path)
    with pytest.raises(FileNotFoundError, match="/nowhere/node"):
        supervisor.start()
    assert supervisor.status()["sim"].pid is None


def test_a_process_that_is_still_starting_is_stopped_without_a_traceback(
    tmp_path: Path, program: Program
) -> None:
    lines = Lines()
    command = program("importing", "import time\ntime.sleep(60)")
    with ProcessSupervisor([ProcessSpec("policy", command)], tmp_path, on_line=lines) as supervisor:
        start_s = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - start_s < 1.0
    assert lines == [("drift", "stopped")]


def test_a_signal_that_another_thread_receives_stops_everything_too(tmp_path: Path) -> None:
    program = """
import signal, sys, threading, time
from pathlib import Path
from drift.processes.process import ProcessSpec
from drift.processes.supervisor import ProcessSupervisor

supervisor = ProcessSupervisor([ProcessSpec("sleeper", ("sleep", "60"))], Path(sys.argv[1]))
signal.signal(signal.SIGINT, lambda number, frame: supervisor.request_stop("asked"))
supervisor.start()
receive = lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)
threading.Timer(0.5, receive).start()  # the main thread waits by then; if not, it gets it all the more
print(supervisor.wait().text)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=20).stdout == "asked\n"


def test_what_runs_once_ends_with_0_and_everything_goes_on_or_ends_it_all(
    program: Program, tmp_path: Path
) -> None:
    lasting = ProcessSpec("lasting", program("lasting", POLITE))
    done = ProcessSpec("done", program("done", "print('done')"), once=True)
    with ProcessSupervisor([lasting, done], tmp_path / "good") as supervisor:
        supervisor.wait_for_line("done", "done", 10.0)
        assert wait_until(lambda: supervisor.status()["done"].pid is None, 10.0)
        assert supervisor.wait(0.3) is None and supervisor.status()["done"].restarts == 0
        assert supervisor.stop().exit_code == 0
    failed = ProcessSpec("failed", program("failed", "raise SystemExit(3)"), once=True)
    with ProcessSupervisor([lasting, failed], tmp_path / "bad") as supervisor:
        ending = supervisor.wait(10.0)
    assert ending is not None and ending.exit_code == 1
    assert ending.text == "failed died (exit code 3): shutting everything down"
