"""MoDE: what experts that are chosen by the noise level cost and give, beside dense networks.

Latency: from the condition to the chunk (DDIM-16, batch 1, one thread), all ways in turn. `uncached` asks the
router at every step and runs the chosen experts one by one; everything else is hoisted as for the others.
`dense_total` has as many parameters, `dense_active` as many as run at one step.

passed: cached at least 1.5 times as fast as uncached (in the engine that has both) and 1.3 times as fast as
dense_total, with a difference of at most 1e-5 at every step and at batch sizes 1, 2 and 8.

A second table, with --tasks: success beside a dense network of as many active parameters, both trained alike,
rollouts paired (`support/expert_study.py`); `place+insert` is one policy for both tasks.
"""

from pathlib import Path

import torch
from benchmarks.support.expert_speed import speed_rows
from benchmarks.support.expert_study import study
from benchmarks.support.report import Row, arguments, report, write_rows
from drift_core.denoisers import ModeConfig

TASKS = ("fork", "place", "insert", "place+insert")


def main() -> None:
    parser = arguments("MoDE: experts chosen by the noise level")
    parser.add_argument("--repetitions", type=int, default=100, help="of each latency")
    parser.add_argument("--width", type=int, default=ModeConfig().width, help="of the networks")
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=[], help="whose success is measured")
    parser.add_argument("--folder", type=Path, default=Path("runs/expert_policies"), help="of the policies")
    parser.add_argument("--seeds", type=int, default=5, help="policies per task and network")
    parser.add_argument("--rollouts", type=int, default=50, help="with each policy")
    parser.add_argument("--steps", type=int, default=2000, help="gradient steps of each policy")
    options = parser.parse_args()
    torch.set_num_threads(1)
    speed = speed_rows(ModeConfig(width=options.width), 20 if options.quick else options.repetitions)
    report("experts chosen by the noise level", speed, options.json)
    rows: list[Row] = []
    for task in options.tasks:
        rows += study(task, options.folder, options.seeds, options.rollouts, options.steps)
        write_rows([*speed, *rows], options.json)
    if rows:
        report("success with experts", rows, None)


if __name__ == "__main__":
    main()
