"""The training windows of recorded episodes, cut for one robot and one task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from drift_config.errors import DriftError

from drift_core.arm import ArmModel
from drift_core.data.windows import WindowSet, cut_windows
from drift_core.episodes import EpisodeStore
from drift_core.errors import DataError
from drift_core.origin import Origin
from drift_core.task import TaskConfig


class WindowCutter:
    """Cut the windows of episodes in a store."""

    def __init__(
        self,
        store: EpisodeStore,
        arm: ArmModel | None,
        task: TaskConfig,
        future_steps: Sequence[int] = (),
    ) -> None:
        """`arm` is None for a task whose action space is "point": its state is the point itself."""
        self._store = store
        self._task, self._future_steps = task, future_steps
        self._origin = Origin.of(arm, task)
        self._spec = task.observation_spec(0 if arm is None else arm.n_joints)
        self._state_of = _point_state if arm is None else arm.state

    def __call__(self, episode_id: str) -> WindowSet:
        """Read an episode, decode its frames and return all its windows; DriftError when it does not fit.

        DataError for one of another robot or task, though its numbers might fit.
        """
        task, episode = self._task, self._store.read(episode_id)
        if objection := self._origin.objection(episode.meta):
            raise DataError(f"recorded elsewhere: {objection}")
        return cut_windows(
            episode,
            self._spec,
            self._state_of,
            task.latency_s,
            task.horizon,
            task.action_space,
            future_steps=self._future_steps,
        )


@dataclass(frozen=True)
class EpisodeLabels:
    """What one episode gives to learn from."""

    count: int  # windows whose first label is valid
    idle: int  # of them, at which the expert stood still
    remark: str  # what is lost of it, or why there is no label; empty: nothing to say


class LabelCounter:
    """How many expert labels there are, by episode: the NEL of the method's tables."""

    def __init__(self, store: EpisodeStore, cut: WindowCutter) -> None:
        self._store = store
        self._cut = cut
        self._labels: dict[str, int] = {}

    @property
    def episodes(self) -> int:
        """Episodes counted so far."""
        return len(self._labels)

    @property
    def total(self) -> int:
        """Labels counted so far; evaluations give none."""
        return sum(self._labels.values())

    def add(self, episode_id: str) -> EpisodeLabels:
        """Count one episode."""
        labels = EpisodeLabels(0, 0, "")
        if self._store.meta(episode_id).kind != "evaluation":
            windows = self._cut(episode_id)
            labels = EpisodeLabels(windows.expert_labels, windows.idle_labels, windows.remark)
        self._labels[episode_id] = labels.count
        return labels

    def add_all(self) -> list[str]:
        """Count what is in the store; return what is wrong with the episodes that do not fit."""
        faults = []
        for episode_id in self._store.new_ids(self._labels):
            try:
                self.add(episode_id)
            except DriftError as error:
                faults.append(f"episode {episode_id}: {error}")
        return faults


def _point_state(positions: np.ndarray, gripper_m: float) -> np.ndarray:
    return positions
