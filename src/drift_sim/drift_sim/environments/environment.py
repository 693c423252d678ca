"""What the in-process shell drives: a task in simulation, ours or somebody else's."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from drift_control.inputs import Inputs, Now
from drift_control.tick import Tick
from drift_core.arm import ArmModel
from drift_core.observation.spec import Image
from drift_core.task import TaskConfig

from drift_sim.expert.stick import GateView, Mode, ScriptedStick
from drift_sim.scenes.scene import TaskOutcome

EXPERT_TOPIC = "expert/joy"  # under which a loop hears the expert's hand


@dataclass(frozen=True, eq=False)
class Sensed:
    """What the sensors other than cameras say now."""

    positions: np.ndarray  # (J,) joints [rad]; of a task without an arm its state (S,)
    gripper_m: float  # opening [m]; 0 without an arm
    seen: np.ndarray | None = None  # (K,) what learning is given in the place of `positions`; None: these

    @property
    def learned(self) -> np.ndarray:
        """What learning is given as joint positions."""
        return self.positions if self.seen is None else self.seen


class Loop(Protocol):
    """Gate and guard of an environment; or what stands in for them, as a record that is driven again."""

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return what is to be done now."""


class Expert(Protocol):
    """A stand-in for the person, who sees the true state."""

    @property
    def reason(self) -> str:
        """Why it took over last."""

    def reset(self, seed: int) -> None:
        """Forget the running episode; `seed` is that of its own randomness."""

    def act(self, truth: Any, q: np.ndarray, gripper_m: float, gate: GateView, now_s: float) -> ScriptedStick:
        """Return the stick now: `truth` is the environment's, `q` (J,) and `gripper_m` are as in `Sensed`."""


class Environment(Protocol):
    """A task in simulation; time passes only in `advance`, and an episode depends on its seed alone."""

    @property
    def task(self) -> TaskConfig:
        """Cameras, times and spaces; `max_duration_s` is the longest episode."""

    @property
    def arm(self) -> ArmModel | None:
        """The arm as far as learning knows it; None for a task whose state and action are plain vectors."""

    @property
    def tick_s(self) -> float:
        """The least time that can pass [s]; all periods are multiples of it."""

    @property
    def control_s(self) -> float:
        """Time between two control steps [s]."""

    @property
    def sensors_s(self) -> float:
        """Time between two readings of `observe` [s]."""

    @property
    def camera_delay_s(self) -> float:
        """From the stamp of an image to its arrival [s]."""

    @property
    def waits(self) -> bool:
        """Whether the world waits for the policy; then no picture is taken that nobody will look at."""

    @property
    def rewarded(self) -> bool:
        """Whether it gives a reward for each of its steps."""

    def reset(self, seed: int) -> None:
        """Begin the episode that `seed` means."""

    def observe(self) -> Sensed:
        """Return what the sensors say now."""

    def picture(self, camera: str) -> Image:
        """Return what `camera` sees now, (H, W, 3) uint8 RGB of the task's size; may be drawn later."""

    def loop(self) -> Loop:
        """Return gate and guard for one episode."""

    def act(self, tick: Tick, now_s: float) -> None:
        """Take what a control step says; it holds until the next one."""

    def advance(self, ticks: int) -> None:
        """Let `ticks` times `tick_s` pass."""

    def outcome(self) -> TaskOutcome:
        """Success or failure once it has happened; it stays until the next reset."""

    def reward(self) -> float:
        """What the last `advance` earned, of an environment that is `rewarded`."""

    def score(self) -> float | None:
        """How well it went so far, in [0, 1]: 1 for a success; None: all that is known is the outcome."""

    def truth(self) -> Any:
        """What only a simulation knows, for its expert."""

    def move_goal(self) -> None:
        """Move the goal inside the region that it starts in; SimulationError where it cannot be moved."""

    def expert(self, mode: Mode, seed: int = 0) -> Expert:
        """Return an expert; ConfigError where there is none."""

    def close(self) -> None:
        """End what runs for it."""
