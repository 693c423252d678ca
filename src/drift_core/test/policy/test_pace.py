from drift_core.policy.pace import Pace

PACE = Pace(replan_steps=4, dt_s=0.1, idle_period_s=0.5)


def test_the_first_observation_of_an_epoch_is_always_due():
    assert PACE.due(7.0, None, driving=True) and PACE.due(7.0, None, driving=False)


def test_while_driving_the_next_chunk_is_due_after_four_steps():
    assert not PACE.due(7.3, 7.0, driving=True)
    assert PACE.due(7.4, 7.0, driving=True)
    assert PACE.due(7.38, 7.0, driving=True)  # a frame that came 20 ms early still counts


def test_while_somebody_else_drives_it_is_due_after_the_idle_period():
    assert not PACE.due(7.4, 7.0, driving=False)
    assert PACE.due(7.5, 7.0, driving=False)
