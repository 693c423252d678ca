"""How many labels an episode gives, as far as its robot and task are known here."""

from dataclasses import dataclass

from drift_config.errors import DriftError
from drift_core.episodes import EpisodeMeta, EpisodeStore

from drift.data.origin_files import origin_files


@dataclass(frozen=True)
class LabelCount:
    """Labels of an episode; None where they cannot be counted, with the reason as remark."""

    labels: int | None
    idle: int | None
    remark: str


def count_labels(store: EpisodeStore, episode_id: str, meta: EpisodeMeta) -> LabelCount:
    """Count what training would make of an episode; evaluations give no label."""
    if meta.kind == "evaluation":
        return LabelCount(0, 0, "an evaluation is not trained on")
    origin = origin_files(meta.robot, meta.task)
    cut = origin.cutter(store)
    if cut is None:
        return LabelCount(None, None, f"labels are not counted: {origin.unknown}")
    try:
        found = cut.labels(episode_id)
    except DriftError as error:
        return LabelCount(None, None, f"cannot be trained on: {error}")
    return LabelCount(found.count, found.idle, found.remark)
