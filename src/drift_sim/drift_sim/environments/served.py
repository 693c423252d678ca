"""A task of others in a process of its own, as an environment: state and action are plain vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from drift_config.errors import ConfigError
from drift_control.tick import Tick
from drift_control.vector_loop import Bounds, VectorLoop
from drift_core.task import CameraConfig, TaskConfig

from drift_sim.environments.child import Child
from drift_sim.environments.environment import EXPERT_TOPIC, Loop, Sensed
from drift_sim.environments.setting import SETTING, Setting
from drift_sim.environments.wire import VERSION, Message
from drift_sim.errors import SimulationError
from drift_sim.expert.stick import Mode
from drift_sim.expert.vector import VectorExpert
from drift_sim.scenes.scene import TaskOutcome

START_LIMIT_S = 300.0  # importing and making the environment, and its first reset


@dataclass(frozen=True, eq=False)
class VectorTruth:
    """What the expert is told."""

    rest: np.ndarray  # (A,)
    executed: np.ndarray | None  # (A,) in the last step; None before the first
    ask: Callable[[], np.ndarray]  # what the environment's own expert would do (A,)


class ServedEnvironment:
    """One task; its process is started when it is first needed, and again after it failed."""

    arm = None
    camera_delay_s = 0.0
    waits = True  # a step takes as long as the policy does, and an inference no time

    def __init__(
        self,
        start: Callable[[], Child],
        name: str,
        setting: Setting = SETTING,
    ) -> None:
        """`name`: of the task, for episodes and checkpoints.

        ConfigError for a task that there is not, or a setting that it cannot have; EnvironmentFault where
        it cannot be started.
        """
        self._start, self._take_over = start, setting.take_over
        self._child = start()
        spec = self._spec = _Spec.of(self._child)
        self._begun = False
        max_steps = setting.max_steps or spec.max_steps
        if max_steps > spec.max_steps:
            self._child.close()
            raise ConfigError(f"max_steps={max_steps} must be at most {spec.max_steps}, that of {name}")
        cameras = tuple(
            CameraConfig(camera, f"camera/{camera}/image_raw", height, width, 0.0)
            for camera, (height, width) in spec.cameras.items()
        )
        self.task = TaskConfig(
            name=name,
            cameras=cameras,
            dt_s=spec.dt_s,
            horizon=setting.horizon,
            observation_steps=setting.observation_steps,
            action_steps=setting.action_steps,
            action_space="point",
            max_duration_s=max_steps * spec.dt_s,
            scene={},
            point_dims=(spec.state_dim, len(spec.low)),
        )
        self.tick_s = self.control_s = self.sensors_s = spec.dt_s
        self._state = np.zeros(spec.state_dim)
        self._rest = np.zeros(len(spec.low))
        self._action: np.ndarray | None = None
        self._outcome = TaskOutcome.RUNNING
        self._reward = 0.0

    @property
    def rewarded(self) -> bool:
        """Whether it gives a reward for each of its steps."""
        return self._spec.rewarded

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages in the environment's process."""
        return dict(self._spec.versions)

    @property
    def process_id(self) -> int:
        """Of its process."""
        return self._child.process_id

    def reset(self, seed: int) -> None:
        """Begin the episode of `seed`, in a new process if the last one failed."""
        if not self._child.alive:
            self._child.close()
            self._child = self._start()
            self._spec, self._begun = _Spec.of(self._child), False
        self._action, self._outcome = None, TaskOutcome.RUNNING
        answer = self._child.ask(Message("reset", {"seed": seed}), None if self._begun else START_LIMIT_S)
        self._begun = True
        self._take(answer)

    def observe(self) -> Sensed:
        """Return the state."""
        return Sensed(self._state, 0.0)

    def picture(self, camera: str) -> np.ndarray:
        """Let it draw a picture, now: it cannot draw a moment that has passed."""
        image = self._child.ask(Message("render", {"camera": camera})).arrays.get("image")
        height, width = self._spec.cameras[camera]
        if image is None or image.shape != (height, width, 3) or image.dtype != np.uint8:
            got = "nothing" if image is None else f"{image.shape} {image.dtype}"
            raise self._child.refuse(f"must draw {camera} as ({height}, {width}, 3) uint8, got {got}")
        return image

    def loop(self) -> Loop:
        """Return gate and guard for its actions."""
        bounds = Bounds(self._spec.low, self._spec.high)
        return VectorLoop(bounds, self._spec.dt_s, lambda: self._rest, EXPERT_TOPIC)

    def act(self, tick: Tick, now_s: float) -> None:
        """Take the action of a tick, for the step to come."""
        self._action = tick.action

    def advance(self, ticks: int) -> None:
        """Do `ticks` steps."""
        self._reward = 0.0
        for _ in range(ticks):
            action = self._rest if self._action is None else self._action
            answer = self._child.ask(Message("act", arrays={"action": np.asarray(action, np.float64)}))
            self._take(answer)
            if self.rewarded:
                self._reward += float(self._vector(answer, "reward", 1)[0])

    def reward(self) -> float:
        """What the steps of the last `advance` earned."""
        return self._reward

    def outcome(self) -> TaskOutcome:
        """Success as soon as one step had it."""
        return self._outcome

    def score(self) -> None:
        """Nobody says how far it came."""

    def truth(self) -> VectorTruth:
        """Return what its expert is told."""
        return VectorTruth(self._rest, self._action, self._ask_expert)

    def move_goal(self) -> None:
        """Its goal cannot be moved: SimulationError."""
        raise SimulationError(f"the goal of {self.task.name} cannot be moved")

    def expert(self, mode: Mode, seed: int = 0) -> VectorExpert:
        """Return a hand that does what the task's own expert would; ConfigError where there is none."""
        if not self._spec.expert:
            raise ConfigError(f"{self.task.name} has no expert")
        return VectorExpert(mode, self._take_over, self._spec.scale, seed)

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def _ask_expert(self) -> np.ndarray:
        return self._vector(self._child.ask(Message("expert")), "action", len(self._spec.low))

    def _take(self, answer: Message) -> None:
        self._state = self._vector(answer, "state", self._spec.state_dim)
        self._rest = self._vector(answer, "rest", len(self._spec.low))
        if answer.fields.get("success") is True:
            self._outcome = TaskOutcome.SUCCESS

    def _vector(self, answer: Message, name: str, length: int) -> np.ndarray:
        vector = answer.arrays.get(name)
        if vector is None or vector.shape != (length,) or not np.isfinite(vector).all():
            got = "nothing" if vector is None else f"{vector.shape} {vector.dtype}"
            finite = "" if vector is None or np.isfinite(vector).all() else ", not finite"
            raise self._child.refuse(f"must give {name} as ({length},) finite numbers, got {got}{finite}")
        return vector.astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Spec:
    """What the process said of its task, checked."""

    dt_s: float
    max_steps: int
    state_dim: int
    low: np.ndarray
    high: np.ndarray
    scale: np.ndarray
    cameras: dict[str, tuple[int, int]]
    expert: bool
    rewarded: bool
    versions: dict[str, str]

    @classmethod
    def of(cls, child: Child) -> "_Spec":
        said = child.hear("start", START_LIMIT_S)
        if said.kind == "refused":
            child.close()
            raise ConfigError(str(said.fields.get("text")))
        fields: dict[str, Any] = said.fields
        if fields.get("protocol") != VERSION:
            raise child.refuse(f"must speak protocol {VERSION}, got {fields.get('protocol')!r}")
        try:
            low, high, scale = (said.arrays[name].astype(np.float64) for name in ("low", "high", "scale"))
            spec = cls(
                float(fields["dt_s"]),
                int(fields["max_steps"]),
                int(fields["state_dim"]),
                low,
                high,
                scale,
                {str(name): (int(size[0]), int(size[1])) for name, size in fields["cameras"].items()},
                bool(fields["expert"]),
                bool(fields["rewarded"]),
                {str(name): str(version) for name, version in fields["versions"].items()},
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise child.refuse(f"must describe its task, got {fields!r}: {error!r}") from None
        same = low.ndim == 1 and low.shape == high.shape == scale.shape and len(low) > 0
        if not (same and (low < high).all() and (scale > 0).all() and np.isfinite([low, high, scale]).all()):
            raise child.refuse("must give low < high and scale > 0 of its action, each (A,) and finite")
        if spec.dt_s <= 0 or spec.max_steps < 1 or spec.state_dim < 1:
            raise child.refuse(f"must give dt_s, max_steps and state_dim above 0, got {fields!r}")
        return spec
