"""`place` with the Panda, from state: the cube onto the disc, through gate and guard, in this process.

`action_steps` of each chunk are executed, without real-time chunking: a chunk follows from the noise that is
recorded with it.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

from drift.demo.offline import demonstrate
from drift.experiment.bench import make_shell
from drift.experiment.task import load_task_file
from drift.simulation import policy_pace
from drift_core.arm import ArmModel
from drift_core.episodes import EpisodeStore
from drift_core.policy.checkpoint import LoadedCheckpoint
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig
from drift_sim.policy_driver import PolicyPace
from drift_sim.shell import EpisodeResult, Shell

_TASK = load_task_file("place").task


class PlaceFromState:
    """A `Ground`; the person is the scripted expert of `drift demo`, who takes over as it does there."""

    title = _TASK.name

    @cached_property
    def _shell(self) -> Shell:
        return make_shell(_TASK)

    @property
    def task(self) -> TaskConfig:
        return self._shell.task

    @property
    def arm(self) -> ArmModel | None:
        return self._shell.environment.arm

    def demonstrate(self, folder: Path, count: int) -> None:
        demonstrate(self._shell, folder, range(len(EpisodeStore(folder).ids()), count), lambda result: None)

    def attempt(self, folder: Path, loaded: LoadedCheckpoint, sampler: str, seed: int, person: bool) -> None:
        self._shell.run_episode(
            seed,
            policy=loaded.policy,
            sampler=loaded.policy.make_sampler(sampler),
            expert=self._shell.expert("correct", seed) if person else None,
            writer=self._shell.writer(folder, f"attempt_{seed:06d}", seed, "intervention"),
            pace=self._pace(),
            policy_version=loaded.info.version,
        )

    def score(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> float:
        return self._alone(policy, sampler, seed).score

    def succeeds(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> bool:
        return self._alone(policy, sampler, seed).success

    def _alone(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> EpisodeResult:
        return self._shell.run_episode(seed, policy=policy, sampler=sampler, pace=self._pace())

    def _pace(self) -> PolicyPace:
        return replace(policy_pace(), realtime_chunking=False, replan_steps=self.task.action_steps)
