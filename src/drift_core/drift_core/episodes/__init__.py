"""Episodes: what they hold, and how they are written, read and found again."""

from drift_core.episodes.background import BackgroundWriter
from drift_core.episodes.description import read_meta
from drift_core.episodes.dropped import Dropped
from drift_core.episodes.excerpts import Excerpts, excerpt_id, excerpt_of
from drift_core.episodes.images import LOSSLESS, ImageEncoding
from drift_core.episodes.reader import read_episode
from drift_core.episodes.record import (
    GUARD_HOLD,
    ChunkRecord,
    Chunks,
    Episode,
    EpisodeKind,
    EpisodeMeta,
    Frames,
    Joints,
    OutcomeName,
    Rewards,
    StepRecord,
    Steps,
    StepSource,
)
from drift_core.episodes.relabel import relabel
from drift_core.episodes.store import EpisodeStore, held_out
from drift_core.episodes.writer import EpisodeWriter

__all__ = [
    "GUARD_HOLD",
    "LOSSLESS",
    "BackgroundWriter",
    "ChunkRecord",
    "Chunks",
    "Dropped",
    "Episode",
    "EpisodeMeta",
    "EpisodeStore",
    "EpisodeWriter",
    "Excerpts",
    "Frames",
    "ImageEncoding",
    "Joints",
    "EpisodeKind",
    "OutcomeName",
    "Rewards",
    "StepSource",
    "StepRecord",
    "Steps",
    "excerpt_id",
    "excerpt_of",
    "held_out",
    "read_episode",
    "read_meta",
    "relabel",
]
