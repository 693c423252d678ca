"""What a bag of ours says of the episode in it: metadata records that the recorder and the export write."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

EPISODE_NOTE = "drift_episode"  # at the beginning: EpisodeMeta, EpisodeTopics, and which clocks
END_NOTE = "drift_end"  # at the end: the outcome


@dataclass(frozen=True, config=STRICT)
class EpisodeTopics:
    """Which topics of a bag, by their full names, make an episode."""

    steps: Annotated[str, Field(min_length=1)]
    joint_states: tuple[str, ...]
    cameras: Mapping[str, str] = field(default_factory=dict)  # by the camera's name
