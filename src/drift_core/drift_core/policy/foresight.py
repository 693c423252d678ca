"""How far what is seen lies from what the policy has foreseen: a score of its own surprise.

A network that denoises observations to come says with each chunk what will be seen if that is executed. At
the next chunk that is compared with what is seen then, between foreseen steps by a straight line.
"""

import numpy as np
import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.denoisers.seen import Foresees
from drift_core.denoisers.windows import FutureWindows
from drift_core.observation.spec import Observation
from drift_core.policy.policy import DiffusionPolicy, Encode


def check_foresees(policy: DiffusionPolicy) -> None:
    """Refuse a policy that foresees nothing; ConfigError."""
    if not isinstance(policy.denoiser, Foresees):
        raise ConfigError(
            f"foresight=true needs a policy that foresees what it will see (denoiser of kind 'joint'), this "
            f"one is of kind {policy.config.denoiser.kind!r}"
        )


class Foresight:
    """What one policy has foreseen since it last began afresh; one thread at a time."""

    def __init__(self, policy: DiffusionPolicy) -> None:
        """ConfigError for a policy that foresees nothing."""
        check_foresees(policy)
        self.error: float | None = None  # of the newest observation; None: nothing was foreseen for its time
        self._policy, self._net = policy, policy.denoiser
        self._said: tuple[float, Tensor] | None = None  # when, and what (1 + Tf, E), first what was seen then

    @torch.no_grad()
    def look(self, observation: Observation, chunk: np.ndarray, encode: Encode | None = None) -> float | None:
        """Return how far `observation` lies from what was foreseen, and foresee what `chunk` (T, A) leads to.

        0: as foreseen; 1: as far as the mean of all that was trained on, in mean squares. `encode` as of
        `DiffusionPolicy.act`, and so are errors, after which nobody knows.
        """
        net, policy, self.error = self._net, self._policy, None
        assert isinstance(net, Foresees)
        seen = net.shown(_newest(policy, observation, encode or policy.encode_frame))[0]  # (1, E)
        expected = self._expected(observation.t_ref_s)
        self.error = None if expected is None else float(net.distance(expected, seen[0]))
        actions = torch.from_numpy(chunk).to(seen)[None]
        condition = policy.observe(observation, encode)
        train_steps = policy.config.train_steps
        foreseen = net.foresee(condition, policy.with_past(policy.normalize_actions(actions)), train_steps)[0]
        self._said = observation.t_ref_s, torch.cat([seen, foreseen])
        return self.error

    def _expected(self, t_ref_s: float) -> Tensor | None:
        """Return what was foreseen for that time (E,)."""
        if self._said is None:
            return None
        assert isinstance(self._net, Foresees)
        steps = np.array([0, *self._net.future_steps])
        at = (t_ref_s - self._said[0]) / self._policy.config.observation.dt_s
        if not 0.0 < at <= steps[-1] + 1e-6:
            return None
        after = int(np.searchsorted(steps, at - 1e-6))
        share = (at - steps[after - 1]) / (steps[after] - steps[after - 1])
        return torch.lerp(self._said[1][after - 1], self._said[1][after], min(share, 1.0))


def _newest(policy: DiffusionPolicy, observation: Observation, encode: Encode) -> FutureWindows:
    """Return the newest step of `observation` as one observation of one window."""
    cameras = policy.config.observation.cameras
    frames = {camera.name: observation.images[camera.name][-1] for camera in cameras}
    state = torch.from_numpy(np.asarray(observation.state[-1], dtype=np.float32)).to(policy.device)
    features = [encode(camera, frame) for camera, frame in frames.items()]
    index = torch.zeros(1, 1, dtype=torch.long, device=policy.device)
    return FutureWindows(
        features=torch.cat(features)[None, None] if features else state.new_zeros(1, 1, 0),
        state=policy.normalizer.normalize_state(state)[None, None],
        mask=index == 0,
        frame_index=index,
        images={
            camera: torch.from_numpy(frame).to(policy.device).permute(2, 0, 1)[None]
            for camera, frame in frames.items()
        },
    )
