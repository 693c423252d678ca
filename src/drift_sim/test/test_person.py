"""Persons that are not attentive: late, overlooking, at random; by the numbers of the place task."""

import numpy as np
import pytest
from drift_sim.expert import person
from drift_sim.expert.person import ATTENTIVE, Person
from drift_sim.expert.supervisor import TakeoverRule
from drift_sim.scenes.table.config import parse_table


@pytest.fixture
def config(tasks):
    """16 ticks above the best, 2 s without a new best; hands back after 2.5 s."""
    return parse_table(tasks["place"]).expert


def rule(who: Person, config, seed=0):
    return who.rule(who.config(config), np.random.default_rng(seed))


def drives_s(made, end_s, stray_s=None, step_s=0.1):
    """Return the times at which it drives, of a policy that is well but for one stray at `stray_s`."""
    found = []
    for tick in range(round(end_s / step_s) + 1):
        now_s = tick * step_s
        cost = 100.0 - tick + (50.0 if stray_s is not None and abs(now_s - stray_s) < 1e-6 else 0.0)
        if made.update(cost, False, not made.driving, now_s):
            found.append(round(now_s, 6))
    return found


def test_the_attentive_person_does_as_the_rule_of_the_task_says(config):
    made = rule(ATTENTIVE, config)
    assert isinstance(made, TakeoverRule)
    assert drives_s(made, 6.0, stray_s=1.0) == [round(1.0 + 0.1 * tick, 6) for tick in range(25)]


def test_who_is_late_takes_over_and_hands_back_a_second_later(config):
    made = rule(person.late(1.0), config)
    assert drives_s(made, 6.0, stray_s=1.0) == [round(2.0 + 0.1 * tick, 6) for tick in range(25)]
    assert made.reason.startswith("strays")
    made.forget()
    assert not made.driving and drives_s(made, 0.5) == []


def test_who_overlooks_half_misses_about_half_of_the_strays(config):
    def seen(share, seed):
        return bool(drives_s(rule(person.overlooking(share), config, seed), 3.0, stray_s=1.0))

    assert [seen(share, 0) for share in (0.0, 1.0)] == [True, False]
    # of 100: within three standard deviations, 15
    assert 35 <= sum(seen(0.5, seed) for seed in range(100)) <= 65
    assert seen(0.5, 3) == seen(0.5, 3)


def test_what_was_overlooked_is_noticed_when_the_rule_says_so_again(config):
    made = rule(person.overlooking(0.5), config, seed=1)
    # the policy stalls for ever: the rule says so after 2 s, and again 2 s after each 2.5 s
    taken = []
    for tick in range(3000):
        before, now_s = made.driving, 0.1 * tick
        if made.update(40.0, False, not made.driving, now_s) and not before:
            taken.append(now_s)
    # 300 s: some 64 complaints, of which 32 are noticed
    assert 20 <= len(taken) <= 44


def test_at_random_the_policy_drives_for_four_seconds_on_average_whatever_it_does(config):
    made = rule(person.at_random(4.0), config)
    times, waited, since_s = [], [], 0.0
    for tick in range(100_000):
        before, now_s = made.driving, 0.1 * tick
        driving = made.update(100.0 - tick, False, not before, now_s)
        if driving and not before:
            waited.append(now_s - since_s)
            times.append(now_s)
        if before and not driving:
            assert now_s - times[-1] == pytest.approx(2.5)
            since_s = now_s
    # some 1500: the mean is known to a fortieth
    assert np.mean(waited) == pytest.approx(4.0, abs=0.4) and np.std(waited) == pytest.approx(4.0, abs=0.6)
    assert made.reason == "at random"


def test_at_random_it_hands_back_at_success_and_rests(config):
    made = rule(person.at_random(0.01), config)
    made.update(40.0, False, True, 0.0)
    assert made.update(40.0, False, True, 1.0)
    assert not made.update(0.0, True, False, 1.1)
    assert not any(made.update(0.0, True, True, 1.2 + 0.1 * tick) for tick in range(100))


def test_the_person_by_cosine_takes_over_for_the_direction(config):
    made = rule(person.by_cosine(0.5), config)
    made.update(40.0, False, True, 0.0)
    assert not made.update(90.0, False, True, 1.0)
    assert made.update(40.0, False, True, 1.1, disagrees=True)
