"""One of our policies with the interface of LeRobot's, for its evaluation loop. It needs no LeRobot.

Observations and actions are in our units: LeRobot's pre- and postprocessors of a policy must be the identity.
"""

from collections import deque
from collections.abc import Mapping

import torch
from drift_core.errors import ShapeError
from drift_core.policy.policy import DiffusionPolicy
from torch import Tensor, nn

from drift_formats.lerobot import layout


class LeRobotPolicy(nn.Module):
    """`reset`, `select_action` and `predict_action_chunk`, for a batch of environments at a time.

    An observation holds "observation.state" (B, S) and for each camera "observation.images.NAME",
    (B, 3, H, W) float in [0, 1] or uint8; each is one step (`dt_s`) after the one before. Before there are
    enough of them, the first one stands for those before it.
    """

    def __init__(self, policy: DiffusionPolicy, sampler: str = "ddim-8", seed: int = 0) -> None:
        """`sampler`: by name. Those that begin from the last chunk ("rti-3") are for one environment."""
        super().__init__()
        self.policy = policy
        self._sampler, self._seed = policy.make_sampler(sampler), seed
        self.reset()

    def reset(self) -> None:
        """Forget what was seen and what is left of the last chunk; time begins at 0."""
        self._observations = 0
        steps = self.policy.config.observation.observation_steps
        self._seen: deque[dict[str, Tensor]] = deque(maxlen=steps)
        self._left: deque[Tensor] = deque()
        self._generator = torch.Generator(self.policy.device).manual_seed(self._seed)
        self._sampler.reset()

    @torch.no_grad()
    def select_action(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the action (B, A) for an observation; a new chunk after `action_steps` of the last one."""
        self._see(batch)
        if not self._left:
            chunk = self.predict_action_chunk()
            self._left.extend(chunk[:, : self.policy.config.action_steps].unbind(1))
        return self._left.popleft()

    @torch.no_grad()
    def predict_action_chunk(self, batch: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the chunk (B, T, A) for what was seen last, with `batch` for that."""
        if batch is not None:
            self._see(batch)
        if not self._seen:
            raise ShapeError("an observation must be given before there is a chunk")
        spec = self.policy.config.observation
        seen = [self._seen[0]] * (spec.observation_steps - len(self._seen)) + list(self._seen)
        count = len(seen[0][layout.STATE])
        state = torch.stack([one[layout.STATE] for one in seen], dim=1)  # (B, To, S)
        images = {
            camera.name: torch.cat([one[f"{layout.IMAGES}{camera.name}"] for one in seen])  # (To B, 3, H, W)
            for camera in spec.cameras
        }
        rows = torch.arange(spec.observation_steps, device=state.device)[None] * count
        rows = rows + torch.arange(count, device=state.device)[:, None]  # (B, To)
        condition = self.policy.condition(self.policy.encode_frames(images), rows, state)
        self._sampler.observe((self._observations - 1) * spec.dt_s, spec.dt_s, condition)
        return self.policy.sample(condition, self._sampler, self._generator)

    def _see(self, batch: Mapping[str, Tensor]) -> None:
        names = [f"{layout.IMAGES}{camera.name}" for camera in self.policy.config.observation.cameras]
        if missing := [name for name in (layout.STATE, *names) if name not in batch]:
            raise ShapeError(f"the observation must hold {missing[0]}, has {', '.join(sorted(batch))}")
        seen = {name: _as_bytes(batch[name]).to(self.policy.device) for name in names}
        seen[layout.STATE] = batch[layout.STATE].to(self.policy.device, torch.float32)
        self._seen.append(seen)
        self._observations += 1


def _as_bytes(picture: Tensor) -> Tensor:
    return picture if picture.dtype == torch.uint8 else (picture * 255.0).round().clamp(0.0, 255.0).byte()
