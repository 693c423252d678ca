"""The enums of the packages without ROS equal the constants of the messages, name by name."""

import pytest
from drift import session_loop
from drift_control.gate import state as control
from drift_core import episodes as core
from drift_core.messages.chunks import ACTION_SPACES
from drift_interfaces.action import RunEpisode
from drift_interfaces.msg import ActionChunk, GateState, Outcome, PolicyState, Step
from drift_interfaces.srv import LoadCheckpoint
from drift_policy_node import candidate, status
from drift_sim import world
from trainer_node import episode_runner


def constants(message, prefix="", others="-"):
    """Return the constants of a message by name without the prefix; `others` begins those of another kind."""
    return {
        name.removeprefix(prefix): getattr(message, name)
        for name in dir(message)
        if name.startswith(prefix) and not name.startswith(others) and isinstance(getattr(message, name), int)
    }


NONE = {"NONE": 0}
ANNOUNCED = {"ROLLED_BACK": 6, "NOT_FETCHED": 7}  # of announcements alone, no answers of the service
SAME = [
    (control.State, constants(GateState, others="REASON_")),
    (control.Reason, constants(GateState, "REASON_")),
    (control.CommandSource, constants(Step, "SOURCE_")),
    (core.StepSource, constants(Step, "SOURCE_")),
    (control.GuardFlag, constants(Step, "GUARD_") | NONE),
    (status.PolicyPhase, constants(PolicyState)),
    (candidate.CandidateFault, constants(LoadCheckpoint.Response) | ANNOUNCED),
    (episode_runner.GoalKind, constants(RunEpisode.Goal)),
    (episode_runner.Error, constants(RunEpisode.Result)),
    (episode_runner.EpisodeOutcome, constants(Outcome, others="BY_")),
    (world.TaskOutcome, constants(Outcome, others="BY_")),
]


@pytest.mark.parametrize(("enum", "theirs"), SAME, ids=lambda value: getattr(value, "__qualname__", ""))
def test_an_enum_equals_the_constants_of_its_message(enum, theirs):
    ours = {name: int(member) for name, member in enum.__members__.items()}
    assert len(ours) > 1
    assert ours | NONE == theirs | NONE


def test_the_action_spaces_of_chunks_are_those_of_their_message():
    assert ACTION_SPACES == {ActionChunk.TCP_POSE: "tcp_pose", ActionChunk.JOINT_POSITION: "joint_position"}


def test_names_and_single_numbers_taken_from_messages():
    assert core.GUARD_HOLD == Step.GUARD_HOLD == 64
    assert session_loop.SUCCESS == Outcome.SUCCESS == 1
