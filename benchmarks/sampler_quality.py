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
from collections.abc import Sequence
from pathlib import Path

import torch
from benchmarks.support.networks import SAMPLERS as TIMED
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.rollouts import Bench, Meter, Rollout, arm_bench, fork_bench
from benchmarks.support.trained_policy import ROBOT, Training, trained_policy
from drift.configuration import config_file
from drift.evaluation import seeds
from drift.simulation import make_shell
from drift_core.engines import ENGINES, make_engine
from drift_core.intervals import paired_difference, success_rate
from drift_core.task import load_task
from rich.console import Console

REFERENCE = "ddim-16"
WARM = [name for name in dict.fromkeys(TIMED.values()) if name.startswith("rti")]
COLD = {name: name.replace("rti", "ddim") for name in WARM}  # as many steps from noise
OTHERS = [name for name in TIMED.values() if name not in (*WARM, "ddpm-100")]
SAMPLERS = (REFERENCE, *COLD.values(), *WARM, *OTHERS)
QUICK_SAMPLERS = (REFERENCE, "ddim-3", "rti-3")
REPLAN_STEPS = {"fork": (1, 4), "place": (4,)}
FULL = {"fork": Training(100, "demo", 2000), "place": Training(40, "demo", 2000)}
QUICK = {"fork": Training(40, "demo", 500), "place": Training(4, "smoke", 60)}
QUICK_ROLLOUTS = {"fork": 10, "place": 1}


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
