"""Which word about an attempt counts."""

import math

import pytest
from trainer_node.attempt import Attempt
from trainer_node.episode_runner import EpisodeOutcome

RUNNING, SUCCESS, FAILURE = EpisodeOutcome


def test_of_an_attempt_that_fails_the_score_is_the_last_that_was_said():
    attempt = Attempt()
    assert attempt.score(FAILURE) is None, "nobody has said anything"
    for score in (0.1, 0.3, 0.2):
        attempt.judge(RUNNING, score)
    assert (attempt.outcome, attempt.score(FAILURE)) == (RUNNING, 0.2)
    attempt.judge(SUCCESS, 1.0)
    assert (attempt.outcome, attempt.score(SUCCESS)) == (SUCCESS, 1.0)


@pytest.mark.parametrize("score", [-1.0, 1.001, math.nan, math.inf])
def test_what_lies_outside_0_to_1_says_nothing_of_how_well_it_went(score):
    attempt = Attempt()
    attempt.judge(RUNNING, 0.5)
    attempt.judge(RUNNING, score)
    assert attempt.score(FAILURE) is None


@pytest.mark.parametrize("later", [(RUNNING, 0.4), (SUCCESS, 1.0), (FAILURE, 0.0)])
def test_nothing_that_the_simulation_says_later_undoes_a_persons_mark(later):
    attempt = Attempt()
    attempt.judge(RUNNING, 0.4)
    attempt.mark(FAILURE)
    attempt.judge(*later)
    assert (attempt.outcome, attempt.score(FAILURE)) == (FAILURE, None)


def test_a_success_that_came_too_late_to_count_gives_a_failure_no_score():
    attempt = Attempt()
    attempt.judge(SUCCESS, 1.0)  # in the moment when the gate had a fault
    assert attempt.score(FAILURE) is None
