"""The same policy in the in-process shell, which all other numbers are of, and by the ROS nodes."""

from drift.experiment.courses.nodes import BY_THE_NODES, IN_THE_SHELL
from drift.experiment.methods.method import Method

METHODS = {
    "in_the_shell": Method("in-process shell", IN_THE_SHELL),
    "by_the_nodes": Method("nodes over DDS", BY_THE_NODES, ours_alone=True),
}
