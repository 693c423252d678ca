"""Steps of attempts, and the rows that a trajectory model learns and makes.

A row is [condition, executed chunk, reward, last], a trajectory H rows. Where an attempt ends before its
trajectory does, the last row is repeated without reward, so that also where a made trajectory ends is said by
the model, by a number that is compared with one half.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from drift_core.errors import DataError
from drift_core.policy.normalizer import Normalizer

_ENDED = 0.5  # of `last`, 0 or 1 in what was recorded


@dataclass(frozen=True, eq=False)
class Experience:
    """N steps; recorded ones in their order, attempt by attempt."""

    condition: Tensor  # (N, C) what was seen
    action: Tensor  # (N, E, A) what was executed
    reward: Tensor  # (N,)
    following: Tensor  # (N, C) what was seen next; of a last step anything
    last: Tensor  # (N,) bool

    def __len__(self) -> int:
        return len(self.reward)

    def rows(self, index: Tensor) -> "Experience":
        """Return those that `index` counts."""
        return Experience(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def trajectories(experience: Experience, length: int) -> Tensor:
    """Return one trajectory from each step on, (N, length, W), raw."""
    count, device = len(experience), experience.reward.device
    if not count or not bool(experience.last[-1]):
        raise DataError(f"{count} steps must end with a last one, to be trajectories")
    ends = experience.last.nonzero()[:, 0]
    step = torch.arange(count, device=device)
    end = ends[torch.searchsorted(ends, step)]
    index = step[:, None] + torch.arange(length, device=device)  # (N, H)
    over = index > end[:, None]
    index = torch.minimum(index, end[:, None])
    parts = [
        experience.condition[index],
        experience.action.flatten(1)[index],
        torch.where(over, 0.0, experience.reward[index])[..., None],
        experience.last[index].to(experience.reward)[..., None],
    ]
    return torch.cat(parts, dim=-1)


def steps(made: Tensor, condition_dim: int, executed: tuple[int, int]) -> Experience:
    """Return the steps of trajectories `made` (N, H, W), raw, that have an end or something that follows.

    `executed`: E, A. What comes after the end of a trajectory is left out.
    """
    condition, action = made[..., :condition_dim], made[..., condition_dim:-2]
    reward, last = made[..., -2], made[..., -1] > _ENDED
    ended_before = last.long().cumsum(1) - last.long() > 0  # (N, H)
    known = last.clone()
    known[:, :-1] = True
    kept = known & ~ended_before
    following = torch.cat([condition[:, 1:], condition[:, -1:]], dim=1)
    return Experience(
        condition[kept], action[kept].view(-1, *executed), reward[kept], following[kept], last[kept]
    )


class RowScale:
    """Rows to about [-1, 1] and back, by the range of each of their numbers; and where the chunk stands."""

    def __init__(self, rows: Tensor, condition_dim: int) -> None:
        """Fit to trajectories `rows` (N, H, W), raw."""
        seen, rest = rows[..., :condition_dim], rows[..., condition_dim:]
        self.chunk = slice(condition_dim, rows.shape[-1] - 2)
        everything = torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)
        self._fitted = Normalizer.fit(seen, rest, everything, "point").to(rows.device)
        self._seen = condition_dim

    def normalize(self, rows: Tensor) -> Tensor:
        """(..., W) raw to normalised."""
        seen, rest = rows[..., : self._seen], rows[..., self._seen :]
        parts = [self._fitted.normalize_state(seen), self._fitted.normalize_action(rest)]
        return torch.cat(parts, dim=-1)

    def denormalize(self, rows: Tensor) -> Tensor:
        """(..., W) normalised to raw."""
        fitted = self._fitted
        seen = rows[..., : self._seen] * fitted.state_half_range + fitted.state_centre
        return torch.cat([seen, fitted.denormalize_action(rows[..., self._seen :])], dim=-1)
