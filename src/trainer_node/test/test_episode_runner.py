"""The episode state machine, driven by hand."""

from dataclasses import replace

import pytest
from trainer_node.episode_runner import (
    Ask,
    AskResult,
    EpisodeGoal,
    EpisodeOutcome,
    EpisodePhase,
    EpisodeRunner,
    EpisodeTiming,
    Error,
    GoalKind,
    Seen,
)

TIMING = EpisodeTiming(
    tail_s=0.3, policy_timeout_s=5.0, home_timeout_s=20.0, service_timeout_s=2.0, person_timeout_s=60.0,
    gate_timeout_s=1.0,
)  # fmt: skip
GOAL = EpisodeGoal(kind=GoalKind.INTERVENTION, seed=3, max_duration_s=10.0)
IDLE = Seen(now_s=0.0, gate_age_s=0.1, policy_ready=True, simulated=True)
OK = AskResult(ok=True)


def start(goal: EpisodeGoal = GOAL) -> EpisodeRunner:
    return EpisodeRunner(goal, TIMING)


def until_running(runner: EpisodeRunner) -> Seen:
    """Answer everything well; the arm is armed at 4 s."""
    asked = [runner.update(IDLE)]
    for now_s in (1.0, 2.0, 3.0, 4.0):
        asked.append(runner.update(replace(IDLE, now_s=now_s, answer=OK)))
    assert asked == [Ask.HOME, Ask.RESET, Ask.RECORD, Ask.ARM, None]
    assert runner.phase is EpisodePhase.RUNNING
    return replace(IDLE, now_s=4.0, armed=True)


def finish(runner: EpisodeRunner, seen: Seen) -> Ask | None:
    """Answer the stop at the end; return what is done with the files."""
    ask = runner.update(replace(seen, answer=OK))
    assert runner.update(replace(seen, answer=None)) is None
    runner.update(replace(seen, answer=OK))
    assert runner.done
    return ask


def test_success_is_held_for_the_tail_then_stopped_and_written():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, now_s=6.5)) is None
    assert runner.update(replace(seen, now_s=7.0, outcome=EpisodeOutcome.SUCCESS)) is None
    assert runner.update(replace(seen, now_s=7.29)) is None
    assert runner.update(replace(seen, now_s=7.31)) is Ask.STOP
    assert finish(runner, replace(seen, now_s=7.4)) is Ask.WRITE
    assert runner.verdict.outcome is EpisodeOutcome.SUCCESS
    assert runner.verdict.duration_s == 3.0


def test_an_episode_that_takes_too_long_is_a_failure_and_is_written():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, now_s=13.9)) is None
    assert runner.update(replace(seen, now_s=14.0)) is Ask.STOP
    assert finish(runner, replace(seen, now_s=14.1)) is Ask.WRITE
    verdict = runner.verdict
    assert (verdict.outcome, verdict.error, verdict.duration_s) == (EpisodeOutcome.FAILURE, Error.NONE, 10.0)
    assert verdict.text == "no success within 10 s"


@pytest.mark.parametrize("kind, ends", [(GoalKind.INTERVENTION, False), (GoalKind.EVALUATION, True)])
def test_a_take_over_ends_an_evaluation_only(kind, ends):
    runner = start(replace(GOAL, kind=kind))
    seen = until_running(runner)
    ask = runner.update(replace(seen, now_s=5.0, expert_drives=True))
    assert (ask is Ask.STOP) is ends
    if ends:
        assert runner.verdict.outcome is EpisodeOutcome.FAILURE


def test_cancelling_stops_the_arm_and_drops_the_episode():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, now_s=5.0, cancel=True)) is Ask.STOP
    assert finish(runner, replace(seen, now_s=5.1, cancel=True)) is Ask.DISCARD
    assert runner.verdict.error is Error.CANCELLED


@pytest.mark.parametrize("answers", [0, 1, 2, 3])
def test_cancelling_before_the_run_ends_it_too(answers):
    runner = start()
    runner.update(IDLE)
    for _ in range(answers):
        runner.update(replace(IDLE, now_s=1.0, answer=OK))
    assert runner.update(replace(IDLE, now_s=2.0, cancel=True)) is Ask.STOP
    assert finish(runner, replace(IDLE, now_s=2.1, cancel=True)) is Ask.DISCARD
    assert runner.verdict.error is Error.CANCELLED


def test_the_stop_at_the_end_is_not_waited_for_longer_than_a_service_may_take():
    runner = start()
    seen = until_running(runner)
    runner.update(replace(seen, now_s=5.0, outcome=EpisodeOutcome.FAILURE))
    assert runner.update(replace(seen, now_s=6.9)) is None
    assert runner.update(replace(seen, now_s=7.1)) is Ask.WRITE


@pytest.mark.parametrize(
    "answers, error, what",
    [
        (0, Error.HOME_FAILED, "home"),
        (1, Error.RESET_FAILED, "reset"),
        (2, Error.NOT_WRITTEN, "recording"),
        (3, Error.ARM_REFUSED, "arm"),
    ],
)
def test_a_refused_step_is_named_with_its_reason(answers, error, what):
    runner = start()
    runner.update(IDLE)
    for _ in range(answers):
        runner.update(replace(IDLE, answer=OK))
    assert runner.update(replace(IDLE, answer=AskResult(False, "because"))) is Ask.STOP
    assert runner.verdict.error is error
    assert runner.verdict.text == f"{what}: because"


def test_a_home_that_is_never_answered_gives_up_after_its_time():
    runner = start()
    runner.update(IDLE)
    assert runner.update(replace(IDLE, now_s=20.0)) is None
    assert runner.update(replace(IDLE, now_s=20.1)) is Ask.STOP
    assert runner.verdict.text == "home: no answer within 20 s"


def test_without_a_policy_only_demonstrations_run():
    waiting = replace(IDLE, policy_ready=False)
    runner = start()
    assert runner.update(waiting) is None
    assert runner.update(replace(waiting, now_s=5.1)) is Ask.STOP
    assert runner.verdict.error is Error.NO_POLICY
    assert start(replace(GOAL, kind=GoalKind.DEMONSTRATION)).update(waiting) is Ask.HOME


def test_an_armed_arm_is_stopped_before_it_goes_home():
    runner = start()
    assert runner.update(replace(IDLE, armed=True)) is Ask.STOP
    assert runner.update(replace(IDLE, answer=OK)) is Ask.HOME


def test_a_fault_ends_the_episode_which_is_kept():
    runner = start()
    seen = until_running(runner)
    faulty = replace(seen, now_s=5.0, fault=True, armed=False, gate_text="tracking error 0.3 rad")
    assert runner.update(faulty) is Ask.STOP
    assert runner.verdict.text == "gate in FAULT: tracking error 0.3 rad"
    assert finish(runner, faulty) is Ask.WRITE
    assert runner.verdict.error is Error.GATE_FAULT


def test_a_fault_from_before_is_cleared_in_simulation_only():
    runner = start()
    assert runner.update(replace(IDLE, fault=True)) is Ask.ARM
    assert runner.update(replace(IDLE, fault=True, answer=OK)) is Ask.STOP
    assert runner.update(replace(IDLE, answer=OK)) is Ask.HOME
    runner = start()
    assert runner.update(replace(IDLE, fault=True, simulated=False, gate_text="too far")) is Ask.STOP
    assert (runner.verdict.error, runner.verdict.text) == (Error.GATE_FAULT, "gate in FAULT: too far")


def test_a_silent_gate_ends_the_episode():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, gate_age_s=1.1)) is Ask.STOP
    assert runner.verdict.error is Error.GATE_FAULT


def test_a_stop_by_the_person_is_a_failure_of_the_policy():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, armed=False)) is None  # gate/state has not caught up yet
    assert runner.update(seen) is None
    assert runner.update(replace(seen, now_s=5.0, armed=False, gate_text="stop requested")) is Ask.STOP
    assert runner.verdict.text == "the gate is not armed: stop requested"
    assert (runner.verdict.error, runner.verdict.outcome) == (Error.NONE, EpisodeOutcome.FAILURE)


def test_without_simulation_the_person_resets_arms_and_marks():
    runner = start()
    alone = replace(IDLE, simulated=False)
    assert runner.update(alone) is Ask.HOME
    assert runner.update(replace(alone, now_s=1.0, answer=OK)) is None
    assert runner.update(replace(alone, now_s=1.9)) is None  # a simulation may still be discovered
    assert runner.update(replace(alone, now_s=2.0)) is Ask.PROMPT
    assert runner.update(replace(alone, now_s=50.0)) is None  # once
    assert runner.update(replace(alone, now_s=51.0, armed=True)) is Ask.RECORD
    assert runner.update(replace(alone, now_s=51.1, armed=True, answer=OK)) is None
    assert runner.phase is EpisodePhase.RUNNING
    runner.update(replace(alone, now_s=53.1, armed=True, outcome=EpisodeOutcome.SUCCESS))
    assert runner.verdict.duration_s == pytest.approx(2.0)


def test_a_simulation_that_is_discovered_late_is_reset_like_any_other():
    runner = start()
    alone = replace(IDLE, simulated=False)
    assert runner.update(alone) is Ask.HOME
    assert runner.update(replace(alone, now_s=0.1, answer=OK)) is None  # nobody is asked
    assert runner.update(replace(IDLE, now_s=0.3)) is Ask.RESET
    assert runner.update(replace(IDLE, now_s=0.4, answer=OK)) is Ask.RECORD


def dropped_for_a_dry_run(runner: EpisodeRunner, duration_s: float) -> bool:
    """Whether the episode ended without being kept, and says why."""
    verdict = runner.verdict
    assert verdict.text == "gate in a dry run: what would be recorded is executed by no arm"
    assert verdict.duration_s == pytest.approx(duration_s)
    return (verdict.error, verdict.outcome) == (Error.ARM_REFUSED, EpisodeOutcome.FAILURE)


@pytest.mark.parametrize("kind", GoalKind)
def test_in_a_dry_run_no_episode_starts(kind):
    runner = start(replace(GOAL, kind=kind))
    dry = replace(IDLE, dry_run=True, policy_ready=False)  # said at once, not after the wait for a policy
    assert runner.update(dry) is Ask.STOP
    assert finish(runner, dry) is Ask.DISCARD
    assert dropped_for_a_dry_run(runner, 0.0)


@pytest.mark.parametrize("answers", [0, 1, 2, 3])
def test_a_dry_run_before_the_arm_moves_ends_the_episode(answers):
    runner = start()
    runner.update(IDLE)
    for _ in range(answers):
        runner.update(replace(IDLE, now_s=1.0, answer=OK))
    dry = replace(IDLE, now_s=2.0, answer=OK, dry_run=True)
    assert runner.update(dry) is Ask.STOP
    assert finish(runner, dry) is Ask.DISCARD
    assert dropped_for_a_dry_run(runner, 0.0)


def test_a_dry_run_in_the_middle_drops_the_episode():
    runner = start()
    dry = replace(until_running(runner), now_s=6.5, dry_run=True)  # armed at 4 s
    assert runner.update(dry) is Ask.STOP
    assert finish(runner, dry) is Ask.DISCARD
    assert dropped_for_a_dry_run(runner, 2.5)


def test_a_dry_run_after_the_success_drops_the_episode_too():
    runner = start()
    seen = until_running(runner)
    runner.update(replace(seen, now_s=7.0, outcome=EpisodeOutcome.SUCCESS))
    dry = replace(seen, now_s=7.1, dry_run=True)
    assert runner.update(dry) is Ask.STOP
    assert finish(runner, dry) is Ask.DISCARD
    assert dropped_for_a_dry_run(runner, 3.1)


def test_a_dry_run_while_the_arm_is_stopped_drops_the_episode_too():
    runner = start()
    seen = until_running(runner)
    assert runner.update(replace(seen, now_s=6.0, outcome=EpisodeOutcome.FAILURE)) is Ask.STOP
    assert finish(runner, replace(seen, now_s=6.1, dry_run=True)) is Ask.DISCARD
    assert dropped_for_a_dry_run(runner, 2.0)


SILENT = "camera top: nothing recorded yet"


def until_listening(runner: EpisodeRunner, **seen) -> Ask | None:
    """The episode is open at 3 s; return what is asked for then."""
    runner.update(IDLE)
    for now_s in (1.0, 2.0):
        runner.update(replace(IDLE, now_s=now_s, answer=OK))
    return runner.update(replace(IDLE, now_s=3.0, answer=OK, **seen))


def test_nobody_drives_before_something_of_every_input_is_recorded():
    runner = start()
    assert until_listening(runner, missing=SILENT) is None
    assert runner.update(replace(IDLE, now_s=4.9, missing=SILENT)) is None
    assert runner.update(replace(IDLE, now_s=4.95)) is Ask.ARM


def test_an_input_of_which_nothing_comes_is_named_and_nothing_is_kept():
    runner = start()
    until_listening(runner, missing=SILENT)
    blind = replace(IDLE, now_s=5.1, missing=SILENT)
    assert runner.update(blind) is Ask.STOP
    assert finish(runner, blind) is Ask.DISCARD
    assert (runner.verdict.error, runner.verdict.text) == (Error.INPUT_LOST, SILENT)


def test_a_person_who_has_armed_already_drives_as_soon_as_everything_is_recorded():
    runner = start()
    assert until_listening(runner, missing=SILENT, armed=True) is None
    assert runner.update(replace(IDLE, now_s=3.2, armed=True)) is None
    assert runner.phase is EpisodePhase.RUNNING


@pytest.mark.parametrize("kind", GoalKind)
def test_an_input_that_is_lost_on_the_way_ends_the_episode_and_what_was_recorded_is_kept(kind):
    runner = start(replace(GOAL, kind=kind))
    seen = until_running(runner)
    text = "camera top: nothing for 2.1 s (stamp 2.0 s ahead)"
    # the simulation sees a success at the same time, but nobody recorded how it came about
    blind = replace(seen, now_s=8.0, missing=text, outcome=EpisodeOutcome.SUCCESS)
    assert runner.update(blind) is Ask.STOP
    assert finish(runner, blind) is Ask.WRITE
    assert (runner.verdict.error, runner.verdict.text) == (Error.INPUT_LOST, text)
    assert runner.verdict.outcome is EpisodeOutcome.FAILURE


def test_a_disk_that_is_full_on_the_way_ends_the_episode_and_what_was_recorded_is_kept():
    runner = start()
    full = replace(until_running(runner), now_s=6.0, trouble="No space left on device")
    assert runner.update(full) is Ask.STOP
    assert finish(runner, full) is Ask.WRITE
    assert (runner.verdict.error, runner.verdict.text) == (Error.NOT_WRITTEN, "No space left on device")


def test_a_success_that_could_not_be_written_is_none():
    runner = start()
    seen = until_running(runner)
    runner.update(replace(seen, now_s=6.0, outcome=EpisodeOutcome.SUCCESS))
    assert runner.update(replace(seen, now_s=6.5)) is Ask.STOP
    assert runner.update(replace(seen, now_s=6.6, answer=OK)) is Ask.WRITE
    runner.update(replace(seen, now_s=6.7, answer=AskResult(False, "the episode is lost: no room")))
    assert runner.done
    verdict = runner.verdict
    assert (verdict.error, verdict.outcome) == (Error.NOT_WRITTEN, EpisodeOutcome.FAILURE)
    assert (verdict.text, verdict.duration_s) == ("the episode is lost: no room", 2.0)


@pytest.mark.parametrize(
    "kind, error", [(GoalKind.DEMONSTRATION, Error.NO_LABELS), (GoalKind.INTERVENTION, Error.NONE)]
)
def test_a_demonstration_from_which_nothing_can_be_learned_is_no_success(kind, error):
    runner = start(replace(GOAL, kind=kind))  # an intervention in which nobody took over gives no label
    seen = until_running(runner)
    runner.update(replace(seen, now_s=6.0, outcome=EpisodeOutcome.SUCCESS))
    runner.update(replace(seen, now_s=6.5))
    assert finish(runner, replace(seen, now_s=6.6, no_labels="no observation: joints late")) is Ask.WRITE
    assert runner.verdict.error is error
    assert (runner.verdict.text == "no observation: joints late") is (error is Error.NO_LABELS)


def test_an_episode_that_never_ran_is_not_written():
    runner = start()
    faulty = replace(IDLE, fault=True, simulated=False)
    assert runner.update(faulty) is Ask.STOP
    assert finish(runner, faulty) is Ask.DISCARD


def test_a_state_from_before_the_answer_to_arm_ends_no_episode_however_late_it_is_looked_at():
    runner = start()
    seen = replace(until_running(runner), armed=False)
    # the node was not scheduled for 1.1 s; the newest state came 0.2 s after the answer
    assert runner.update(replace(seen, now_s=5.1, gate_age_s=0.9)) is None
    # heard 1.1 s after the answer, and still not armed: the person has stopped it
    assert runner.update(replace(seen, now_s=5.2, gate_age_s=0.1)) is Ask.STOP
    assert runner.verdict.text == "the gate is not armed: "
