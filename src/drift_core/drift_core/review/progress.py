"""How well the policy does, version by version: success without help, and how long a person drove."""

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


def progress_by_version(lines: Iterable[EpisodeLine]) -> list[VersionProgress]:
    """Return each version that drove, in order; demonstrations say nothing about a policy.

    An episode counts for the newest version that drove in it: the one that ended it.
    """
    by_version: dict[int, list[EpisodeLine]] = {}
    for line in lines:
        if line.kind != "demonstration" and line.policy_versions:
            by_version.setdefault(max(line.policy_versions), []).append(line)
    return [_progress(version, by_version[version]) for version in sorted(by_version)]


def _progress(version: int, lines: list[EpisodeLine]) -> VersionProgress:
    judged = [
        line.outcome == "success" and not line.take_overs for line in lines if line.outcome != "unknown"
    ]
    return VersionProgress(
        version=version,
        episodes=len(lines),
        unaided=success_rate(judged) if judged else None,
        take_overs=sum(line.take_overs for line in lines),
        driven_s=sum(line.driven_s for line in lines),
        expert_s=sum(line.expert_s for line in lines),
    )
