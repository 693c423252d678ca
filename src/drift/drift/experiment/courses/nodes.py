"""The policy at the end of the rounds, evaluated by the in-process shell, or by the nodes over DDS.

Episodes and trainings are those of the shell, and so of one seed the same: it is the same policy.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses import rounds
from drift.experiment.courses.course import Amount, Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point, RollOut


def _evaluated(roll_out: "RollOut | None" = None) -> Course:
    """Return rounds with an evaluation at the end alone; `roll_out`: by whom, None for the shell."""

    def run(learner: "Learner") -> list["Point"]:
        learner.begin()
        for part in learner.job.corrected:
            learner.correct(part)
            learner.train()
        return [learner.evaluate(last=True, roll_out=roll_out)]

    def amount(budget: Budget) -> Amount:
        usual, alone = rounds.amount(budget), budget.at_the_end
        if roll_out is None:
            return replace(usual, driven=budget.episodes + alone)
        return replace(usual, driven=budget.episodes, in_real_time=alone)

    return Course(run, amount, real_time=roll_out is not None)


def by_the_nodes(learner: "Learner", seeds: Sequence[int]) -> list[tuple[bool, float]]:
    """Start the nodes as the demo does, on the job's folder; StackError and SessionError as of them."""
    from drift_ros.session import SessionClient

    from drift.demo.online import keep_to_this_machine, start_stack
    from drift.demo.rollouts import roll_out, wait_for_nodes

    keep_to_this_machine()
    job, lines = learner.job, lambda name, line: None  # each node has a log of its own
    with start_stack(job.task.robot, job.task.task, job.train, learner.folder, lines) as stack:
        with SessionClient() as client:
            wait_for_nodes(stack, client)
            rollouts = roll_out(client, seeds, learner.say)
    learner.counts.node_steps += sum(rollout.control_steps for rollout in rollouts)
    learner.counts.late_steps += sum(rollout.late_steps for rollout in rollouts)
    return [(rollout.success, rollout.duration_s) for rollout in rollouts]


IN_THE_SHELL = _evaluated()
BY_THE_NODES = _evaluated(by_the_nodes)
