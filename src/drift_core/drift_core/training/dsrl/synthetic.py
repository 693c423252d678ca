"""Made-up transitions for the critics of executed chunks, near what actor and policy would do at present."""

from collections.abc import Callable

import torch
from torch import Tensor

from drift_core.errors import DataError
from drift_core.noise import NoiseActor
from drift_core.samplers.sampler import draw
from drift_core.training.dsrl.learner import Act
from drift_core.training.dsrl.replay import Transitions
from drift_core.training.synthetic.config import SyntheticConfig
from drift_core.training.synthetic.experience import Experience
from drift_core.training.synthetic.model import TrajectoryModel

_FEWEST = 50  # recorded chunks from which anything is learned


def trajectory_model(replay: Transitions, config: SyntheticConfig, seed: int) -> TrajectoryModel:
    """Return one of `replay` that has learned nothing yet; always the same from the same `seed`.

    DataError: too little is recorded. ConfigError: there is no such sampler.
    """
    if len(replay) < _FEWEST:
        raise DataError(
            f"dsrl.synthetic needs {_FEWEST} recorded chunks to learn from, there are {len(replay)}: "
            "record more, or leave it out"
        )
    names = ("condition", "action", "reward", "following", "last")
    recorded = Experience(**{name: getattr(replay, name) for name in names})
    return TrajectoryModel(recorded, config, torch.Generator().manual_seed(seed))


class SyntheticReplay:
    """Makes transitions by `model`, each time near what `actor` would do at that time.

    With its noise given, what the frozen policy does is a function of what is seen: each chunk of a
    trajectory has noise of its own, moved by the actor, and is pushed towards the chunk that comes of it.
    """

    def __init__(
        self,
        model: TrajectoryModel,
        act: Act,
        actor: NoiseActor,
        latent_shape: tuple[int, int],
        config: SyntheticConfig,
        seed: int,
        tell: Callable[[str], None] = lambda text: None,
        all_earn: bool = False,
    ) -> None:
        """`latent_shape`: T, A. `tell` hears what was made. `all_earn`: not the last chunk alone."""
        self._model, self._act, self._actor, self._shape = model, act, actor, latent_shape
        self._config, self._seed, self._tell, self._all_earn = config, seed, tell, all_earn
        self.draws, self.made = 0, 0  # so often, and so many transitions in all

    def __call__(self) -> Transitions:
        """Return other transitions; rewards lie in [0, 1] and come with the last chunk alone, or with all."""
        self.draws += 1
        generator = torch.Generator().manual_seed(self._seed + self.draws)
        made = self._model.make(self._wanted(generator), self._config.guidance, generator)
        self.made += len(made)
        self._tell(
            f"{len(made)} synthetic transitions made, guidance {self._config.guidance:g}: "
            f"{int(made.last.sum())} of {self._config.trajectories} trajectories end"
        )
        return Transitions(
            made.condition,
            torch.full((len(made), self._actor.dims), torch.nan).to(made.condition),  # nobody knows
            made.action,
            torch.where(made.last | self._all_earn, made.reward.clamp(0.0, 1.0), 0.0),
            made.following,
            made.last,
            torch.zeros_like(made.last),
        )

    def _wanted(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        count = self._config.trajectories * self._config.chunks
        noise = draw((count, *self._shape), generator)

        def wanted(condition: Tensor) -> Tensor:
            return self._act(condition, self._actor.latent(condition, noise.to(condition)))

        return wanted
