"""Names of episodes decide which are held out; the first of a kind never is."""

from drift_core.episodes import held_out
from trainer_node.episode_id import new_episode_id

STARTED = "20261129-101500"
NUMBERS = [f"{n:06x}" for n in range(1000)]
KEPT = [n for n in NUMBERS if held_out(f"{STARTED}-intervention-{n}")]
USED = [n for n in NUMBERS if not held_out(f"{STARTED}-intervention-{n}")]


def name(number, kind="intervention"):
    return f"{STARTED}-{kind}-{number}"


def drawn(known, *numbers):
    return new_episode_id(STARTED, "intervention", known, iter(numbers).__next__)


def test_one_episode_in_ten_is_held_out():
    assert 70 < len(KEPT) < 130


def test_the_first_of_a_kind_is_trained_on():
    assert drawn([], KEPT[0], KEPT[1], USED[0]) == name(USED[0])
    others = [name(USED[1], "demonstration"), name(KEPT[2])]
    assert drawn(others, KEPT[0], USED[0]) == name(USED[0]), "of another kind, or held out: still the first"


def test_a_later_one_is_held_out_as_it_is_drawn():
    assert drawn([name(USED[0])], KEPT[0]) == name(KEPT[0])
    assert drawn([name(USED[0])], USED[1]) == name(USED[1])
