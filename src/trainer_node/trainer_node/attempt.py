"""What is said of an attempt while it runs: by the simulation, until a person has marked it."""

from trainer_node.episode_runner import EpisodeOutcome


class Attempt:
    """Outcome and score so far; the last word is a person's."""

    def __init__(self) -> None:
        self.outcome = EpisodeOutcome.RUNNING
        self._score: float | None = None
        self._marked = False

    def judge(self, outcome: EpisodeOutcome, score: float) -> None:
        """Take what the simulation says; a score out of [0, 1] says nothing."""
        if not self._marked:
            self.outcome, self._score = outcome, score if 0.0 <= score <= 1.0 else None

    def mark(self, outcome: EpisodeOutcome) -> None:
        """Take what a person says, who gives no score."""
        self.outcome, self._score, self._marked = outcome, None, True

    def score(self, verdict: EpisodeOutcome) -> float | None:
        """Return the score of an episode that ended with `verdict`; None: nobody has said, or it was that of
        another outcome, such as a success in the moment when the gate had a fault."""
        return self._score if self.outcome in (EpisodeOutcome.RUNNING, verdict) else None
