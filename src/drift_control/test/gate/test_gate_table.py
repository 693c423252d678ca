"""The state machine, row by row."""

from dataclasses import replace

import pytest
from drift_control.gate.gate import TABLE, Event, GateStatus, Happening, find_row, step
from drift_control.gate.state import Reason, State, wants_chunks

ARMED = {
    state: GateStatus(state=state, armed=True, epoch=5, intervention_id=2)
    for state in State
    if state != State.FAULT
}
FAULT = GateStatus(state=State.FAULT, reason=Reason.TRACKING_ERROR, epoch=5)


def after(status, event, reason=Reason.NONE):
    return step(status, Happening(event, reason, "words"))


@pytest.mark.parametrize("state", [State.HOLD, State.HOMING, State.POLICY])
def test_enable_takes_over_from_every_state_but_fault_when_armed(state):
    status = after(ARMED[state], Event.ENABLE)
    assert (status.state, status.intervention_id, status.epoch) == (State.EXPERT, 3, 5)


def test_enable_means_nothing_unarmed_or_in_fault():
    assert after(GateStatus(), Event.ENABLE) == GateStatus()
    assert after(FAULT, Event.ENABLE) == FAULT


def test_release_voids_older_chunks_and_waits():
    status = after(ARMED[State.EXPERT], Event.RELEASE)
    assert (status.state, status.reason, status.epoch) == (State.HOLD, Reason.WAITING_FOR_CHUNK, 6)
    assert status.armed and status.intervention_id == 2


@pytest.mark.parametrize("state", list(ARMED))
def test_fault_latches_from_every_state_and_disarms(state):
    status = after(ARMED[state], Event.FAULT, Reason.TRACKING_ERROR)
    assert (status.state, status.reason, status.armed, status.epoch) == (
        State.FAULT,
        Reason.TRACKING_ERROR,
        False,
        6,
    )


@pytest.mark.parametrize("event", [event for event in Event if event not in (Event.ARM, Event.HOME)])
def test_only_asking_to_arm_or_to_home_leaves_fault(event):
    assert after(FAULT, event).state is State.FAULT


def test_arm_leaves_fault_to_hold_with_a_new_epoch():
    status = after(FAULT, Event.ARM)
    assert (status.state, status.armed, status.epoch) == (State.HOLD, True, 6)


@pytest.mark.parametrize("state", list(ARMED))
def test_stop_holds_and_disarms_in_every_state(state):
    status = after(ARMED[state], Event.STOP)
    assert (status.state, status.reason, status.armed) == (State.HOLD, Reason.STOP_REQUESTED, False)


def test_the_person_is_not_sent_home():
    assert after(ARMED[State.EXPERT], Event.HOME).state is State.EXPERT
    assert after(ARMED[State.GUIDED], Event.HOME).state is State.GUIDED


def test_homing_ends_armed_only_if_it_was():
    status = after(ARMED[State.HOMING], Event.HOME_DONE)
    assert (status.state, status.reason, status.armed) == (State.HOLD, Reason.WAITING_FOR_CHUNK, True)
    status = after(GateStatus(state=State.HOMING), Event.HOME_DONE)
    assert (status.state, status.reason, status.armed) == (State.HOLD, Reason.NOT_ARMED, False)


def test_a_policy_that_ran_dry_may_go_on_with_the_same_epoch():
    status = after(ARMED[State.POLICY], Event.CHUNK_OVER)
    assert (status.state, status.reason, status.epoch) == (State.HOLD, Reason.CHUNK_STALE, 5)
    assert after(status, Event.CHUNK_READY).state is State.POLICY


def test_whatever_stops_the_policy_from_outside_voids_its_chunks():
    going_on = (Event.ENABLE, Event.CHUNK_OVER)
    leaving = {row.event for row in TABLE if State.POLICY in row.states and row.to is not None}
    for event in leaving - set(going_on):
        assert after(ARMED[State.POLICY], event).epoch == 6, event


def test_chunks_are_wanted_while_the_policy_drives_or_an_armed_arm_holds():
    wanting = {(state, armed) for state in State for armed in (True, False) if wants_chunks(state, armed)}
    assert wanting == {(State.POLICY, True), (State.POLICY, False), (State.HOLD, True)}


def test_losing_the_joystick_holds_until_enable_was_pressed_and_released_or_somebody_arms():
    lost = after(ARMED[State.EXPERT], Event.JOY_LOST, Reason.JOY_FROZEN)
    assert (lost.state, lost.reason, lost.release_required) == (State.HOLD, Reason.JOY_FROZEN, True)
    free = after(lost, Event.ENABLE_FREE)
    assert free.help_wanted and not free.release_required
    pressed = after(free, Event.ENABLE)
    assert not pressed.help_wanted and not after(pressed, Event.RELEASE).help_wanted
    assert not after(lost, Event.ARM).help_wanted


def test_taking_over_from_another_joystick_is_an_intervention_of_its_own():
    status = after(ARMED[State.EXPERT], Event.ENABLE)
    assert (status.state, status.intervention_id, status.epoch) == (State.EXPERT, 3, 5)


@pytest.mark.parametrize("state", list(State))
def test_what_enable_may_do_next_changes_in_silence_and_in_every_state(state):
    status = GateStatus(state, Reason.TRACKING_ERROR, "why", armed=state is not State.FAULT)
    void = after(status, Event.ENABLE_VOID)
    assert void == replace(status, release_required=True)
    assert after(void, Event.ENABLE_FREE) == status


def test_only_the_person_who_drives_begins_to_guide_and_whatever_ends_it_is_what_ends_her_drive():
    assert {row.states for row in TABLE if row.to is State.GUIDED} == {(State.EXPERT,)}
    leaving = {row.event for row in TABLE if State.GUIDED in row.states and row.to is not None}
    driving = {row.event for row in TABLE if State.EXPERT in row.states and row.to is not None}
    assert leaving == driving - {Event.ENABLE, Event.GUIDE}
    for event in leaving:
        status = after(ARMED[State.GUIDED], event)
        assert status.state in (State.HOLD, State.FAULT) and status.epoch == 6, event


def test_an_arm_that_is_back_voids_what_was_made_meanwhile_and_keeps_its_reason():
    lost = after(ARMED[State.GUIDED], Event.JOY_LOST, Reason.JOY_LOST)
    back = after(lost, Event.SWITCHED_BACK)
    assert (back.state, back.reason, back.epoch, back.help_wanted) == (State.HOLD, Reason.JOY_LOST, 7, True)


def test_every_event_has_a_row_and_no_row_is_hidden_by_an_earlier_one():
    assert {row.event for row in TABLE} == set(Event)
    for row in TABLE:
        for state in row.states:
            armed = (True, False) if row.armed is None else (row.armed,)
            found = [find_row(row.event, GateStatus(state=state, armed=value)) for value in armed]
            assert any(other is row for other in found), row
