"""Where arm and gripper say where they are: topics, publishers, rates, missing joints."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from drift_control.publishers import listed
from drift_control.robot.joint_states import RESTAMPING_NODE

from drift.doctor.finding import Finding, failure, good, warning
from drift.doctor.robot.wanted import Wanted

_ENOUGH = 0.9  # of the rate of the gate: less is not only jitter
_DRIVERS = "activate joint_state_broadcaster; joint_state_topics of {} must name the drivers' own topics"


@dataclass(frozen=True)
class TopicHeard:
    """One topic of joint states."""

    publishers: tuple[str, ...]  # full names of nodes
    rate_hz: float  # of messages with a joint of the arm; of any where none has one
    names: frozenset[str] = frozenset()  # of joints, in its messages
    of_arm: bool = False  # it has joints of the arm


def joint_states(
    wanted: Wanted, topics: Mapping[str, TopicHeard], trouble: str, elsewhere: Collection[str]
) -> Finding:
    """`trouble`: what the gate would object to; `elsewhere`: other topics of joint states there are."""
    advice = _DRIVERS.format(wanted.file)
    if elsewhere:
        advice += f"; there are also {', '.join(sorted(elsewhere))}"
    for topic, heard in topics.items():
        restamped = [n for n in heard.publishers if n.rpartition("/")[2].startswith(RESTAMPING_NODE)]
        if restamped:
            return failure(
                f"{topic} comes from {', '.join(restamped)}, which gives old positions a new stamp", advice
            )
    silent = [topic for topic, heard in topics.items() if not heard.publishers]
    if trouble and silent:
        return failure(f"nobody publishes {', '.join(silent)}; {trouble}", advice)
    if trouble:
        names = sorted(frozenset().union(*(heard.names for heard in topics.values())))
        carried = f"; the messages have {listed(names, 8)}" if names else "; no message came"
        return failure(
            f"{trouble}{carried}",
            f"joint_names of {wanted.file} and `joints` of its gripper must be the driver's, with prefix; "
            f"is the gripper's driver up? {advice}",
        )
    said = [
        f"{topic} {heard.rate_hz:.0f} Hz by {', '.join(heard.publishers)}"
        for topic, heard in topics.items()
        if heard.publishers
    ]
    slow = [
        heard.rate_hz
        for heard in topics.values()
        if heard.of_arm and heard.rate_hz < _ENOUGH * wanted.rate_hz
    ]
    if slow:
        return warning(
            f"{'; '.join(said)}: the gate looks {wanted.rate_hz:g} times a second",
            f"raise update_rate of joint_state_broadcaster to {2.0 * wanted.rate_hz:g} Hz or more",
        )
    return good("; ".join(said))
