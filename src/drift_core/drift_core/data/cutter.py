"""The training windows of recorded episodes, cut for one robot and one task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from drift_config.errors import DriftError

from drift_core.arm import ArmModel, state_of
from drift_core.data.windows import WindowSet, cut_windows
from drift_core.episodes import Episode, EpisodeStore, Excerpts, excerpt_of
from drift_core.errors import DataError
from drift_core.origin import Origin
from drift_core.task import TaskConfig


@dataclass(frozen=True)
class EpisodeLabels:
    """What one episode gives to learn from."""

    count: int  # windows whose first label is valid
    idle: int  # of them, at which the expert stood still
    remark: str  # what is lost of it, or why there is no label; empty: nothing to say


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
        self._store, self._excerpts = store, Excerpts(store)
        self._task, self._future_steps = task, future_steps
        self._origin = Origin.of(arm, task)
        self._spec = task.observation_spec(0 if arm is None else arm.n_joints)
        self._action_dim = task.action_dim(0 if arm is None else arm.n_joints)
        self._state_of = state_of(arm)
        self._near_home = (lambda q: q) if arm is None else arm.near_home

    def __call__(self, episode_id: str) -> WindowSet:
        """Read an episode and return all its windows, frames encoded; DriftError when it does not fit.

        DataError for one of another robot or task, though its numbers might fit.
        """
        return self._cut(self._read(episode_id))

    def episode(self, episode_id: str) -> Episode:
        """Read an episode; DataError when it does not fit."""
        return self._read(episode_id)

    def at(self, episode: Episode, at_s: np.ndarray) -> WindowSet:
        """Return the windows of the observations of these times, as far as there were any."""
        return self._cut(episode, at_s)

    def excerpt(self, excerpt: str) -> WindowSet:
        """Read an excerpt of an open episode and return the windows of its take-over, as of the episode."""
        return self._cut(self._fitting(self._excerpts.store.read(excerpt))).only(excerpt_of(excerpt)[1])

    def labels(self, episode_id: str) -> EpisodeLabels:
        """Read an episode and count its labels; no frame is decoded, so a broken one is not noticed."""
        windows = self(episode_id)
        return EpisodeLabels(windows.expert_labels, windows.idle_labels, windows.remark)

    def _read(self, episode_id: str) -> Episode:
        return self._fitting(self._store.read(episode_id))

    def _fitting(self, episode: Episode) -> Episode:
        """Return `episode`, if it is of this robot, task and cameras."""
        if objection := self._origin.objection(episode.meta):
            raise DataError(f"recorded elsewhere: {objection}")
        if episode.meta.task not in self._task.names:
            raise DataError(f"task={episode.meta.task} must be one of {', '.join(self._task.names)}")
        recorded = {camera.name: camera for camera in episode.meta.cameras}
        for camera in self._spec.cameras:
            there = recorded.get(camera.name, camera)
            if there != camera:
                raise DataError(
                    f"camera {camera.name} must be {camera.width}x{camera.height}, "
                    f"was recorded {there.width}x{there.height}"
                )
        return episode

    def _cut(self, episode: Episode, at_s: np.ndarray | None = None) -> WindowSet:
        task = self._task
        windows = cut_windows(
            episode,
            self._spec,
            self._state_of,
            task.latency_s,
            task.horizon,
            task.action_space,
            future_steps=() if at_s is not None else self._future_steps,
            near_home=self._near_home,
            action_dim=self._action_dim,
            at_s=at_s,
        )
        return replace(windows, task=task.names.index(episode.meta.task))


class LabelCounter:
    """How many expert labels there are, by episode: the NEL of the method's tables."""

    def __init__(self, store: EpisodeStore, cut: WindowCutter) -> None:
        self._store = store
        self._cut = cut
        self._labels: dict[str, int] = {}
        self._faulty: set[str] = set()  # episodes that do not fit

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
        try:
            if self._store.meta(episode_id).kind != "evaluation":
                labels = self._cut.labels(episode_id)
        except DriftError:
            self._faulty.add(episode_id)
            raise
        self._labels[episode_id] = labels.count
        return labels

    def update(self) -> Iterator[str]:
        """Forget what is no longer in the store, and count what is new in it.

        Yields after each new episode what is wrong with it, empty if nothing; it may be broken off there.
        """
        known = self._labels.keys() | self._faulty  # first: who adds one now must not find it forgotten
        there = self._store.ids()
        for episode_id in known.difference(there):
            self._labels.pop(episode_id, None)
            self._faulty.discard(episode_id)
        for episode_id in there:
            if episode_id in known:
                continue
            fault = ""
            try:
                self.add(episode_id)
            except DriftError as error:
                if episode_id in self._store.ids():  # else somebody has dropped it meanwhile
                    fault = f"episode {episode_id}: {error}"
            yield fault

    def add_all(self) -> list[str]:
        """Count what is in the store; return what is wrong with the episodes that do not fit."""
        return [fault for fault in self.update() if fault]
