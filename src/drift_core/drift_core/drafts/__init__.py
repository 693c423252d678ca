"""Networks of a policy that draft a chunk from its observation, for samplers that only polish it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from drift_core.drafts.anchors import AnchorDraft, AnchorsConfig
from drift_core.drafts.draft_network import DraftConfigLike, DraftNetwork, Room
from drift_core.drafts.gru import GruConfig, GruDraft
from drift_core.drafts.mlp import MlpDraft, MlpDraftConfig
from drift_core.drafts.zeros import ZeroDraft, ZerosConfig
from drift_core.kinds import one_of

__all__ = [
    "DRAFTS",
    "AnchorDraft",
    "AnchorsConfig",
    "DraftConfig",
    "DraftNetwork",
    "GruConfig",
    "GruDraft",
    "MlpDraft",
    "MlpDraftConfig",
    "Room",
    "ZeroDraft",
    "ZerosConfig",
    "make_draft",
]

# By its configuration; each is made from that and the room that there is.
DRAFTS: dict[type, Callable[..., DraftNetwork]] = {
    AnchorsConfig: AnchorDraft,
    GruConfig: GruDraft,
    MlpDraftConfig: MlpDraft,
    ZerosConfig: ZeroDraft,
}

if TYPE_CHECKING:
    DraftConfig = DraftConfigLike
else:
    DraftConfig = one_of(DRAFTS)


def make_draft(config: DraftConfig, room: Room) -> DraftNetwork:
    """Return the network that `config` describes."""
    return DRAFTS[type(config)](config, room)
