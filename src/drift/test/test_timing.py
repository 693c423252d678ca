import numpy as np
import pytest
from drift.demo.timing import control_timing, policy_timing
from drift_core.episodes import Steps, StepSource


def test_a_tick_more_than_one_period_late_is_counted_and_attributed_to_a_near_swap():
    stamps = np.array([0.00, 0.02, 0.04, 0.09, 0.11, 5.00, 5.02])  # 50 ms and 4.89 s are late at 20 ms
    figures, periods = control_timing([stamps], period_s=0.02, swap_stamps_s=[0.3])
    assert figures["late_control_ticks"] == 2
    assert figures["late_control_ticks_ratio"] == pytest.approx(2 / 6)
    assert figures["late_ticks_at_swaps"] == 1  # the one at 0.09 s; 5.00 s is 4.7 s away
    assert figures["control_period_p50_ms"] == pytest.approx(20.0)
    assert len(periods) == 6


def test_the_pause_between_two_episodes_is_no_period():
    figures, _ = control_timing([np.array([0.0, 0.02]), np.array([9.0, 9.02])], 0.02, [])
    assert figures["late_control_ticks"] == 0


def test_without_steps_there_are_no_figures():
    assert control_timing([], 0.02, [])[0] == {}


def steps(source, chunk_id, intervention_id, stamp_s, chunk_age_s):
    empty = np.empty((len(source), 0))
    zeros = np.zeros(len(source))
    return Steps(
        stamp_s=np.array(stamp_s),
        seq=np.arange(len(source)),
        source=np.array(source),
        epoch=zeros,
        intervention_id=np.array(intervention_id),
        chunk_id=np.array(chunk_id),
        policy_version=zeros,
        chunk_age_s=np.array(chunk_age_s),
        commanded=empty,
        measured=empty,
        action=empty,
        guard_flags=zeros,
        proposed_chunk_id=zeros,
        proposed=empty,
    )


def test_the_policy_period_is_the_time_between_two_chunks_while_it_drives():
    p, e = StepSource.POLICY, StepSource.EXPERT
    timing = policy_timing(
        [
            steps(
                source=[p, p, p, p, e, p, p],
                chunk_id=[1, 2, 2, 3, 3, 4, 5],
                intervention_id=[0, 0, 0, 0, 1, 1, 1],
                stamp_s=[0.0, 0.1, 0.2, 0.5, 0.6, 0.7, 0.8],
                chunk_age_s=[0.05, 0.06, 0.16, 0.08, 0.0, 0.05, 0.07],
            )
        ]
    )
    assert timing["policy_period_p50_ms"] == pytest.approx(400.0)  # 0.1 -> 0.5; 0.5 -> 0.8 spans a take-over
    assert timing["chunk_age_at_start_p50_ms"] == pytest.approx(70.0)  # of 60, 80 and 70
