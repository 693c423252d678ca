"""What a bag of ours says of the episode in it: metadata records that the recorder and the export write."""

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_config.strict import STRICT
from drift_core.episodes import EpisodeMeta
from drift_core.errors import DataError
from pydantic import Field
from pydantic.dataclasses import dataclass

EPISODE_NOTE = "drift_episode"  # before the first message
END_NOTE = "drift_end"  # behind the last one: outcome and score
OPENING = "gripper_opening"  # a joint [m] in what an export says of the merged joints


@dataclass(frozen=True, config=STRICT)
class EpisodeTopics:
    """Which topics of a bag, by their full names, make an episode."""

    steps: Annotated[str, Field(min_length=1)]
    joint_states: tuple[str, ...]
    cameras: Mapping[str, str] = field(default_factory=dict)  # by the camera's name
    chunks: str = ""  # empty: the recorder did not listen to them


@dataclass(frozen=True, config=STRICT)
class EpisodeNote:
    """The metadata record at the beginning."""

    episode: EpisodeMeta  # as at the beginning of a recording
    topics: EpisodeTopics
    steady_offset_ns: int  # from the steady time of an arrival to its log_time
    # whether all is as the episode has it; else as it came, the recorder's rules are still to be applied
    chosen: bool
    use_sim_time: bool = False  # whether stamps follow /clock, so that log times say nothing of them

    def record(self) -> dict[str, str]:
        """Return it as a metadata record, with JSON texts as values."""
        return {key: json.dumps(value) for key, value in to_plain(self).items()}

    @classmethod
    def of(cls, record: Mapping[str, str], source: str) -> "EpisodeNote":
        """Return what a metadata record says; DataError names `source` and the key."""
        where = f"{source}: metadata record {EPISODE_NOTE}"
        try:
            return parse({key: json.loads(text) for key, text in record.items()}, cls, where)
        except (ConfigError, ValueError, RecursionError) as error:
            raise DataError(f"{where}: {error}") from error
