"""An autoregressive draft (Trajectory Diffuser, arXiv 2407.16142): a GRU, a few steps at a time.

The paper drafts with a transformer, one step after the other; here a GRU gives blocks of steps, each as moves
from the end of the block before, so that a draft costs about as much as one call of a small denoiser. It is
trained as it is run, on its own blocks. Like every draft without a random choice it lies between the ways
where several are right.
"""

from typing import Annotated, Literal

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser, mish
from drift_core.denoisers.windows import Noise, Windows
from drift_core.drafts.draft_network import DraftNetwork, Room, squared_error


@dataclass(frozen=True, config=STRICT)
class GruConfig:
    """Settings of `GruDraft`."""

    kind: Literal["gru"] = "gru"
    level: Annotated[float, Field(gt=0, le=1)] = 0.25
    width: Annotated[int, Field(gt=0)] = 128
    block: Annotated[int, Field(gt=0)] = 4  # steps of the chunk per step of the network


class GruDraft(DraftNetwork):
    """h_0 = mish(W c), h_i = GRU(moves of the block before, h_i-1); W h_i: moves from the last action on."""

    def __init__(self, config: GruConfig, room: Room) -> None:
        super().__init__(config, room)
        self.block = config.block
        self.begin = nn.Linear(room.condition_dim, config.width)
        self.cell = nn.GRUCell(config.block * room.action_dim, config.width)
        self.moves = nn.Linear(config.width, config.block * room.action_dim)

    def forward(self, condition: Tensor) -> Tensor:
        """Return the chunk (B, T, A)."""
        last = self.pose(condition)  # (B, A)
        hidden = mish(self.begin(condition))
        moves = condition.new_zeros(len(condition), self.block * self.room.action_dim)
        blocks: list[Tensor] = []
        while len(blocks) * self.block < self.room.horizon:
            hidden = self.cell(moves, hidden)
            moves = self.moves(hidden)
            blocks.append(last[:, None] + moves.view(-1, self.block, self.room.action_dim))
            last = blocks[-1][:, -1]
        return torch.cat(blocks, dim=1)[:, : self.room.horizon]

    def loss_terms(self, windows: Windows, noise: Noise, denoiser: Denoiser) -> dict[str, Tensor]:
        """Return "gru": the squared error; the encoder gets no gradient from it."""
        return {"gru": squared_error(self(windows.condition.detach()), windows)}
