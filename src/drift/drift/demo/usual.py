"""How much of everything a demo of a task does, where nobody says otherwise: its file of config/demos."""

from typing import Annotated

from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import choices, config_file

_OTHERWISE = "place"  # whose numbers a task without a file of its own has

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class UsualDemo:
    """One file of config/demos."""

    train: str  # of config/train
    demonstrations: Annotated[int, Field(ge=2)]
    episodes: Count  # corrected
    evaluations: Count  # paired rollouts before and after
    minutes: Count  # that such a run takes on two idle cores


def usual_demo(task: str) -> UsualDemo:
    """Return what is usual for a task."""
    return load_yaml(config_file("demo", task if task in choices("demo") else _OTHERWISE), UsualDemo)
