"""How long until a correction drives the arm? From its end to the first chunk of a policy trained on it.

Simulation, gate, policy, trainer and the scripted expert run as processes; a policy is trained beforehand on
a few demonstrations, once, and every row starts from it with the same seeds. `rounds`: a round of training
follows each `--round` episodes, as in the demo. `continuous`: without rounds (docs/drift.md §7). A correction
ends with the last control step that the expert drives. It is trained on in the first version that holds at
least half of its budget of steps in the averaged weights, which the version says of itself; a version of a
round is trained on all episodes that were over when the round began. It drives when the gate executes a step
of a chunk of that version, or of a later one. One that never does is `censored`, and counts with the time to
the end of the row. Corrections of episodes that are held out, one in ten, are not counted. `announced_s`:
until the version was written, the median; `peak_rss_mb`: of the training worker; `load`: average of the
last five minutes. Rows of one seed have the same episodes; each one is written when it has ended. Network S
within 20 minutes: `--networks S --episodes 10 --round 5 --evaluations 10`.
"""

import os
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.support.report import Row, arguments, report, write_rows
from benchmarks.support.running_stack import (
    ROBOT,
    START_LIMIT_S,
    TASK,
    RunningStack,
    running_stack,
)
from benchmarks.support.step_log import StepLog, Steps, late
from benchmarks.support.trained_policy import Training, trained_policy
from drift.configuration import config_file
from drift.errors import StackError
from drift.evaluation import Job, evaluate
from drift.evaluation import seeds as evaluation_seeds
from drift.ros_command import processes
from drift.session_loop import SessionLoop, SessionWatcher, TrainWhen, run_session
from drift_control.gate.state import CommandSource
from drift_core.data.training_data import Correction
from drift_core.episodes import EpisodeStore
from drift_core.policy.checkpoint_folder import read_latest
from drift_core.task import load_task
from drift_core.training.budget import TrainedCorrection
from drift_core.training.config import load_train_file
from drift_core.training.provenance import load_provenance
from drift_core.training.rounds import Hooks, Rounds
from drift_interfaces.msg import Checkpoint
from drift_ros import qos
from drift_ros.clock import steady_s, to_seconds
from drift_ros.errors import error_name
from drift_ros.stack_client import RunEpisode

RATE_HZ = 50.0
SEED = 5_000  # of the first corrected episode
NEXT_SEED = 1_000  # from there to those of the next pair of rows
MODES = {"rounds": TrainWhen.AFTER_ROUND, "continuous": TrainWhen.CONTINUOUSLY}
TRAINED = {"mlp": Training(15, "demo", 2_000), "S": Training(15, "demo_unet", 1_000)}  # before, by network
QUICK_DEMONSTRATIONS, QUICK_STEPS = 3, 60
SWAP_LIMIT_S = 20.0
AT_SWAP_S = 0.5  # before and after the first step of a version
DRIVE_S = 3.0  # after the last version, so that one more chunk can be of it


def main() -> None:
    parser = arguments("Time from the end of a correction to the first chunk of a policy trained on it")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--networks", nargs="+", choices=list(TRAINED), default=["mlp"])
    parser.add_argument("--seeds", type=int, default=1, help="pairs of rows, with other episodes each")
    parser.add_argument("--episodes", type=int, default=34, help="corrected episodes of each row")
    parser.add_argument("--round", type=int, default=17, help="episodes of a round")
    parser.add_argument("--evaluations", type=int, default=40, help="rollouts before and after")
    parser.add_argument("--policy", type=Path, help="folder that keeps the policy trained beforehand")
    options = parser.parse_args()
    modes, seeds, episodes = options.modes, options.seeds, options.episodes
    trained, evaluations = {name: TRAINED[name] for name in options.networks}, options.evaluations
    if options.quick:
        modes, seeds, episodes, evaluations = ["continuous"], 1, 1, 0
        trained = {
            name: replace(training, demonstrations=QUICK_DEMONSTRATIONS, steps=QUICK_STEPS)
            for name, training in trained.items()
        }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="drift-benchmark-") as temporary:
        for network, training in trained.items():
            folder = (options.policy or Path(temporary)) / network
            trained_policy(TASK, training, folder)
            before = success(folder / TASK / "checkpoints", training.file, evaluations)
            for seed in range(seeds):
                for mode in modes:
                    after = Path(temporary) / f"{network}_{mode}_{seed}"
                    first = SEED + NEXT_SEED * seed
                    episode_seeds = range(first, first + episodes)
                    row = measure(mode, training.file, folder / TASK, after, episode_seeds, options.round)
                    succeeded = success(after, training.file, evaluations)
                    rows.append(
                        {
                            "mode": mode,
                            "network": network,
                            "seed": seed,
                            **row,
                            "success_before": before,
                            "success_after": succeeded,
                        }
                    )
                    write_rows(rows, options.json)
                    print(rows[-1], flush=True)
    report(f"corrections of {TASK}", rows, options.json)


def success(checkpoints: Path, recipe: str, rollouts: int) -> float | None:
    """Return the success of the newest version in this process's shell, None without rollouts."""
    latest = read_latest(checkpoints)
    if latest is None or not rollouts:
        return None
    sampler = load_train_file(config_file("train", recipe)).policy.sampler
    job = Job(checkpoints / latest.file, ROBOT, TASK, sampler, latest.sha256)
    return statistics.mean(rollout.success for rollout in evaluate(job, evaluation_seeds(rollouts)))


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


def measure(mode: str, recipe: str, before: Path, after: Path, seeds: range, of_round: int) -> Row:
    """Run the corrected episodes `seeds` beside training of this mode; return the row.

    `before`: a run's folder; the checkpoints go to `after`.
    """
    with running_stack(RATE_HZ, expert="scripted", recipe=recipe) as stack:
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
        rounds = [seeds[start : start + of_round] for start in range(0, len(seeds), of_round)]
        began_s, loop = steady_s(), loop_of(mode, stack, witness, rounds)
        run_session(client, loop, steady_s)
        newest = max(witness.versions, default=first)
        client.wait_until(lambda: running(stack) >= newest, SWAP_LIMIT_S, "the last swap")
        wall_s, rss_mb = steady_s() - began_s, peak_rss_mb(stack.pid("trainer"))
        # the last version drives, too, as it would if the work went on
        client.run_episode(RunEpisode.Goal.EVALUATION, SEED - 1, max_duration_s=DRIVE_S)
        steps = log.steps()
        corrections = corrections_of(stack, recipe, witness)
        trained = {found: first_version(mode, found, witness) for found in corrections}
        delays_s, censored = delays(trained, steps)
        made_s = [
            to_seconds(witness.versions[version].header.stamp) - found.ended_s
            for found, version in trained.items()
            if version in witness.versions
        ]
        shutil.copytree(run.checkpoints, after)
        is_late, stamp_s = late(steps.period_s, RATE_HZ), steps.stamp_s[1:]
        return {
            "median_s": percentile(delays_s, 50),
            "p95_s": percentile(delays_s, 95),
            "announced_s": percentile(made_s, 50),
            "corrections": len(delays_s),
            "censored": censored,
            "versions": len(witness.versions),
            "labels": witness.labels,
            "steps_per_label": witness.steps / max(witness.labels, 1),
            "averaged_share": averaged_share(corrections, witness),
            "wall_s": wall_s,
            "control_p99_ms": float(1e3 * np.nanpercentile(steps.period_s, 99)),
            "late_ratio": float(is_late.mean()),
            "late_ticks_at_swaps": int(is_late[at_swaps(steps, stamp_s)].sum()),
            "peak_rss_mb": rss_mb,
            "swap_bytes": percentile(
                [Path(made.path).stat().st_size for made in witness.versions.values()], 50
            ),
            "load": os.getloadavg()[1],
        }


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile, None of nothing."""
    return float(np.percentile(values, percent)) if values else None


def at_swaps(steps: Steps, stamp_s: np.ndarray) -> np.ndarray:
    """Return which of these times (N,) are near the first step of a version, (N,) bool."""
    versions = np.unique(steps.policy_version[steps.policy_version > 0])[1:]  # the first was there before
    near = np.zeros(len(stamp_s), dtype=bool)
    for version in versions:
        near |= np.abs(stamp_s - steps.stamp_s[steps.policy_version == version].min()) <= AT_SWAP_S
    return near


def peak_rss_mb(trainer: int) -> float:
    """Return the largest memory of the worker of the trainer node [MB]."""
    (worker,) = Path(f"/proc/{trainer}/task/{trainer}/children").read_text().split()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def averaged_share(corrections: Sequence[Correction], witness: Witness) -> float | None:
    """Return what the last version has of a correction, the median; None without a version."""
    if not witness.versions:
        return None
    provenance = load_provenance(Path(witness.versions[max(witness.versions)].path))
    held = {} if provenance is None else {key(found): found.share for found in provenance.corrections}
    return percentile([held.get(key(found), 0.0) for found in corrections], 50)


def key(correction: Correction | TrainedCorrection) -> tuple[str, int]:
    """Return what a correction is known by."""
    return correction.episode_id, correction.intervention_id


def loop_of(mode: str, stack: RunningStack, witness: Witness, rounds: Sequence[Sequence[int]]) -> SessionLoop:
    """Return the loop of a session that trains in this mode."""
    kind = RunEpisode.Goal.INTERVENTION
    return SessionLoop(stack.client.stack, witness, kind, rounds, MODES[mode], attempts=3)


def running(stack: RunningStack) -> int:
    """Return the version that the policy node runs, 0 for none."""
    state = stack.client.policy_state
    return 0 if state is None else int(state.version)


def corrections_of(stack: RunningStack, recipe: str, witness: Witness) -> list[Correction]:
    """Return the take-overs of the row that can be trained on."""
    train_file = load_train_file(config_file("train", recipe))
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
            if key(found) == key(correction) and found.trained_on:
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
