"""What was preferred to what: by a person who looked at two attempts, and by whoever took over."""

from drift_core.preferences.asking import pairs_to_ask
from drift_core.preferences.marks import MARKS_FILE, Answer, Mark, Marks, marks_of, run_folder
from drift_core.preferences.pairs import Pair, Side, pairs_of_mark, pairs_of_take_overs

__all__ = [
    "MARKS_FILE",
    "Answer",
    "Mark",
    "Marks",
    "Pair",
    "Side",
    "marks_of",
    "pairs_of_mark",
    "pairs_of_take_overs",
    "pairs_to_ask",
    "run_folder",
]
