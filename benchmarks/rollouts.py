"""How many rollouts of a policy the simulation makes in a minute, beside an earlier build of it.

Build "now" is this checkout, "before" the one that --before names (`git worktree add ../before COMMIT`; it
needs no set-up of its own as long as it has the same dependencies). Both make the same rollouts as `drift
eval`: one process, the same checkpoint and seeds, in turn, `BLOCK` seeds at a time; what is made at the first
rollout of a process does not count.

    rollouts_per_min    of one process
    ratio               to the build before
    outcomes_equal      every seed has the same outcome after the same time, to the bit
    success             share of the rollouts
    seeds_differing     those that succeeded with one build only
"""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.rollout_block import ROOT, Timed, rollouts
from benchmarks.support.trained_policy import ROBOT, Training, trained_policy
from drift.checkpoint_argument import named_checkpoint
from drift.evaluation import EVALUATION_SEED

TASK = "place"
FULL, QUICK = Training(40, "demo", 2000), Training(2, "smoke", 20)
BLOCK, QUICK_ROLLOUTS = 20, 2


def main() -> None:
    parser = arguments("Rollouts per minute in the in-process simulation")
    parser.add_argument("--before", type=Path, help="a checkout of the build to compare with")
    parser.add_argument("--folder", type=Path, default=Path("runs/trained_policies"), help="of the policy")
    parser.add_argument("--rollouts", type=int, default=200, help="of each build")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.folder / "quick" if options.quick else options.folder
    trained_policy(TASK, QUICK if options.quick else FULL, folder)
    checkpoint, _ = named_checkpoint(folder.resolve() / TASK / "checkpoints")
    builds = {} if options.before is None else {"before": options.before.resolve()}
    builds["now"] = ROOT
    found: dict[str, list[Timed]] = {name: [] for name in builds}
    count = QUICK_ROLLOUTS if options.quick else options.rollouts
    for begin in range(0, count, BLOCK):
        for name, build in builds.items():
            block = EVALUATION_SEED + begin, min(BLOCK, count - begin)
            found[name] += rollouts(build, checkpoint, ROBOT, TASK, *block)
    report("rollouts in one process", rows(found), options.json)


def rows(found: Mapping[str, Sequence[Timed]]) -> list[Row]:
    """Return one row for each build."""
    before = found.get("before")
    return [row(name, timed, before if name == "now" else None) for name, timed in found.items()]


def row(build: str, timed: Sequence[Timed], before: Sequence[Timed] | None) -> Row:
    pairs = [] if before is None else list(zip(before, timed, strict=True))
    differing = [str(now.seed) for then, now in pairs if then.outcome["success"] != now.outcome["success"]]
    equal = str(all(then.outcome == now.outcome for then, now in pairs)).lower()
    speed = per_minute(timed)
    return {
        "build": build,
        "rollouts_per_min": speed,
        "ratio": None if before is None else speed / per_minute(before),
        "outcomes_equal": None if before is None else equal,
        "success": statistics.fmean(rollout.outcome["success"] for rollout in timed),
        "seeds_differing": " ".join(differing),
    }


def per_minute(timed: Sequence[Timed]) -> float:
    return 60.0 * len(timed) / sum(rollout.took_s for rollout in timed)


if __name__ == "__main__":
    main()
