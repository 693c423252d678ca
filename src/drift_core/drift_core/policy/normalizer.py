"""Min-max normalisation of states and actions to [-1, 1]; fitted once on demonstrations, then frozen."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from drift_core.errors import DataError, ShapeError

ROTATION = slice(3, 9)  # columns of the 6-D rotation in a pose: they lie in [-1, 1] and stay as they are


class Normalizer(nn.Module):
    """Map raw columns to about [-1, 1] and back: `(x - centre) / half_range`. New: the identity.

    Nothing is clipped: a state outside the range seen in fitting comes out beyond 1. Held action columns are
    their value on both ways, whatever is given.
    """

    state_centre: Tensor
    state_half_range: Tensor
    action_centre: Tensor
    action_half_range: Tensor
    held: Tensor
    held_value: Tensor

    def __init__(self, state_dim: int, action_dim: int, held: Sequence[tuple[int, float]] = ()) -> None:
        """`held`: action columns and their raw values."""
        super().__init__()
        self.register_buffer("held", torch.zeros(action_dim, dtype=torch.bool), persistent=False)
        self.register_buffer("held_value", torch.zeros(action_dim), persistent=False)
        for column, value in held:
            self.held[column], self.held_value[column] = True, value
        self.register_buffer("state_centre", torch.zeros(state_dim))
        self.register_buffer("state_half_range", torch.ones(state_dim))
        self.register_buffer("action_centre", torch.zeros(action_dim))
        self.register_buffer("action_half_range", torch.ones(action_dim))

    @classmethod
    def fit(
        cls, state: Tensor, actions: Tensor, mask: Tensor, action_space: str, min_half_range: float = 0.01
    ) -> "Normalizer":
        """Fit to states (N, To, S) and to the actions (N, T, A) where `mask` (N, T) is true.

        A column that hardly moves is treated as if it moved by +- `min_half_range` (in its own unit), so that
        sensor noise on it is not blown up to the full range.
        """
        if mask.shape != actions.shape[:2] or state.shape[0] != actions.shape[0]:
            raise ShapeError(
                f"state (N, To, S), actions (N, T, A), mask (N, T) must agree, got "
                f"{tuple(state.shape)}, {tuple(actions.shape)}, {tuple(mask.shape)}"
            )
        if not bool(mask.any()):
            raise DataError("a normaliser needs at least one valid label, got none")
        pose = action_space == "tcp_pose"
        fitted = cls(state.shape[-1], actions.shape[-1])
        seen = state[mask.any(dim=1)].flatten(0, 1)  # (M, S)
        fitted._set("state", seen, rotation=action_space != "point", min_half_range=min_half_range)
        fitted._set("action", actions[mask], rotation=pose, min_half_range=min_half_range)
        return fitted

    def normalize_state(self, state: Tensor) -> Tensor:
        """(..., S) raw to normalised."""
        return (state - self.state_centre) / self.state_half_range

    def normalize_action(self, action: Tensor) -> Tensor:
        """(..., A) raw to normalised."""
        return (self._hold(action) - self.action_centre) / self.action_half_range

    def denormalize_action(self, action: Tensor) -> Tensor:
        """(..., A) normalised to raw."""
        return self._hold(action * self.action_half_range + self.action_centre)

    def _hold(self, action: Tensor) -> Tensor:
        return torch.where(self.held, self.held_value.to(action.dtype), action)

    def _set(self, name: str, values: Tensor, rotation: bool, min_half_range: float) -> None:
        if not bool(torch.isfinite(values).all()):
            raise DataError(f"{name} values to fit must be finite")
        low, high = values.double().amin(dim=0), values.double().amax(dim=0)
        centre, half_range = (high + low) / 2.0, ((high - low) / 2.0).clamp(min=min_half_range)
        if rotation:
            centre[ROTATION], half_range[ROTATION] = 0.0, 1.0
        getattr(self, f"{name}_centre").copy_(centre)
        getattr(self, f"{name}_half_range").copy_(half_range)
