"""When to train on corrections: DRIFT-DAgger in form `left`."""

from drift.experiment.courses import by_label
from drift.experiment.courses.stream import STREAM, unhurried
from drift.experiment.methods.method import Method

METHODS = {
    "in_rounds": Method("in rounds", by_label.ROUNDS),
    "each_episode": Method("after each episode", by_label.EACH_EPISODE),
    "continuous": Method("continuous, one stream", STREAM, unhurried),
    "at_the_end": Method("all at the end", by_label.AT_THE_END),
}
