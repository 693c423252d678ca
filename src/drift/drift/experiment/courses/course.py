"""What a course is: the order of a job's stages, and how much of everything that comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift.experiment.budget import Budget

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


@dataclass(frozen=True)
class Amount:
    """How much of everything a course does, as far as it is known before."""

    demonstrations: int  # episodes of the expert alone
    driven: int  # episodes of a policy
    offline_steps: int  # gradient steps of the bootstrapping
    online_steps: int  # of all further trainings
    in_real_time: int = 0  # episodes of a policy by the nodes
    beside: "Amount | None" = None  # what another method comes to that is run for this one


@dataclass(frozen=True)
class Course:
    """One order of the stages."""

    run: Callable[["Learner"], list["Point"]]  # at least one point; the last one is the job's result
    amount: Callable[[Budget], Amount]
    changes: bool = False  # the task becomes another one after the first point: that of its file's `then`
    real_time: bool = False  # nodes run, which need the machine for themselves; nothing is twice the same
