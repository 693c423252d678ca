"""Forgetting: learn the task, then, by corrections, the same with object and goal on the other's side.

The first and the last point are of the task as it was, those between of the new one.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from drift_config.errors import ConfigError
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell

from drift.experiment.budget import Budget
from drift.experiment.courses import rounds
from drift.experiment.courses.course import Amount, Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point

_PAIRS = (("object", "goal"), ("goal", "object"))


def changed_over(shell: Shell) -> Shell:
    """Return a shell where the object starts in the goal's region, and the goal in the object's.

    ConfigError for a task without such regions.
    """
    cell = shell.environment
    if not isinstance(cell, ArmCell) or "goal_low_m" not in cell.task.scene.get("reset", {}):
        raise ConfigError(f"task={shell.task.name} must have regions where object and goal start")
    reset = cell.task.scene["reset"]
    regions = {f"{to}_{end}_m": reset[f"{of}_{end}_m"] for to, of in _PAIRS for end in ("low", "high")}
    scene = {**cell.task.scene, "reset": {**reset, **regions}}
    return Shell(cell.another(replace(cell.task, scene=scene)))


def _run(learner: "Learner") -> list["Point"]:
    learner.begin()
    before, parts = learner.evaluate(last=True), learner.job.corrected
    with learner.elsewhere(changed_over):
        points = []
        for part in parts:
            learner.correct(part)
            learner.train()
            points.append(learner.evaluate(last=part == parts[-1]))
    return [before, *points, learner.evaluate(last=True)]


def _amount(budget: Budget) -> Amount:
    usual, more = rounds.amount(budget), 2 * budget.at_the_end - budget.evaluations
    return replace(usual, driven=usual.driven + more)


MOVED = Course(_run, _amount)
