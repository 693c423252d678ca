import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.teleop.cosine_gate import CosineGate, cosine_similarity


def test_three_four_five_triangle_has_cosine_four_fifths():
    assert cosine_similarity(np.array([1.0, 0.0]), np.array([4.0, 3.0])) == pytest.approx(0.8)


def test_expert_acts_below_the_threshold_only():
    expert, learner = np.array([1.0, 0.0]), np.array([4.0, 3.0])
    assert CosineGate(0.81).expert_acts(expert, learner)
    assert not CosineGate(0.79).expert_acts(expert, learner)


def test_two_standstills_agree_and_a_standstill_never_agrees_with_a_motion():
    still, motion = np.zeros(3), np.array([0.1, 0.0, 0.0])
    assert not CosineGate(0.9).expert_acts(still, still)
    assert CosineGate(0.9).expert_acts(motion, still)


def test_expert_acts_when_the_learner_is_not_finite():
    assert CosineGate(-1.0).expert_acts(np.ones(2), np.array([np.nan, 1.0]))


def test_threshold_says_what_is_allowed():
    with pytest.raises(ConfigError, match=r"threshold=1.2 must lie in \[-1, 1\]"):
        CosineGate(1.2)
