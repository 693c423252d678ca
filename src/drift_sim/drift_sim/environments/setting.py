"""What is ours in a task of others: lengths of chunks and episodes, and when its expert takes over."""

from typing import Annotated

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_sim.expert.vector import TAKE_OVER, TakeOver

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class Setting:
    """What a policy's task says, and no environment knows."""

    horizon: Count = 16  # steps in a chunk
    observation_steps: Count = 2
    action_steps: Count = 8  # executed steps of a chunk
    max_steps: Count | None = None  # an episode that takes longer has failed; None: as its adapter says
    take_over: TakeOver = TAKE_OVER


SETTING = Setting()
