"""What was preferred to what: by a person who looked at two attempts, and by whoever took over."""

from drift_core.preferences.marks import MARKS_FILE, Answer, Mark, Marks
from drift_core.preferences.pairs import Pair, Side, pairs_of_mark, pairs_of_take_overs

__all__ = [
    "MARKS_FILE",
    "Answer",
    "Mark",
    "Marks",
    "Pair",
    "Side",
    "pairs_of_mark",
    "pairs_of_take_overs",
]
