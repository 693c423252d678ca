"""Behaviour cloning as a draft: the mean of the demonstrated chunks, by a small network.

Where several ways are right it lies between them, and only the noise of `level` can leave it there.
"""

from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser, mish
from drift_core.denoisers.windows import Noise, Windows
from drift_core.drafts.draft_network import DraftNetwork, Room, squared_error


@dataclass(frozen=True, config=STRICT)
class MlpDraftConfig:
    """Settings of `MlpDraft`."""

    kind: Literal["mlp"] = "mlp"
    level: Annotated[float, Field(gt=0, le=1)] = 0.25
    width: Annotated[int, Field(gt=0)] = 128


class MlpDraft(DraftNetwork):
    """Present pose + W_2 mish(W_1 condition), the whole chunk at once."""

    def __init__(self, config: MlpDraftConfig, room: Room) -> None:
        super().__init__(config, room)
        self.first = nn.Linear(room.condition_dim, config.width)
        self.second = nn.Linear(config.width, room.horizon * room.action_dim)

    def forward(self, condition: Tensor) -> Tensor:
        """Return the chunk (B, T, A)."""
        moves = self.second(mish(self.first(condition)))
        return self.pose(condition)[:, None] + moves.view(-1, self.room.horizon, self.room.action_dim)

    def loss_terms(self, windows: Windows, noise: Noise, denoiser: Denoiser) -> dict[str, Tensor]:
        """Return "mlp": the squared error; the encoder gets no gradient from it."""
        return {"mlp": squared_error(self(windows.condition.detach()), windows)}
