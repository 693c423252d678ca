"""What a person wants to see of recorded episodes and of versions, as plain dataclasses; loads no torch."""

from drift_core.review.checkpoint_lines import CheckpointLine, LearnedCorrections, checkpoint_lines, learned
from drift_core.review.lines import EpisodeLine, EpisodeList
from drift_core.review.progress import (
    EpisodeProgress,
    VersionProgress,
    progress_by_episode,
    progress_by_version,
)
from drift_core.review.shelf import ReviewShelf
from drift_core.review.timeline import Curve, Plot, Timeline, timeline_of

__all__ = [
    "CheckpointLine",
    "Curve",
    "EpisodeLine",
    "EpisodeList",
    "EpisodeProgress",
    "LearnedCorrections",
    "Plot",
    "ReviewShelf",
    "Timeline",
    "VersionProgress",
    "checkpoint_lines",
    "learned",
    "progress_by_episode",
    "progress_by_version",
    "timeline_of",
]
