"""`fork`: a point in the plane that must pass an obstacle on its left or on its right. NumPy only.

Two ways are equally good, and their mean runs into the obstacle: a policy must choose.
State and action are the position (2,) [m]; an action is the set-point of the next step, `dt_s` later.
"""

from collections.abc import Callable
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from enum import Enum
from typing import Annotated, Literal

import numpy as np
from drift_config.loader import parse
from drift_config.strict import STRICT
from drift_core.observation.spec import Observation
from drift_core.task import TaskConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_sim.scenes.scene import PartialCredit

Vector2 = tuple[float, float]
Positive = Annotated[float, Field(gt=0)]


class Way(Enum):
    """On which side of the obstacle the point passed, seen from the start."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, config=STRICT)
class ForkScene:
    """The `scene` section of config/tasks/fork.yaml; x runs from start to goal, y to the left."""

    kind: Literal["fork"]
    start_low_m: Vector2
    start_high_m: Vector2
    goal_m: Vector2
    goal_radius_m: Positive
    obstacle_m: Vector2
    obstacle_radius_m: Positive
    speed_max_m_s: Positive  # the point moves at most this fast towards its set-point
    margin_m: Positive  # the demonstrator's distance from the obstacle
    noise_m: Annotated[
        float, Field(ge=0)
    ]  # standard deviation of what pushes the demonstrator aside per step
    partial_credit: PartialCredit


@plain_dataclass(frozen=True, eq=False)
class ForkEpisode:
    """One run; row t of `states` is where action t was chosen."""

    states: np.ndarray  # (N, 2) [m]
    actions: np.ndarray  # (N, 2) [m]
    success: bool
    score: float  # 1 for a success, else of the scene's partial credit the share of the way to the goal
    way: Way | None  # None: it never passed the obstacle


def parse_fork(task: TaskConfig) -> ForkScene:
    """Validate the scene of a fork task."""
    return parse(task.scene, ForkScene, source=f"scene of task {task.name}")


class Fork:
    """The point, its obstacle and its goal."""

    def __init__(self, task: TaskConfig) -> None:
        self.scene = parse_fork(task)
        self._dt_s = task.dt_s
        self.max_steps = round(task.max_duration_s / task.dt_s)
        self.reset(0)

    def reset(self, seed: int) -> np.ndarray:
        """Put the point at the start that `seed` means and return the state (2,)."""
        scene = self.scene
        self._position = np.random.default_rng(seed).uniform(scene.start_low_m, scene.start_high_m)
        self._start = self._position
        self._states: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []
        self.crashed = False
        return self._position.copy()

    @property
    def done(self) -> bool:
        """The goal is reached, the obstacle was hit, or the time is over."""
        return self.crashed or self.at_goal or len(self._actions) >= self.max_steps

    @property
    def at_goal(self) -> bool:
        """The point is within the goal."""
        return bool(np.linalg.norm(self._position - self.scene.goal_m) < self.scene.goal_radius_m)

    def step(self, action: np.ndarray) -> np.ndarray:
        """Move towards the set-point `action` (2,) for one step and return the state (2,)."""
        self._states.append(self._position.copy())
        self._actions.append(np.asarray(action, float).copy())
        way = self._actions[-1] - self._position
        reach = self.scene.speed_max_m_s * self._dt_s
        way *= min(1.0, reach / max(float(np.linalg.norm(way)), 1e-12))
        # Fine enough that no step jumps over the obstacle.
        for fraction in np.linspace(0.25, 1.0, 4):
            offset = self._position + fraction * way - self.scene.obstacle_m
            self.crashed |= bool(np.linalg.norm(offset) < self.scene.obstacle_radius_m)
        self._position = self._position + way
        return self._position.copy()

    def mirror(self) -> np.ndarray:
        """Put the point to the same place on the other side of the obstacle and return the state (2,)."""
        self._position[1] = 2.0 * self.scene.obstacle_m[1] - self._position[1]
        return self._position.copy()

    def episode(self) -> ForkEpisode:
        """Return what has happened since the reset."""
        states = np.array(self._states).reshape(-1, 2)
        success = self.at_goal and not self.crashed
        score = 1.0 if success else self.scene.partial_credit * self._share_of_way()
        actions = np.array(self._actions).reshape(-1, 2)
        return ForkEpisode(states, actions, success, score, self._way(states))

    def _share_of_way(self) -> float:
        """Return by which share the point is nearer to the goal than at the start, in [0, 1]."""
        start, now = (np.linalg.norm(at - self.scene.goal_m) for at in (self._start, self._position))
        return float(np.clip(1.0 - now / start, 0.0, 1.0))

    def _way(self, states: np.ndarray) -> Way | None:
        """Return the side on which the obstacle's x was crossed."""
        x, y = self.scene.obstacle_m
        beyond = np.flatnonzero(states[:, 0] >= x) if len(states) else np.empty(0, int)
        if len(beyond) == 0:
            return None
        return Way.LEFT if states[beyond[0], 1] > y else Way.RIGHT


def demonstrate(task: TaskConfig, seed: int) -> ForkEpisode:
    """Return a demonstration, left or right with equal chance; its actions are the clean set-points."""
    fork = Fork(task)
    scene = fork.scene
    position = fork.reset(seed)
    rng = np.random.default_rng([seed, 1])
    side = 1.0 if rng.uniform() < 0.5 else -1.0
    labels = []
    while not fork.done:
        label = set_point(scene, position, side, task.dt_s)
        labels.append(label)
        position = fork.step(label + scene.noise_m * rng.standard_normal(2))
    run = fork.episode()
    return replace(run, actions=np.array(labels))


def set_point(scene: ForkScene, position: np.ndarray, side: float, dt_s: float) -> np.ndarray:
    """Return where the demonstrator wants to be in `dt_s`: past the obstacle's side, then to the goal."""
    gate = np.array(scene.obstacle_m) + [0.0, side * (scene.obstacle_radius_m + scene.margin_m)]
    target = gate if position[0] < gate[0] - 0.01 else np.array(scene.goal_m)
    way = target - position
    reach = scene.speed_max_m_s * dt_s
    return position + way * min(1.0, reach / max(float(np.linalg.norm(way)), 1e-12))


def rollout(
    task: TaskConfig,
    seed: int,
    act: Callable[[Observation], np.ndarray],
    mirror_step: int | None = None,
) -> ForkEpisode:
    """Run a policy: `act` gives chunks (T, 2), of which `action_steps` are executed.

    `mirror_step`: after so many steps the point jumps to the other side (`Fork.mirror`).
    """
    fork = Fork(task)
    states = [fork.reset(seed)] * task.observation_steps
    while not fork.done:
        now_s = len(states) * task.dt_s
        history = np.array(states[-task.observation_steps :], np.float32)
        for action in act(Observation(now_s, {}, history, now_s))[: task.action_steps]:
            states.append(fork.step(action))
            if len(states) - task.observation_steps == mirror_step:
                states[-1] = fork.mirror()
            if fork.done:
                break
    return fork.episode()
