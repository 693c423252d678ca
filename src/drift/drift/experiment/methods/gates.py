"""Who takes over, and when: DRIFT-DAgger in form `left` with other persons than the task's own."""

from drift_config.errors import ConfigError
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.environments.environment import Expert
from drift_sim.expert import person
from drift_sim.expert.person import Person
from drift_sim.shell import Shell

from drift.experiment.courses import equal_labels
from drift.experiment.courses.rounds import ROUNDS
from drift.experiment.methods.method import Corrects, Method

_EVERY_S = 4.0  # on average, a random take-over


def corrects(who: Person) -> Corrects:
    """Return what gives the person of an episode; ConfigError for a task of others, which has one alone."""

    def expert(shell: Shell, seed: int) -> Expert:
        if not isinstance(shell.environment, ArmCell):
            raise ConfigError(
                f"task={shell.task.name} must be one of ours: there is no other person for those of others"
            )
        return shell.environment.expert("correct", seed, person=who)

    return expert


def _rounds(title: str, who: Person) -> Method:
    return Method(title, ROUNDS, corrects=corrects(who), ours_alone=True)


METHODS = {
    "by_cosine": _rounds("cosine of both motions below 0.5", person.by_cosine(0.5)),
    "late": _rounds("deviation, a second late", person.late(1.0)),
    "overlooking": _rounds("deviation, half of it overlooked", person.overlooking(0.5)),
    "shaking": _rounds("deviation, with a shaking hand", Person(shakes=True)),
    "at_random": Method(
        f"at random, every {_EVERY_S:g} s of the policy, as many labels in each round",
        equal_labels.in_rounds("drift_left", equal_labels.correct),
        corrects=corrects(person.at_random(_EVERY_S)),
        ours_alone=True,
    ),
}
