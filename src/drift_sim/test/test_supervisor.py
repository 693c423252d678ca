import pytest
from drift_sim.expert.supervisor import Supervisor
from drift_sim.scene_config import parse_scene


@pytest.fixture
def supervisor(tasks):
    """Takes over at 16 ticks above the best or after 2 s without a new best; hands back after 2.5 s."""
    return Supervisor(parse_scene(tasks["place"]).expert)


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
