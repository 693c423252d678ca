"""What few denoising steps cost in success: all samplers with the same weights on the same seeds.

Two tasks. `fork` has two equally good ways, so that it shows which of them a sampler takes; there a chunk is
replaced after every step, as in the paper of RTI, and after four, as on the arm. `place` is the arm with
gate, guard, cameras and real-time chunking, paced like the policy node. Every rollout is run a second time
in which something moves: in `fork` the point jumps to the other side of the obstacle after 0.6 s, in `place`
the disc to another place after 2 s, before any rollout can have succeeded.

warm_share: chunks that RTI denoised from the last one; the others were full denoises. after_move_full: of
the moved rollouts, those whose first chunk after the move was a full denoise. after_move_s: median time from
the move to success. The differences are paired, in success, to DDIM-16 and, for RTI-k, to cold DDIM-k.
Trained policies are kept in --folder, so that a second run only evaluates.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmarks.support.networks import SAMPLERS as TIMED
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.trained_policy import ROBOT, Training, trained_policy
from drift.configuration import config_file
from drift.evaluation import seeds
from drift.intervals import paired_difference, success_rate
from drift.simulation import make_shell, policy_pace
from drift_core.engines import ENGINES, make_engine
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import RtiSampler, Sampler
from drift_core.task import TaskConfig, load_task
from drift_sim.scenes.fork import Way, rollout
from drift_sim.shell import START_S, Shell
from rich.console import Console
from torch import Tensor

REFERENCE = "ddim-16"
WARM = [name for name in dict.fromkeys(TIMED.values()) if name.startswith("rti")]
COLD = {name: name.replace("rti", "ddim") for name in WARM}  # as many steps from noise
OTHERS = [name for name in TIMED.values() if name not in (*WARM, "ddpm-100")]
SAMPLERS = (REFERENCE, *COLD.values(), *WARM, *OTHERS)
QUICK_SAMPLERS = (REFERENCE, "ddim-3", "rti-3")
REPLAN_STEPS = {"fork": (1, 4), "place": (4,)}
MIRROR_STEP = 6  # of fork
GOAL_MOVES_S = 2.0
FULL = {"fork": Training(100, "demo", 2000), "place": Training(40, "demo", 2000)}
QUICK = {"fork": Training(40, "demo", 500), "place": Training(4, "smoke", 60)}
QUICK_ROLLOUTS = {"fork": 10, "place": 1}


@dataclass(frozen=True)
class Chunk:
    """One sample."""

    stamp_s: float  # of its observation
    calls: int  # of the network
    warm: bool  # begun from the last chunk, and kept


@dataclass
class Meter:
    """A sampler that counts."""

    sampler: Sampler
    chunks: list[Chunk] = field(default_factory=list)
    stamp_s: float = 0.0

    def reset(self) -> None:
        self.sampler.reset()

    def observe(self, stamp_s: float, dt_s: float, condition: Tensor) -> None:
        self.stamp_s = stamp_s
        self.sampler.observe(stamp_s, dt_s, condition)

    def sample(self, denoise: Callable[[Tensor, Tensor], Any], *rest: Any) -> Tensor:
        calls = 0

        def counted(x: Tensor, k: Tensor) -> Any:
            nonlocal calls
            calls += 1
            return denoise(x, k)

        chunk = self.sampler.sample(counted, *rest)
        warm = isinstance(self.sampler, RtiSampler) and not self.sampler.cold
        self.chunks.append(Chunk(self.stamp_s, calls, warm))
        return chunk


@dataclass(frozen=True)
class Rollout:
    """One episode."""

    success: bool
    duration_s: float
    left: bool | None  # None: no choice was to be made
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Bench:
    """One task with its policy, replanning after so many steps."""

    task: str
    replan_steps: int
    run: Callable[[int, Meter, bool], Rollout]  # seed, sampler, whether something moves
    move_s: float  # stamp of the first observation after the move
    start_s: float  # stamp at which an episode begins


def fork_bench(policy: DiffusionPolicy, task: TaskConfig, replan_steps: int) -> Bench:
    task = replace(task, action_steps=replan_steps)
    start_s = task.observation_steps * task.dt_s

    def run(seed: int, meter: Meter, moves: bool) -> Rollout:
        meter.reset()
        act = partial(policy.act, sampler=meter, generator=torch.Generator().manual_seed(seed))
        episode = rollout(task, seed, act, MIRROR_STEP if moves else None)
        left = None if episode.way is None else episode.way is Way.LEFT
        return Rollout(episode.success, len(episode.actions) * task.dt_s, left, tuple(meter.chunks))

    return Bench(task.name, replan_steps, run, start_s + MIRROR_STEP * task.dt_s, start_s)


def arm_bench(policy: DiffusionPolicy, shell: Shell, replan_steps: int) -> Bench:
    pace = replace(policy_pace(), replan_steps=replan_steps)

    def run(seed: int, meter: Meter, moves: bool) -> Rollout:
        goal_moves_s = GOAL_MOVES_S if moves else None
        episode = shell.run_episode(seed, policy, meter, pace=pace, goal_moves_s=goal_moves_s)
        return Rollout(episode.success, episode.duration_s, None, tuple(meter.chunks))

    return Bench(shell.task.name, replan_steps, run, START_S + GOAL_MOVES_S, START_S)


def main() -> None:
    parser = arguments("Success by sampler")
    parser.add_argument("--folder", type=Path, default=Path("runs/trained_policies"), help="of the policies")
    parser.add_argument("--tasks", nargs="+", choices=list(FULL), default=list(FULL))
    parser.add_argument("--rollouts", type=int, default=100, help="of each sampler, and as many that move")
    parser.add_argument("--engine", choices=ENGINES, default="eager", help="what runs the network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    log = Console(stderr=True)
    samplers = QUICK_SAMPLERS if options.quick else SAMPLERS
    rows: list[Row] = []
    for task_name in options.tasks:
        folder = options.folder / "quick" if options.quick else options.folder
        policy = trained_policy(task_name, (QUICK if options.quick else FULL)[task_name], folder)
        encoder = None if policy.encoder is None else make_engine(options.engine, policy.encoder)
        policy.use_engine(make_engine(options.engine, policy.denoiser), encoder)
        task = load_task(config_file("task", task_name))
        shell = None if task.action_space == "point" else make_shell(ROBOT, task_name)
        count = QUICK_ROLLOUTS[task_name] if options.quick else options.rollouts
        for replan_steps in REPLAN_STEPS[task_name]:
            if shell is None:
                bench = fork_bench(policy, task, replan_steps)
            else:
                bench = arm_bench(policy, shell, replan_steps)
            still: dict[str, list[bool]] = {}
            for name in samplers:
                runs, moved = (
                    [bench.run(seed, Meter(policy.make_sampler(name)), moves) for seed in seeds(count)]
                    for moves in (False, True)
                )
                still[name] = [run.success for run in runs]
                rows.append(row(bench, name, runs, moved, still))
                shown = [success_rate([run.success for run in which]) for which in (runs, moved)]
                log.print(f"{task_name} every {replan_steps}, {name}: {shown[0]}, moved {shown[1]}")
        if shell is not None:
            shell.close()
    report("success of one policy by sampler", rows, options.json)


def row(
    bench: Bench, name: str, runs: Sequence[Rollout], moved: Sequence[Rollout], still: dict[str, list[bool]]
) -> dict[str, str | int | float | None]:
    """Return the row of one sampler; `still`: successes by sampler where nothing moved, so far."""
    chunks = [chunk for run in runs for chunk in run.chunks]
    lefts = [run.left for run in runs if run.success and run.left is not None]
    after_move_s = [bench.start_s + run.duration_s - bench.move_s for run in moved if run.success]
    warm_share = full_share = cold = None
    if name in COLD:
        warm_share = statistics.fmean(chunk.warm for chunk in chunks)
        full_share = statistics.fmean(first_is_full(run, bench.move_s) for run in moved)
        cold = still[COLD[name]]
    return {
        "task": bench.task,
        "replan_steps": bench.replan_steps,
        "sampler": name,
        "calls_p50": statistics.median(chunk.calls for chunk in chunks),
        "calls_mean": statistics.fmean(chunk.calls for chunk in chunks),
        "warm_share": warm_share,
        "rollouts": len(runs),
        **rate("success", still[name]),
        **difference("difference_to_ddim16", None if name == REFERENCE else still[REFERENCE], still[name]),
        **difference("difference_to_cold", cold, still[name]),
        "left_share": statistics.fmean(lefts) if lefts else None,
        **rate("moved_success", [run.success for run in moved]),
        "after_move_full": full_share,
        "after_move_s": statistics.median(after_move_s) if after_move_s else None,
    }


def rate(key: str, outcomes: list[bool]) -> dict[str, float]:
    found = success_rate(outcomes)
    return {key: found.value, f"{key}_low": found.low, f"{key}_high": found.high}


def difference(key: str, before: list[bool] | None, after: list[bool]) -> dict[str, float | None]:
    keys = (key, f"{key}_low", f"{key}_high")
    if before is None:
        return dict.fromkeys(keys)
    found = paired_difference(before, after)
    return dict(zip(keys, (found.value, found.low, found.high), strict=True))


def first_is_full(run: Rollout, move_s: float) -> bool:
    """Whether the first chunk of `run` after the move was a full denoise."""
    after = [chunk for chunk in run.chunks if chunk.stamp_s > move_s - 1e-3]
    return bool(after) and not after[0].warm


if __name__ == "__main__":
    main()
