"""What the policy wants is told at every tick, whoever drives, and is only looked at while a person does."""

import numpy as np
import pytest
from drift_control.gate.gate import TABLE
from drift_control.gate.state import CommandSource, State

TURN_RAD = 2.0 * np.pi


def test_a_driving_policy_wants_what_its_chunk_says_however_far_the_arm_has_come(bench):
    chunk = bench.line((0.0, 0.1, 0.0))
    bench.run(0.2, chunk=chunk)
    tick = bench.ticks[-1]
    assert tick.proposed_chunk_id == tick.chunk_id == chunk.id
    # the first set-point, 0.01 m along y, is due 0.1 s after the stamp; from then on 0.1 m/s
    assert tick.proposed[1] == pytest.approx(0.1 * (tick.stamp_s - chunk.stamp_s))
    assert tick.action[1] < 0.5 * tick.proposed[1], "the blend into the chunk has only begun"
    np.testing.assert_allclose(tick.proposed[3:], chunk.data[0, 3:], atol=1e-9)


def test_what_was_refused_by_a_take_over_is_told_until_its_chunk_ends(bench):
    chunk = bench.line((0.0, 0.1, 0.0))
    bench.run(0.5, chunk=chunk)
    bench.run(1.6, joy=lambda: bench.stick(linear=(0.0, -0.1, 0.0)), chunk=chunk)
    by_person = [tick for tick in bench.ticks if tick.source is CommandSource.EXPERT]
    assert [tick.chunk_id for tick in by_person] == [0] * 80
    # 16 steps of 0.1 s: the last one is due 1.6 s after the stamp, 1.1 s after the take-over, 55 ticks
    wanted = [tick for tick in by_person if tick.proposed is not None]
    assert wanted == by_person[:55] and {tick.proposed_chunk_id for tick in wanted} == {chunk.id}
    assert wanted[-1].proposed[1] == pytest.approx(0.16) and wanted[-1].action[1] < 0.06
    assert {tick.proposed_chunk_id for tick in by_person[55:]} == {0}


def test_a_chunk_made_while_a_person_drives_is_told_at_once_and_never_executed(bench):
    bench.run(0.2, joy=bench.stick)
    made = bench.chunk(offset=(0.05, 0.0, 0.0))
    tick = bench.tick(joy=bench.stick(), chunk=made)
    start = bench.robot.forward(bench.robot.home).position
    assert (tick.source, tick.proposed_chunk_id, tick.chunk_id) == (CommandSource.EXPERT, made.id, 0)
    np.testing.assert_allclose(tick.proposed[:3] - start, [0.05, 0.0, 0.0], atol=1e-9)
    # after the hand-back the chunk is void, however often it is handed in
    bench.run(1.0, joy=lambda: bench.stick(enabled=False), chunk=made)
    after = bench.ticks[-50:]
    assert {tick.source for tick in after} == {CommandSource.HOLD}
    assert all(tick.proposed is None and tick.proposed_chunk_id == 0 for tick in after)


def test_whatever_ends_a_persons_drive_voids_the_chunks_that_were_made_meanwhile():
    leaving = [row for row in TABLE if State.EXPERT in row.states and row.to not in (None, State.EXPERT)]
    assert len(leaving) >= 6 and all(row.void for row in leaving)


def test_a_chunk_that_the_guard_refuses_is_not_what_the_policy_wants(bench):
    bad = bench.chunk(np.full((16, 10), np.nan))
    tick = bench.tick(joy=bench.stick(), chunk=bad)
    assert (tick.proposed, tick.proposed_chunk_id) == (None, 0)


def test_joint_positions_are_wanted_at_the_turn_where_the_arm_is(new_bench, ur5e):
    bench = new_bench("ur5e")
    bench.q[5] += TURN_RAD
    bench.tick(arm=True)
    data = np.tile(np.append(ur5e.home, 0.03), (16, 1))
    tick = bench.tick(joy=bench.stick(), chunk=bench.chunk(data, action_space="joint_position"))
    home = np.append(ur5e.home, 0.03)
    home[5] += TURN_RAD
    np.testing.assert_allclose(tick.proposed, home)


def test_before_the_first_joint_state_and_without_a_chunk_nothing_is_wanted(new_bench):
    bench = new_bench()
    bench.joints_silent = True
    assert bench.tick(chunk=bench.chunk()).proposed is None
    bench.joints_silent = False
    assert bench.tick(arm=True).proposed is None
