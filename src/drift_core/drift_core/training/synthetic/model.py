"""A diffusion model of trajectories: network, noise schedule and sampler as of policies, over other rows."""

from collections.abc import Callable

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.denoisers.mlp import MlpDenoiser
from drift_core.denoisers.windows import Noise, Windows
from drift_core.samplers import Sampler, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.training.ema import MergedEma, warm_decay
from drift_core.training.synthetic.config import SyntheticConfig
from drift_core.training.synthetic.experience import Experience, RowScale, steps, trajectories
from drift_core.training.synthetic.guidance import PolicyGuide, Wanted

_TRAIN_STEPS = 100  # of the noise schedule
# Predicting clean rows, a network of some thousand steps makes chunks that vary too little.
_PREDICTION: Prediction = "v"
_DECAY, _POWER = 0.995, 0.75  # of the averaged weights


class TrajectoryModel:
    """Learns what was recorded, and makes more of it."""

    def __init__(self, recorded: Experience, config: SyntheticConfig, generator: torch.Generator) -> None:
        """Nothing is learned yet. `generator`: of the new network, of batches and noise.

        ConfigError: there is no such sampler. DataError: there is nothing recorded.
        """
        rows = trajectories(recorded, config.chunks)
        self._seen, self._executed = recorded.condition.shape[1], recorded.action.shape[1:]
        self._scale = RowScale(rows, self._seen)
        self._rows, self._config, self._generator = self._scale.normalize(rows), config, generator
        self._noise = Noise(NoiseSchedule(_TRAIN_STEPS), _PREDICTION, generator)
        self._sampler: Sampler = make_sampler(config.sampler, self._noise.schedule, _PREDICTION)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 31, (), generator=generator)))
            network = MlpDenoiser(config.network, config.chunks, rows.shape[-1], condition_dim=1)
        self._network = network.to(rows.device)

    def learn(self, on_step: Callable[[int, float], None]) -> None:
        """Train the network and keep its averaged weights; `on_step` gets number and loss, and may raise.

        ConfigError: the loss is not finite.
        """
        config, network = self._config, self._network
        optimizer = torch.optim.Adam(network.parameters(), config.lr)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
        average = MergedEma(network)
        for step in range(config.steps):
            drawn = torch.randint(len(self._rows), (config.batch_size,), generator=self._generator)
            rows = self._rows[drawn.to(self._rows.device)]
            terms = network.loss_terms(
                Windows(rows.new_zeros(len(rows), 1), rows, torch.ones_like(rows[..., 0], dtype=torch.bool)),
                self._noise,
            )
            loss = torch.stack(list(terms.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rate.step()
            average.update(warm_decay(step, _DECAY, _POWER))
            on_step(step, float(loss.detach()))
        network.load_state_dict(network.state_dict() | average.weights())
        network.eval().requires_grad_(False)

    @torch.no_grad()
    def make(self, wanted: Wanted, guidance: float, generator: torch.Generator) -> Experience:
        """Return the steps of new trajectories, guided towards what is `wanted`; with 0 that is not asked.

        ConfigError: what comes out is not finite.
        """
        config = self._config
        shape = (config.trajectories, *self._rows.shape[1:])
        guide = None
        if guidance:
            guide = PolicyGuide(wanted, guidance, config.unit, self._scale, self._sampler.steps)
        device = self._rows.device
        denoise = self._network.hoist(torch.zeros(1, 1, device=device), _TRAIN_STEPS)
        made = self._sampler.sample(denoise, shape, generator, guide=guide, device=device)
        return self._checked(made)

    def _checked(self, made: Tensor) -> Experience:
        if not bool(made.isfinite().all()):
            raise ConfigError(f"lr={self._config.lr} of the trajectory model must be lower: it makes NaN")
        first, second = self._executed
        return steps(self._scale.denormalize(made), self._seen, (first, second))
