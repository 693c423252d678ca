"""Steps are made while corrections are owed some, and the share that the averages have of them is counted."""

import math

import pytest
from drift_core.data.training_data import Correction
from drift_core.training.budget import Budget


def corrections(**labels):
    """Corrections of one take-over each, `name=labels`; the first one ended first."""
    return [Correction(name, 1, count, ended_s=float(n)) for n, (name, count) in enumerate(labels.items())]


def shares(budget):
    return {trained.episode_id: trained.share for trained in budget.shares()}


def make(budget, steps, decay=0.0):
    for _ in range(steps):
        budget.step(decay)


def test_steps_are_owed_to_new_labels_only():
    budget = Budget(steps_per_label=4, ema_share=0.25)
    assert budget.owed == 0 and budget.update([]) == 0
    assert budget.update(corrections(a=3)) == 3
    assert (budget.owed, budget.waiting_labels) == (12, 3)
    make(budget, 5)
    assert (budget.owed, budget.waiting_labels) == (7, 2), "7 steps are 1.75 labels"
    assert budget.update(corrections(a=3)) == 0 and budget.owed == 7, "the same once more"
    make(budget, 7)
    assert (budget.owed, budget.waiting_labels) == (0, 0)


def test_the_whole_episode_is_owed_only_what_goes_beyond_its_excerpts():
    budget = Budget(4, 0.25)
    budget.update(corrections(a=3, b=2))
    make(budget, 13)  # 12 for a, one of 8 for b
    assert budget.update(corrections(a=5, b=2)) == 2
    assert budget.owed == 2 * 4 + 7
    assert budget.update(corrections(a=2, b=2)) == 0 and budget.owed == 7, (
        "fewer labels: nothing is owed back"
    )


def test_a_correction_that_vanishes_is_owed_nothing_and_is_in_no_list():
    budget = Budget(4, 0.25)
    budget.update(corrections(a=3, b=2))
    make(budget, 13)
    budget.update(corrections(a=3))
    assert budget.owed == 0 and list(shares(budget)) == ["a"]
    budget.update(corrections(a=3, b=2))
    assert budget.owed == 8, "whoever comes back begins anew"


def test_the_share_is_what_the_averages_hold_by_hand():
    budget = Budget(steps_per_label=2, ema_share=0.25)
    budget.update(corrections(a=1, b=1))
    budget.step(0.5)  # E holds half of step 1
    assert shares(budget) == {"a": 0.5 / 2, "b": 0.0}
    budget.step(0.5)  # three quarters of step 1, half of step 2
    assert shares(budget) == {"a": 1.25 / 2, "b": 0.0}
    assert [trained.trained_on for trained in budget.shares()] == [True, False]
    budget.step(0.0)  # all that was before, and step 3
    assert shares(budget) == {"a": 1.0, "b": 0.5}
    budget.step(0.9)
    assert shares(budget) == pytest.approx({"a": 1.0, "b": 1.1 / 2})
    budget.averages_restarted()
    assert shares(budget) == {"a": 1.0, "b": 1.0}


def test_the_share_is_that_of_averaged_weights():
    # weights that count the steps of one correction: the average of the count is the share, times all steps
    budget, count, average = Budget(3, 0.25), 0.0, 0.0
    budget.update(corrections(a=4, b=5))
    for step in range(20):
        decay = 1.0 - (1.0 + step) ** -0.75
        count += step < 12  # the first twelve are of a
        average = decay * average + (1.0 - decay) * count
        budget.step(decay)
        assert shares(budget)["a"] == pytest.approx(average / 12, abs=1e-6)


@pytest.mark.parametrize("labels", [10, 40, 200])
def test_whatever_its_size_a_correction_is_trained_on_when_its_steps_are_made(labels):
    budget = Budget(steps_per_label=8, ema_share=0.25)
    budget.update(corrections(a=labels))
    owed = 8 * labels
    assert budget.decay == pytest.approx(1.0 - 4.0 / owed), "a memory of a quarter of the steps"
    make(budget, owed, budget.decay)
    # 1 - 1/4 (1 - e^-4) = .755 in the limit of many steps
    assert shares(budget)["a"] == pytest.approx(1.0 - 0.25 * (1.0 - math.exp(-4.0)), abs=0.02)


def test_a_short_correction_that_comes_last_of_many_is_trained_on_too():
    budget = Budget(steps_per_label=2, ema_share=0.25)
    budget.update(corrections(a=45, b=5))
    assert budget.decay == pytest.approx(1.0 - 1.0 / 25.0), "a quarter of 100 steps"
    while budget.owed:
        make(budget, 1, budget.decay)
    # with a memory of 25 to the end, b would have 10 - 25 (1 - .96^10) (.96) = 1.96 of its 10 steps
    assert shares(budget)["b"] > 0.75 and shares(budget)["a"] > 0.95


def test_the_memory_follows_all_that_is_owed_when_labels_come():
    budget = Budget(steps_per_label=8, ema_share=0.25)
    budget.update(corrections(a=10))  # 80 steps: memory of 20
    make(budget, 40, budget.decay)
    budget.update(corrections(a=10, b=15))  # 40 + 120
    assert budget.decay == pytest.approx(1.0 - 1.0 / 40.0)
    make(budget, 40, budget.decay)
    budget.update(corrections(a=10, b=15))
    assert budget.decay == pytest.approx(1.0 - 1.0 / 30.0), "a quarter of the 120 that are left"
    make(budget, 100, budget.decay)
    assert budget.decay == pytest.approx(1.0 - 1.0 / 30.0), "and of those of b, to its end"


def test_what_a_version_had_is_not_owed_again_but_what_was_not_averaged_is():
    first = Budget(10, 0.25)
    first.update(corrections(a=4))
    make(first, 40, decay=0.9)
    (trained,) = first.shares()
    again = Budget(10, 0.25)
    again.begin(corrections(a=4, b=1), {("a", 1): trained.share * trained.labels})
    lost = 0.9 * (1.0 - 0.9**40) / 0.1  # the steps that were made but did not reach the averages
    assert again.owed == math.ceil(lost) + 10


def test_a_state_goes_on_where_it_was():
    one, other = Budget(3, 0.25), Budget(3, 0.25)
    one.update(corrections(a=4, b=2))
    make(one, 14, 0.8)
    other.load_state(one.state())
    for budget in (one, other):
        budget.update(corrections(a=4, b=2, c=1))
        make(budget, 3, 0.8)
    assert one.shares() == other.shares() and one.owed == other.owed == 4 and one.decay == other.decay


def test_where_steps_come_too_slowly_what_is_left_of_the_new_budgets_falls_in_proportion():
    budget = Budget(steps_per_label=4, ema_share=0.25)
    budget.update(corrections(a=10), most=20)
    assert (budget.owed, budget.steps_per_label, budget.waiting_labels) == (20, 2.0, 10), "20 of 40 steps"
    make(budget, 10)
    assert budget.update(corrections(a=10), most=7) == 0 and budget.owed == 10, (
        "half as much again is allowed"
    )
    budget.update(corrections(a=10, b=5), most=20)  # 10 and 20 are owed, two thirds of that can be made
    assert budget.owed == 7 + 14, "6.67 and 13.33, rounded up each"
    assert budget.decay == pytest.approx(1.0 - 4.0 / 21)
    make(budget, 7)
    assert shares(budget)["a"] == 1.0, "17 steps are all of its budget by now"
    assert budget.waiting == {("b", 1)} and budget.steps_per_label == pytest.approx(13.33 / 5, abs=0.01)
    budget.update(corrections(a=10, b=5), most=4)
    assert budget.owed == 4, "steps take much longer than it seemed"


def test_the_steps_that_were_taken_from_a_budget_come_when_no_new_correction_waits():
    budget = Budget(steps_per_label=4, ema_share=0.25)
    budget.update(corrections(a=10), most=20)
    make(budget, 20)
    assert shares(budget)["a"] == 1.0
    assert budget.update(corrections(a=10), most=20) == 0
    assert budget.owed == 20 and budget.owed_to_new == 0, "the other half of its 40"
    assert shares(budget)["a"] == 1.0, "it has been trained on, as well as could be in time"
    assert budget.came == {("a", 1)}
    make(budget, 5)
    budget.update(corrections(a=10, b=5), most=10)
    assert budget.owed == 15 + 10 and budget.decay == pytest.approx(1.0 - 4.0 / 10), "memory for the new one"
    make(budget, 10)
    assert shares(budget) == {"a": 1.0, "b": 1.0} and budget.owed == 15, "which went first"
    budget.update(corrections(a=10, b=5), most=10)
    assert budget.owed == 15 + 10
    make(budget, 25)
    assert budget.update(corrections(a=10, b=5)) == 0 and budget.owed == 0
    assert shares(budget) == {"a": 1.0, "b": 1.0}


def test_a_version_says_what_it_has_of_the_steps_that_were_put_off_so_that_the_next_stream_owes_them():
    budget = Budget(steps_per_label=4, ema_share=0.25)
    budget.update(corrections(a=10, b=5), most=30)
    make(budget, 30)
    first, second = budget.shares()
    assert (first.share, second.share) == (1.0, 1.0), "20 of 20 and 10 of 10"
    assert (first.done, second.done) == (0.5, 0.5), "of 40 and of 20"
    budget.update(corrections(a=10, b=5), most=30)
    make(budget, 10)
    first, second = budget.shares()
    assert (first.share, first.done, second.done) == (1.0, 0.75, 0.5)
    following = Budget(4, 0.25)
    had = {(c.episode_id, c.intervention_id): c.done * c.labels for c in budget.shares()}
    following.begin(corrections(a=10, b=5), had)
    assert following.owed == 10 + 10 and following.owed_to_new == 0
    make(following, 20)
    assert [c.done for c in following.shares()] == [None, None], "nothing is put off any more"


def test_the_whole_episode_is_owed_its_further_labels_and_at_most_what_each_is_worth():
    budget = Budget(4, 0.25)
    budget.update(corrections(a=10), most=20)
    make(budget, 20)
    assert budget.update(corrections(a=12)) == 2 and budget.owed == 8
    make(budget, 8)
    assert budget.update(corrections(a=9)) == 0 and budget.owed == 36 - 28, "of the 20 that were put off"
    assert budget.update(corrections(a=3)) == 0 and budget.owed == 0


def test_what_comes_while_the_stream_runs_goes_before_what_was_there_which_keeps_its_budget():
    budget = Budget(4, 0.25)
    budget.begin(corrections(a=10, b=10), {("a", 1): 5.0})
    assert budget.owed == 20 + 40
    budget.update(corrections(a=10, b=10, c=5), most=20)
    assert (budget.owed, budget.owed_to_new) == (20 + 40 + 20, 20) and budget.waiting == {("c", 1)}
    assert budget.decay == pytest.approx(1.0 - 4.0 / 20), "the averages follow the new one"
    make(budget, 20)
    assert budget.waiting == {("a", 1), ("b", 1)} and shares(budget)["c"] == 1.0
    make(budget, 60)
    assert shares(budget) == {"a": 1.0, "b": 1.0, "c": 1.0} and budget.owed == 0


def test_whatever_comes_however_fast_no_more_is_owed_to_it_than_can_be_made_in_time():
    budget = Budget(8, 0.25)
    for count in range(1, 60):
        budget.update(corrections(**{f"c{n}": 20 for n in range(count)}), most=100)
        assert budget.owed <= 100 + len(budget.waiting)
        make(budget, 40, budget.decay)
    drawn = [trained.share for trained in budget.shares()]
    assert min(drawn[:-4]) > 0.5, "each one is trained on, a few arrivals later"


def test_what_ended_while_the_stream_started_came_while_it_ran():
    budget = Budget(4, 0.25)
    budget.begin(corrections(a=10, b=10, c=5), {}, began_s=1.5)  # they ended at 0, 1 and 2
    assert budget.came == budget.waiting == {("c", 1)} and (budget.owed, budget.owed_to_new) == (100, 20)
    budget.update(corrections(a=10, b=10, c=5), most=10)
    assert budget.owed_to_new == 10, "and waits no longer than others that came"
