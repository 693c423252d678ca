"""How long until a correction drives the arm? From its end to the first chunk of a policy trained on it.

Simulation, gate, policy, trainer and the scripted expert run as processes; a policy is trained beforehand on
a few demonstrations, once, and every row starts from it with the same seeds. `rounds`: a round of training
follows each `--round` episodes, as in the demo. `continuous`: without rounds (docs/drift.md §7). A correction
ends with the last control step that the expert drives. It is trained on in the first version that holds at
least half of its budget of steps in the averaged weights, which the version says of itself; a version of a
round is trained on all episodes that were over when the round began. It drives when the gate executes a step
of a chunk of that version, or of a later one. One that never does is `censored`, and counts with the time to
the end of the row. Corrections of episodes that are held out, one in ten, are not counted.
"""

import os
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import RECIPE, START_LIMIT_S, TASK, RunningStack, running_stack
from benchmarks.support.step_log import StepLog, Steps, late
from benchmarks.support.trained_policy import Training, trained_policy
from drift.configuration import config_file
from drift.errors import StackError
from drift.ros_command import processes
from drift.session_loop import SessionLoop, SessionWatcher, TrainWhen, run_session
from drift_control.gate.state import CommandSource
from drift_core.data.training_data import Correction
from drift_core.episodes import EpisodeStore
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.provenance import load_provenance
from drift_core.training.rounds import Hooks, Rounds
from drift_interfaces.msg import Checkpoint
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.errors import error_name
from drift_ros.stack_client import RunEpisode

RATE_HZ = 50.0
SEED = 5_000  # of the first corrected episode
MODES = {"rounds": TrainWhen.AFTER_ROUND, "continuous": TrainWhen.CONTINUOUSLY}
FULL = Training(15, RECIPE, 2_000)
QUICK = Training(6, RECIPE, 300)
SWAP_LIMIT_S = 20.0
DRIVE_S = 3.0  # after the last version, so that one more chunk can be of it


def main() -> None:
    parser = arguments("Time from the end of a correction to the first chunk of a policy trained on it")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--episodes", type=int, default=34, help="corrected episodes of each row")
    parser.add_argument("--round", type=int, default=17, help="episodes of a round")
    parser.add_argument("--policy", type=Path, help="folder that keeps the policy trained beforehand")
    options = parser.parse_args()
    modes, episodes, training = options.modes, options.episodes, FULL
    if options.quick:
        modes, episodes, training = ["continuous"], 3, QUICK
    with tempfile.TemporaryDirectory(prefix="drift-benchmark-") as temporary:
        folder = options.policy or Path(temporary)
        trained_policy(TASK, training, folder)
        rows = [measure(mode, folder / TASK, episodes, options.round) for mode in modes]
    title = f"corrections of {TASK}, {RECIPE} network, load average {os.getloadavg()[0]:.1f}"
    report(title, rows, options.json)


@dataclass
class Witness(SessionWatcher):
    """What happened in a row."""

    versions: dict[int, Checkpoint] = field(default_factory=dict)  # announced by the training of the row
    round_of: dict[str, int] = field(default_factory=dict)  # by episode
    version_of: dict[int, int] = field(default_factory=dict)  # by round, once it was trained
    labels: int = 0
    steps: int = 0  # of gradient
    _steps_before: int = 0

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """Count its labels."""
        self.round_of[result.episode_id] = round_number
        self.labels += result.expert_labels

    def on_training_progress(self, round_number: int, feedback: Any) -> None:
        """Count the steps."""
        self.steps = self._steps_before + feedback.step

    def on_training(self, round_number: int, result: Any) -> None:
        """Keep what it made; one that fails ends the row."""
        if result.error_code:
            raise StackError(f"training: {error_name(result)}: {result.error_msg}")
        self.version_of[round_number] = result.version
        self._steps_before = self.steps


def measure(mode: str, before: Path, episodes: int, of_round: int) -> Row:
    """Run `episodes` corrected episodes beside training of this mode; return the row."""
    with running_stack(RATE_HZ, expert="scripted") as stack:
        run, client, witness = stack.plan.run, stack.client, Witness()
        for name in ("episodes", "checkpoints"):
            shutil.copytree(before / name, run.path / name, dirs_exist_ok=True)
        for spec in processes(stack.plan):
            if not spec.essential:
                stack.start(spec.name)
        client.wait_for_servers(limit_s=START_LIMIT_S)
        client.wait_until(lambda: running(stack) > 0, START_LIMIT_S, "the policy to load its checkpoint")
        first = running(stack)

        def on_version(msg: Checkpoint) -> None:
            if msg.version > first:
                witness.versions[msg.version] = msg

        client.node.create_subscription(Checkpoint, "trainer/checkpoint", on_version, qos.LATCHED)
        stack.make_ready()
        log = StepLog(stack)
        log.clear()
        starts = range(SEED, SEED + episodes, of_round)
        rounds = [range(start, min(start + of_round, SEED + episodes)) for start in starts]
        began_s, loop = steady_s(), loop_of(mode, stack, witness, rounds)
        run_session(client, loop, steady_s)
        newest = max(witness.versions, default=first)
        client.wait_until(lambda: running(stack) >= newest, SWAP_LIMIT_S, "the last swap")
        # the last version drives, too, as it would if the work went on
        client.run_episode(RunEpisode.Goal.EVALUATION, SEED - 1, max_duration_s=DRIVE_S)
        wall_s, steps = steady_s() - began_s, log.steps()
        corrections = corrections_of(stack, witness)
        trained = {found: first_version(mode, found, witness) for found in corrections}
        delays_s, censored = delays(trained, steps)
        return {
            "mode": mode,
            "median_s": statistics.median(delays_s),
            "p95_s": float(np.percentile(delays_s, 95)),
            "corrections": len(delays_s),
            "censored": censored,
            "versions": len(witness.versions),
            "labels": witness.labels,
            "wall_s": wall_s,
            "control_p99_ms": float(1e3 * np.nanpercentile(steps.period_s, 99)),
            "late_ratio": float(late(steps.period_s, RATE_HZ).mean()),
            "swap_bytes": statistics.median(
                Path(made.path).stat().st_size for made in witness.versions.values()
            ),
            "steps_per_label": witness.steps / max(witness.labels, 1),
        }


def loop_of(mode: str, stack: RunningStack, witness: Witness, rounds: Sequence[Sequence[int]]) -> SessionLoop:
    """Return the loop of a session that trains in this mode."""
    kind = RunEpisode.Goal.INTERVENTION
    return SessionLoop(stack.client.stack, witness, kind, rounds, MODES[mode], attempts=3)


def running(stack: RunningStack) -> int:
    """Return the version that the policy node runs, 0 for none."""
    state = stack.client.policy_state
    return 0 if state is None else int(state.version)


def corrections_of(stack: RunningStack, witness: Witness) -> list[Correction]:
    """Return the take-overs of the row that can be trained on."""
    train_file = load_train_file(config_file("train", RECIPE))
    task, run = load_task(config_file("task", TASK)), stack.plan.run
    rounds = Rounds(stack.robot, task, train_file, EpisodeStore(run.episodes), run.checkpoints)
    data = rounds.update_data(Hooks())
    return [found for found in data.corrections if found.episode_id in witness.round_of]


def first_version(mode: str, correction: Correction, witness: Witness) -> int | None:
    """Return the first version that was trained on a correction, None for none."""
    if mode == "rounds":
        return witness.version_of.get(witness.round_of[correction.episode_id])
    for version, made in sorted(witness.versions.items()):
        provenance = load_provenance(Path(made.path))
        for found in () if provenance is None else provenance.corrections:
            same = (found.episode_id, found.intervention_id) == (
                correction.episode_id,
                correction.intervention_id,
            )
            if same and found.trained_on:
                return version
    return None


def delays(trained: Mapping[Correction, int | None], steps: Steps) -> tuple[list[float], int]:
    """Return the time of each correction until it drove [s], and how many never did."""
    by_policy, found_s, censored = steps.source == CommandSource.POLICY, [], 0
    for correction, version in trained.items():
        drives = by_policy & (steps.policy_version >= (version or 0)) & (steps.stamp_s > correction.ended_s)
        if version is None or not drives.any():
            censored += 1
            found_s.append(float(steps.stamp_s[-1]) - correction.ended_s)
        else:
            found_s.append(float(steps.stamp_s[drives][0]) - correction.ended_s)
    return found_s, censored


if __name__ == "__main__":
    main()
