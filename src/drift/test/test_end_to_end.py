"""The whole stack as a user starts it: separate processes, real DDS, a folder of its own.

One small demo first (it learns next to nothing); then `drift up` on what the demo left behind.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from drift.run_folder import RunFolder
from drift_core.episodes import Episode, EpisodeStore
from drift_core.policy.checkpoint_folder import read_latest
from drift_ros.session import SessionClient
from drift_ros.stack_client import RunEpisode

ROOT = Path(__file__).resolve().parents[3]
EXPERT, POLICY = 2, 1  # Step.SOURCE_*
DEMO_LIMIT_S, START_LIMIT_S, TRAIN_LIMIT_S = 200.0, 60.0, 150.0
STOP_LIMIT_S = 5.0
PROMISED = {
    "success_before",
    "success_after",
    "eval_rollouts",
    "expert_labels",
    "corrected_episodes",
    "swaps",
    "late_control_ticks_ratio",
    "late_ticks_at_swaps",
    "control_period_p99_ms",
    "duration_s",
}


class Machine:
    """Starts `drift` and finds every process that came of it, by a mark in the environment."""

    def __init__(self, folder: Path, domain: int) -> None:
        self.folder, self.domain = folder, domain
        self._mark = f"DRIFT_TEST_MARK={uuid.uuid4()}"
        name, value = self._mark.split("=")
        ours = {name: value, "ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        self._environment = {**os.environ, **ours}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `drift WORDS` as a shell does: the leader of a process group of its own."""
        log = self.folder / f"{words[0]}.log"
        with log.open("wb") as output:
            return subprocess.Popen(
                ["drift", *words],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def said(self, command: str) -> str:
        """Return what `drift COMMAND` has written so far."""
        return (self.folder / f"{command}.log").read_text(errors="replace")

    def processes(self) -> dict[int, str]:
        """Return the command lines of all processes that came of `start`, by id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # ended meanwhile, or another user's
        return found


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, lasting_domain: int) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("end_to_end"), lasting_domain)
    yield machine
    for process in machine.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def run(machine: Machine) -> RunFolder:
    """Run the smallest demo and return its folder."""
    sizes = {"demonstrations": 3, "episodes": 1, "evaluations": 1, "dds-evaluations": 1}
    words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    words += ["--train-mode", "continuous"]
    demo = machine.start("demo", "--train", "smoke", "--name", "smoke", *words)
    assert demo.wait(DEMO_LIMIT_S) == 0, machine.said("demo")
    return RunFolder(machine.folder / "runs" / "smoke")


def episodes(run: RunFolder, kind: str) -> list[Episode]:
    """Return the episodes of a kind, oldest first; what the gate broke off on a busy machine was repeated."""
    store = EpisodeStore(run.episodes)
    return [store.read(episode) for episode in store.ids() if store.meta(episode).kind == kind]


@pytest.mark.timeout(DEMO_LIMIT_S + 60.0)
def test_the_demo_records_a_corrected_episode_with_steps_of_both_drivers(run: RunFolder) -> None:
    (row,) = json.loads((run.path / "record.json").read_text())["episodes"]
    episode = EpisodeStore(run.episodes).read(row["episode_id"])
    drivers = set(episode.steps.source.tolist())
    assert {EXPERT, POLICY} <= drivers
    assert episode.meta.interventions >= 1
    assert episode.meta.expert_steps == (episode.steps.source == EXPERT).sum() > 0
    assert set(episode.frames) == {"front", "wrist"} and all(len(f) > 10 for f in episode.frames.values())
    assert episode.meta.kind == "intervention" and row["expert_labels"] > 0


def test_the_demo_trains_on_it_and_the_new_version_drives_without_a_restart(run: RunFolder) -> None:
    record = json.loads((run.path / "record.json").read_text())
    assert {"offline", "corrections"} <= {point["phase"] for point in record["training"]}
    newest = record["swaps"][-1]["version"]
    assert newest >= 2
    first, last = episodes(run, "intervention")[0], episodes(run, "evaluation")[-1]
    assert first.meta.policy_versions[0] == 1 and last.meta.policy_versions == (newest,)
    restarts = (run.logs / "drift.log").read_text()
    assert "restart" not in restarts and "died" not in restarts


def test_the_demo_leaves_a_report_and_the_promised_figures(run: RunFolder, machine: Machine) -> None:
    summary = json.loads((run.path / "summary.json").read_text())
    assert set(summary) >= PROMISED
    assert all(summary[name] is not None for name in PROMISED)
    assert (summary["eval_rollouts"], summary["corrected_episodes"]) == (1, 1) and summary["swaps"] > 0
    assert summary["expert_labels"] > 0
    page = (run.path / "report.html").read_text()
    assert "<svg" in page and page.rstrip().endswith("</html>")
    assert machine.processes() == {}


@pytest.fixture(scope="module")
def up(run: RunFolder, machine: Machine) -> subprocess.Popen[bytes]:
    """`drift up` on the demo's folder."""
    return machine.start("up", "robot:=panda", "task:=place", "train:=smoke", f"run:={run.path}")


@pytest.fixture(scope="module")
def client(up: subprocess.Popen[bytes], machine: Machine) -> Iterator[SessionClient]:
    """A session beside the stack that is up, once its policy is active."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        with SessionClient(domain_id=machine.domain) as client:
            client.wait_for_servers(limit_s=START_LIMIT_S)
            client.wait_until(lambda: version(client) > 0, START_LIMIT_S, "the policy to run a checkpoint")
            yield client


def version(client: SessionClient) -> int:
    state = client.policy_state
    return 0 if state is None else state.version


def test_only_the_scripted_expert_hears_the_ground_truth(client: SessionClient) -> None:
    def listeners() -> set[str]:
        return {info.node_name for info in client.node.get_subscriptions_info_by_topic("sim/ground_truth")}

    client.wait_until(lambda: "expert" in listeners(), START_LIMIT_S, "the expert to listen")
    assert {"policy", "planner", "trainer", "expert_gate", "expert", "sim", "console"} <= set(
        client.node.get_node_names()
    )
    assert listeners() == {"expert"}


def ours(names: Iterable[str]) -> set[str]:
    """Return names as the documents write them, without what every node of ROS has."""
    short = {re.sub(r"^camera/\w+", "camera/<name>", name.strip("/")) for name in names}
    of_ros = r"(rosout|parameter_events|.*/\w+_(parameters|parameter_types|type_description)(_atomically)?)$"
    return {name.partition("/_action/")[0] for name in short if not re.match(of_ros, name)}


def test_every_topic_service_and_action_of_the_stack_is_in_the_documents_and_no_other(
    client: SessionClient,
) -> None:
    node = client.node
    lists = (
        node.get_publisher_names_and_types_by_node,
        node.get_subscriber_names_and_types_by_node,
        node.get_service_names_and_types_by_node,
        node.get_client_names_and_types_by_node,
    )
    folders = {
        "expert_gate": "expert_gate_node",
        "policy": "drift_policy_node",
        "trainer": "trainer_node",
        "sim": "drift_sim",
        "expert": "drift_sim",
    }
    there = {name: ours(found for of in lists for found, _ in of(name, "/")) for name in folders}
    table = (ROOT / "docs/architecture.md").read_text().partition("## Contract between the nodes")[2]
    rows = re.findall(r"^\| (.*?) \|", table.partition("Beside the driver of a real arm")[0], re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([^`]+)`", re.sub(r"\(.*?\)", "", row))}
    assert set().union(*there.values()) == names
    for name, folder in folders.items():
        text = (ROOT / "src" / folder / "README.md").read_text()
        said = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        assert there[name] - set(said) == set(), name


def test_a_checkpoint_is_announced_verified_and_swapped_in_while_the_stack_runs(
    client: SessionClient, run: RunFolder
) -> None:
    newest = read_latest(run.checkpoints).version  # after the demo
    assert version(client) == newest >= 2
    swaps = client.policy_state.swaps
    result = client.train("online", steps=10, limit_s=TRAIN_LIMIT_S)
    assert (result.error_code, result.version) == (0, newest + 1), result.error_msg
    client.wait_until(lambda: version(client) == newest + 1, START_LIMIT_S, "the swap to the new version")
    state, announced = client.policy_state, client.checkpoint
    assert (announced.version, announced.parent) == (newest + 1, newest)
    assert announced.sha256 == hashlib.sha256(Path(announced.path).read_bytes()).hexdigest()
    assert (state.sha256, state.swaps, state.last_refusal) == (announced.sha256, swaps + 1, "")
    assert read_latest(run.checkpoints).version == newest + 1


def test_control_c_ends_every_process_and_leaves_no_half_episode(
    client: SessionClient, up: subprocess.Popen[bytes], machine: Machine, run: RunFolder
) -> None:
    since_s: list[float] = []
    episode = client.stack.run_episode(
        RunEpisode.Goal.INTERVENTION, 1, lambda news: since_s.append(news.elapsed_s)
    )
    client.wait_until(lambda: episode.done or max(since_s, default=0.0) > 1.0, 60.0, "the episode to run")
    assert list(run.episodes.glob(".*.part"))  # it is being written
    assert len(machine.processes()) >= 8  # drift, simulation, gate, planner, trainer, policy, expert, console

    began_s = time.monotonic()
    os.killpg(up.pid, signal.SIGINT)
    code = up.wait(2.0 * STOP_LIMIT_S)
    while (left := machine.processes()) and time.monotonic() - began_s < STOP_LIMIT_S:
        time.sleep(0.02)
    assert left == {}
    assert time.monotonic() - began_s < STOP_LIMIT_S
    assert code == 0 and "did not stop cleanly" not in machine.said("up"), machine.said("up")

    store = EpisodeStore(run.episodes)
    visible = {path.name for path in run.episodes.iterdir() if not path.name.startswith(".")}
    assert visible == set(store.ids())  # what has its final name is whole
    assert all(len(store.read(episode).steps) > 0 for episode in visible)
    assert not list(run.path.rglob("*.tmp"))
