"""How well the policy does, by version and by episode: success without help, and how long a person drove."""

from collections.abc import Iterable
from dataclasses import dataclass

from drift_core.intervals import SuccessRate, success_rate
from drift_core.review.lines import EpisodeLine

ENOUGH = 20  # judged episodes from which two versions may be compared


@dataclass(frozen=True)
class VersionProgress:
    """The episodes in which one version drove last."""

    version: int
    episodes: int
    unaided: SuccessRate | None  # success without a take-over, of those whose end is known; None: of none
    take_overs: int
    driven_s: float  # by the policy or the expert
    expert_s: float  # of it, by the expert

    @property
    def enough(self) -> bool:
        """Whether so many episodes were judged that a comparison with another version means something."""
        return self.unaided is not None and self.unaided.trials >= ENOUGH


@dataclass(frozen=True)
class EpisodeProgress:
    """What a store had come to with one more episode."""

    number: int  # of the episode, from 1
    shown_s: float  # how long the expert has driven, in this one and in all before
    unaided: (
        bool | None
    )  # whether the policy did it without a take-over; None: not judged, or a demonstration


def progress_by_episode(lines: Iterable[EpisodeLine]) -> list[EpisodeProgress]:
    """Return what each of the episodes, oldest first, has added."""
    found, shown_s = list[EpisodeProgress](), 0.0
    for number, line in enumerate(lines, 1):
        shown_s += line.expert_s
        found.append(EpisodeProgress(number, shown_s, _unaided(line)))
    return found


def progress_by_version(lines: Iterable[EpisodeLine]) -> list[VersionProgress]:
    """Return each version that drove, in order; demonstrations say nothing about a policy.

    An episode counts for the newest version that drove in it: the one that ended it.
    """
    by_version: dict[int, list[EpisodeLine]] = {}
    for line in lines:
        if _attempt(line):
            by_version.setdefault(max(line.policy_versions), []).append(line)
    return [_progress(version, by_version[version]) for version in sorted(by_version)]


def _attempt(line: EpisodeLine) -> bool:
    return line.kind != "demonstration" and bool(line.policy_versions)


def _unaided(line: EpisodeLine) -> bool | None:
    if line.outcome == "unknown" or not _attempt(line):
        return None
    return line.outcome == "success" and not line.take_overs


def _progress(version: int, lines: list[EpisodeLine]) -> VersionProgress:
    judged = [unaided for unaided in map(_unaided, lines) if unaided is not None]
    return VersionProgress(
        version=version,
        episodes=len(lines),
        unaided=success_rate(judged) if judged else None,
        take_overs=sum(line.take_overs for line in lines),
        driven_s=sum(line.driven_s for line in lines),
        expert_s=sum(line.expert_s for line in lines),
    )
