from dataclasses import replace

import numpy as np
import pytest
from drift_sim.expert.disagreement import Disagreement
from drift_sim.expert.supervisor import TakeoverRule
from drift_sim.scenes.table.config import parse_table


@pytest.fixture
def supervisor(tasks):
    """Takes over at 16 ticks above the best or after 2 s without a new best; hands back after 2.5 s."""
    return TakeoverRule(parse_table(tasks["place"]).expert)


def test_nothing_happens_before_the_policy_drives(supervisor):
    assert not any(supervisor.update(40.0 + k, False, False, 0.1 * k) for k in range(100))


def test_it_takes_over_when_the_cost_rises_sixteen_ticks_above_its_best(supervisor):
    assert not supervisor.update(40.0, False, True, 0.0)
    assert not supervisor.update(30.0, False, True, 0.1)
    assert not supervisor.update(46.0, False, True, 0.2)
    assert supervisor.update(46.1, False, True, 0.3)
    assert supervisor.reason.startswith("strays")


def test_it_takes_over_after_two_seconds_without_a_new_best(supervisor):
    supervisor.update(40.0, False, True, 0.0)
    assert not supervisor.update(39.8, False, True, 2.0)  # less than half a tick is no progress
    assert supervisor.update(39.8, False, True, 2.01)
    assert supervisor.reason == "stalls: no progress for 2.0 s"


def test_it_hands_back_after_a_while_and_counts_anew(supervisor):
    supervisor.update(40.0, False, True, 0.0)
    assert supervisor.update(60.0, False, True, 0.1)
    assert supervisor.update(50.0, False, False, 2.5)
    assert not supervisor.update(40.0, False, False, 2.7)
    assert not supervisor.update(40.0, False, True, 3.0)
    assert not supervisor.update(40.0, False, True, 4.9)
    assert supervisor.update(40.0, False, True, 5.1)


def test_it_hands_back_at_success(supervisor):
    supervisor.update(40.0, False, True, 0.0)
    assert supervisor.update(60.0, False, True, 0.1)
    assert not supervisor.update(0.0, True, False, 0.5)


def test_with_a_cosine_it_takes_over_for_the_direction(tasks):
    supervisor = TakeoverRule(replace(parse_table(tasks["place"]).expert, cosine_threshold=0.5))
    supervisor.update(40.0, False, True, 0.0)
    assert not supervisor.update(90.0, False, True, 1.0)  # straying does not count
    assert supervisor.update(40.0, False, True, 1.1, disagrees=True)
    assert supervisor.reason == "disagrees: moves elsewhere than the expert would"


def first_disagreement_s(heading_deg, threshold=0.5, wish=(0.2, 0.0, 0.0)):
    """Return when an arm that always moves at 0.1 m/s in one direction is disagreed with, in 2 s."""
    disagreement = Disagreement(threshold)
    heading = np.array([np.cos(np.radians(heading_deg)), np.sin(np.radians(heading_deg)), 0.0])
    for tick in range(101):
        if disagreement.update(0.1 * 0.02 * tick * heading, np.array(wish), 0.02 * tick):
            return 0.02 * tick
    return None


def test_sixty_degrees_are_a_cosine_of_one_half():
    assert first_disagreement_s(59.0) is None
    assert first_disagreement_s(61.0) == pytest.approx(0.6)  # a window of 0.1 s, then half a second


def test_who_wants_no_direction_disagrees_with_nobody():
    assert first_disagreement_s(180.0, wish=(0.005, 0.0, 0.0)) is None


def test_an_arm_that_stands_still_disagrees_with_an_expert_who_moves():
    disagreement = Disagreement(0.5)
    found = [disagreement.update(np.zeros(3), np.array([0.1, 0.0, 0.0]), 0.02 * tick) for tick in range(50)]
    assert found.index(True) == 30


def test_agreement_in_between_counts_anew():
    disagreement = Disagreement(0.5)
    wish, there = np.array([0.1, 0.0, 0.0]), np.zeros(3)
    for tick in range(100):
        there = there + (np.array([0.01, 0.0, 0.0]) if tick % 20 == 19 else 0.0)
        assert not disagreement.update(there, wish, 0.02 * tick)
