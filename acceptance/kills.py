"""Processes of the running stream, killed at random moments (SIGKILL, seeded): is anything lost?

One stack learns without rounds: episodes follow each other, the scripted expert corrects them, versions come
and are swapped in. A kill hits the training worker, the trainer, the policy, or everything at once, as a
power cut does; then the stack is started again. `resume_s`: from the kill (from the new start, after `all`)
until the arm is driven in an episode by a policy that is active, and training goes on; at most 20 s.
Wrong are: `lost`, finished episodes that are gone or changed, and at the end corrections of finished episodes
that the last version has not learned from; `torn`, checkpoints that LATEST names and that do not load with
their digest; `foreign`, digests of weights that drove and were never announced, or are not those of the file;
`left`, files half written that are still there at the end.
"""

import hashlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import ROBOT, START_LIMIT_S, TASK  # a ROS domain of its own, too
from diagnostic_msgs.msg import DiagnosticArray
from drift.configuration import config_file
from drift.demo.offline import demonstrate
from drift.run_folder import RunFolder
from drift.signals import end_like_ctrl_c
from drift.simulation import make_shell
from drift_control.gate.state import CommandSource
from drift_control.robot.robot import load_robot
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError
from drift_core.pieces import file_digest
from drift_core.policy.checkpoint import load_latest
from drift_core.policy.checkpoint_folder import read_latest
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.provenance import load_provenance
from drift_core.training.rounds import Hooks, Rounds, train_round
from drift_interfaces.msg import Checkpoint, PolicyState, Step
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.errors import SessionError
from drift_ros.request import StackRequest
from drift_ros.session import SessionClient
from drift_ros.stack_client import RunEpisode

TARGETS = ("worker", "trainer", "policy", "all")
RESUME_LIMIT_S = 20.0
LAST_LIMIT_S = 120.0  # for all labels to have had their share at the end
NEWS_S = 1.5  # what arrives sooner may be from before: a chunk drives for 1 s, diagnostics come each second


@dataclass(frozen=True)
class Form:
    """How a run of kills is made."""

    recipe: str  # a file of config/train
    demonstrations: int
    steps: int  # of the first version
    wait_s: tuple[float, float]  # from the stream's going on to the next kill, at least and at most
    episode_s: float


LONG = Form("demo", demonstrations=3, steps=300, wait_s=(0.5, 6.0), episode_s=20.0)
QUICK = Form("smoke", demonstrations=2, steps=20, wait_s=(0.5, 1.0), episode_s=5.0)
PROGRAMS = {"worker": "trainer_node.worker", "trainer": "__node:=trainer", "policy": "__node:=policy"}


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="of the run, which is kept; it must not be there yet")
    parser.add_argument("--seed", type=int, default=0, help="of targets and moments")
    options = parser.parse_args()
    kills, form = (3, QUICK) if options.quick else (options.kills, LONG)
    chance = random.Random(options.seed)
    order = (TARGETS[:3] * kills)[:kills] if options.quick else chance.choices(TARGETS, k=kills)
    end_like_ctrl_c()
    try:
        with tempfile.TemporaryDirectory(prefix="drift-kills-") as temporary:
            folder = options.folder or Path(temporary) / "run"
            run = bootstrapped(RunFolder(folder.resolve()).create(), form)
            rows = kill_all(run, form, order, chance)
    except KeyboardInterrupt:
        print("stopped before the stream went on after a kill", file=sys.stderr)
        return 130
    done = sum(int(row["kills"]) for row in rows)
    report(f"{done} kills of a stream, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    wrong = [row for row in rows if is_wrong(row)]
    print(f"{done} of {kills} kills, wrong: {', '.join(str(row['target']) for row in wrong) or 'none'}")
    return 130 if done < kills else int(bool(wrong))


def is_wrong(row: Row) -> bool:
    """Return whether a row of the table is other than it must be."""
    return any(row[name] for name in ("lost", "torn", "foreign", "left")) or row["max_s"] > RESUME_LIMIT_S


def bootstrapped(run: RunFolder, form: Form) -> RunFolder:
    """Record demonstrations and train a first version on them."""
    shell = make_shell(ROBOT, TASK)
    demonstrate(shell, run.episodes, range(form.demonstrations), on_episode=lambda result: None)
    shell.close()
    train_round(rounds_of(run, form.recipe), "offline", steps=form.steps)
    return run


def rounds_of(run: RunFolder, recipe: str) -> Rounds:
    """Return the learning of a run."""
    train_file, task = load_train_file(config_file("train", recipe)), load_task(config_file("task", TASK))
    robot = load_robot(config_file("robot", ROBOT))
    return Rounds(robot, task, train_file, EpisodeStore(run.episodes), run.checkpoints)


def kill_all(run: RunFolder, form: Form, order: Sequence[str], chance: random.Random) -> list[Row]:
    """Kill one target after the other; return a row for each kind of target. Ctrl-C: for those until then."""
    rows: dict[str, list[dict[str, float]]] = {target: [] for target in dict.fromkeys(order)}
    with ExitStack() as cleanup:
        client = cleanup.enter_context(SessionClient())
        stream = Stream(client, run, form.episode_s)
        machine = cleanup.enter_context(machine_of(run, form.recipe))
        if stream.resume(machine, {}, steady_s(), 2.0 * START_LIMIT_S) == float("inf"):
            raise SessionError(f"the stream has not begun within {2.0 * START_LIMIT_S:g} s")
        try:
            for number, target in enumerate(order, 1):
                end_s = steady_s() + chance.uniform(*form.wait_s)
                stream.spin(
                    lambda end_s=end_s: steady_s() >= end_s, form.wait_s[1] + 1.0, "the moment of the kill"
                )
                before = stream.finished()
                killed = machine.kill(target)
                torn = 0 if loads(run) else 1
                if target == "all":
                    machine.start()
                resume_s = stream.resume(machine, killed, steady_s(), 6.0 * RESUME_LIMIT_S)
                found = {
                    "resume_s": resume_s,
                    "lost": stream.lost(before),
                    "torn": torn,
                    "foreign": stream.take_foreign(),
                }
                rows[target].append(found)
                told = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
                print(f"{number} of {len(order)}: {target}: {told}", file=sys.stderr, flush=True)
            unlearned = stream.finish(form.recipe)
        except KeyboardInterrupt:
            print("stopped; what the last version has learned was not looked at", file=sys.stderr)
            unlearned = 0
    left = len([path for path in run.checkpoints.iterdir() if path.name.startswith(".")])
    table = [_row(target, found) for target, found in rows.items() if found]
    if table:
        table[-1] |= {"lost": table[-1]["lost"] + unlearned, "left": left}
    return [*table]


def _row(target: str, found: list[dict[str, float]]) -> dict[str, str | float]:
    times_s = [one["resume_s"] for one in found]
    counted = {name: int(sum(one[name] for one in found)) for name in ("lost", "torn", "foreign")}
    return {
        "target": target,
        "kills": len(found),
        "median_s": statistics.median(times_s),
        "max_s": max(times_s),
        **counted,
        "left": 0,
    }


def loads(run: RunFolder) -> bool:
    """Return whether what LATEST names is there as a whole, with its digest."""
    try:
        load_latest(run.checkpoints)
    except CheckpointError as error:
        print(f"torn: {error}", file=sys.stderr, flush=True)
        return False
    return True


def _under_way(request: StackRequest | None) -> StackRequest | None:
    """Return a request until it is done; say why it has ended if it has not ended well."""
    if request is None or not request.done:
        return request
    wrong = request.error or request.result().error_msg
    if wrong:
        print(f"  {wrong}", file=sys.stderr, flush=True)
    return None


class Machine:
    """The stack of one folder, as `drift up` runs it."""

    def __init__(self, run: RunFolder, recipe: str) -> None:
        params = run.path / "kills.yaml"  # what else the machine does shall not keep the worker from starting
        params.write_text("/**/trainer:\n  ros__parameters: {worker_niceness: 0}\n")
        words = ["drift", "up", f"robot:={ROBOT}", f"task:={TASK}", f"train:={recipe}", f"run:={run.path}"]
        words.append(f"params_file:={params}")
        self._words, self._log = words, run.logs / "kills.log"
        self._up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the stack."""
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(self._words, stdout=log, stderr=log, process_group=0)

    def pids(self) -> dict[str, int]:
        """Return the processes that can be killed one by one, by name."""
        assert self._up is not None
        found = {}
        for process in psutil.Process(self._up.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            found |= {name: process.pid for name, mark in PROGRAMS.items() if mark in words}
        return found

    def kill(self, target: str) -> dict[str, int]:
        """Kill a process, or all; return the ids of those that must be others afterwards."""
        before = self.pids()
        if target != "all":
            os.kill(before[target], signal.SIGKILL)
            also = ("worker",) if target == "trainer" else ()
            return {name: before[name] for name in (target, *also) if name in before}
        assert self._up is not None
        processes = psutil.Process(self._up.pid).children(recursive=True)
        for process in (self._up, *processes):
            process.kill()
        psutil.wait_procs(processes)
        self._up.wait()
        return before

    def stop(self) -> None:
        """End the stack."""
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            self._up.wait()


@contextmanager
def machine_of(run: RunFolder, recipe: str) -> Iterator[Machine]:
    machine = Machine(run, recipe)
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()


@dataclass
class Stream:
    """Keeps episodes and training going, and watches what drives."""

    client: SessionClient
    run: RunFolder
    episode_s: float
    announced: dict[str, Path] = field(default_factory=dict)  # by SHA-256
    driving: set[str] = field(default_factory=set)  # SHA-256 of what the policy node ran since the last look
    driven_s: float = 0.0  # steady time of the newest step that somebody drove
    active_s: float = 0.0  # ... of the newest word of an active policy
    trained_s: float = 0.0  # ... of the newest word of training that goes on
    episodes: int = 0  # begun
    paused: bool = False  # no further episodes are begun
    owed: float = 1.0  # labels that wait, as diagnostics say
    training: str = "nothing"  # what the trainer says of it
    _episode: StackRequest | None = None
    _training: StackRequest | None = None

    def __post_init__(self) -> None:
        node = self.client.node
        node.create_subscription(Checkpoint, "trainer/checkpoint", self._on_checkpoint, qos.LATCHED)
        node.create_subscription(PolicyState, "policy/state", self._on_policy, qos.LATCHED)
        node.create_subscription(Step, "gate/step", self._on_step, qos.PROVENANCE)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        self._note_latest()

    def spin(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        """Keep everything going until the condition holds."""
        end_s = steady_s() + limit_s
        while not condition():
            if steady_s() > end_s:
                raise SessionError(f"waited {limit_s:g} s for {what}")
            self._go_on()
            self.client.spin(0.05)

    def resume(self, machine: Machine, killed: dict[str, int], since_s: float, limit_s: float) -> float:
        """Return after how long the stream goes on [s], infinite if it does not within the limit."""

        def resumed() -> bool:
            newest_s = min(self.driven_s, self.active_s, self.trained_s)
            if newest_s < since_s + NEWS_S or not machine.pids().keys() >= PROGRAMS.keys():
                return False
            return not killed.items() & machine.pids().items()

        self._note_latest()
        try:
            self.spin(resumed, limit_s, "the stream to go on")
        except SessionError as error:
            print(f"{error}: {self._said()}", file=sys.stderr, flush=True)
            return float("inf")
        return steady_s() - since_s

    def finished(self) -> dict[str, str]:
        """Return the finished episodes with a digest of their files."""
        return {name: self._digest(name) for name in EpisodeStore(self.run.episodes).ids()}

    def lost(self, before: dict[str, str]) -> int:
        """Return how many episodes that were finished are gone or others."""
        return len(before.items() - self.finished().items())

    def take_foreign(self) -> int:
        """Return how many digests drove since the last look that nobody announced, or are not the file's."""
        found, self.driving = self.driving, set()
        wrong = {sha256 for sha256 in found if sha256 not in self.announced}
        there = {sha256: path for sha256, path in self.announced.items() if sha256 in found and path.exists()}
        return len(wrong) + sum(file_digest(path) != sha256 for sha256, path in there.items())

    def finish(self, recipe: str) -> int:
        """Let training come to its end; return how many corrections the last version has not learned from."""
        self.paused = True
        self.spin(lambda: self._episode is None, self.episode_s + START_LIMIT_S, "the last episode")
        self.owed, since_s = 1.0, steady_s()
        trained = "all labels to be trained on"
        self.spin(lambda: self.owed == 0.0 and self.trained_s > since_s + 3.0, LAST_LIMIT_S, trained)
        if self._training is not None:
            self._training.cancel()
            self.client.wait_until(lambda: self._training.done, 60.0, "the last version")
        rounds, latest = rounds_of(self.run, recipe), read_latest(self.run.checkpoints)
        assert latest is not None
        provenance = load_provenance(self.run.checkpoints / latest.file)
        learned = {(c.episode_id, c.intervention_id): c for c in provenance.corrections} if provenance else {}
        wanted = [(c.episode_id, c.intervention_id) for c in rounds.update_data(Hooks()).corrections]
        unlearned = [key for key in wanted if key not in learned or not learned[key].trained_on]
        print(f"{len(wanted)} corrections, not learned from: {unlearned}", file=sys.stderr, flush=True)
        return len(unlearned)

    def _go_on(self) -> None:
        self._training, self._episode = _under_way(self._training), _under_way(self._episode)
        if self._training is None and not self.client.stack.missing("trainer/train"):
            self._training = self.client.stack.train("continuous")
        ready = self._episode is None and not self.paused and steady_s() - self.active_s < 1.5
        if ready and not self.client.stack.missing("trainer/run_episode", "gate/arm", "sim/reset"):
            kind, self.episodes = RunEpisode.Goal.INTERVENTION, self.episodes + 1
            seed = 9_000 + self.episodes
            self._episode = self.client.stack.run_episode(kind, seed, max_duration_s=self.episode_s)

    def _on_checkpoint(self, msg: Checkpoint) -> None:
        self.announced[msg.sha256] = Path(msg.path)

    def _note_latest(self) -> None:
        """Take what LATEST names for announced: a trainer announces it at its start."""
        latest = read_latest(self.run.checkpoints)
        if latest is not None:
            self.announced[latest.sha256] = self.run.checkpoints / latest.file

    def _on_policy(self, msg: PolicyState) -> None:
        if msg.version:
            self.driving.add(msg.sha256)
        if msg.version and msg.state == PolicyState.ACTIVE:
            self.active_s = steady_s()

    def _on_step(self, msg: Step) -> None:
        if msg.source in (CommandSource.POLICY, CommandSource.EXPERT):
            self.driven_s = steady_s()

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name != "trainer":
                continue
            said = {value.key: value.value for value in status.values}
            self.training = said["training"]
            if self.training.startswith(("step ", "all labels")):
                self.trained_s, self.owed = steady_s(), float(said["training_backlog_labels"])

    def _digest(self, episode: str) -> str:
        sha256 = hashlib.sha256()
        for path in sorted((self.run.episodes / episode).iterdir()):
            sha256.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
        return sha256.hexdigest()

    def _said(self) -> str:
        ages = {"driven": self.driven_s, "active": self.active_s, "trained": self.trained_s}
        told = ", ".join(f"{name} {steady_s() - at_s:.1f} s ago" for name, at_s in ages.items())
        return f"{told}; training: {self.training!r}, {self._training and self._training.done}"


if __name__ == "__main__":
    sys.exit(main())
