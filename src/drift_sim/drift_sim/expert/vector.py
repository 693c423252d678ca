"""The hand of an expert whose task has plain vectors as actions: a stick with one axis for each entry."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from drift_config.strict import STRICT
from drift_control.gate.state import State
from drift_control.teleop.cosine_gate import CosineGate
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_sim.expert.stick import GateView, Mode, ScriptedStick

if TYPE_CHECKING:
    from drift_sim.environments.served import VectorTruth


Steps = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class TakeOver:
    """When the expert takes over, as in the simulations of DRIFT-DAgger, and how it demonstrates."""

    # below this cosine between its motion and the executed one they disagree
    cosine: Annotated[float, Field(ge=-1, le=1)] = 0.5
    patience_steps: Steps = 5  # in a row, for which they must
    hand_back_steps: Steps = 25  # after which it lets go
    # a motion shorter than this, in units of the action's scale, is none
    still: Annotated[float, Field(ge=0)] = 0.02
    # standard deviation of what shakes a demonstration, in the same units
    tremor: Annotated[float, Field(ge=0)] = 0.1
    tremor_steps: Annotated[float, Field(gt=0)] = 3.0  # its correlation time


TAKE_OVER = TakeOver()


class VectorExpert:
    """Drive all the time, or take over when the executed motion differs from the expert's for some steps.

    A motion is an action less the one that keeps everything where it is. The labels are what the hand did.
    """

    def __init__(self, mode: Mode, rule: TakeOver, scale: np.ndarray, seed: int = 0) -> None:
        """`scale` (A,): units of the action's entries."""
        self._mode, self._rule, self._scale = mode, rule, scale
        self._gate = CosineGate(rule.cosine)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Forget the running episode; `seed` is that of the tremor."""
        self._rng = np.random.default_rng([seed, 0x7E])
        self._shake = np.zeros(len(self._scale))
        self._wanted: np.ndarray | None = None  # motion that it wished in the last step
        self._rest = np.zeros(len(self._scale))  # what would have kept everything where it was then
        self._disagreed = self._drives = 0  # steps
        self.reason = ""

    def act(
        self, truth: "VectorTruth", q: np.ndarray, gripper_m: float, gate: GateView, now_s: float
    ) -> ScriptedStick:
        """Return its action as axes, and whether it holds the button."""
        action = truth.ask()
        motion = (action - truth.rest) / self._scale
        if self._mode == "demonstrate":
            return ScriptedStick(tuple(self._shaken(action, motion).tolist()), (1,))
        if self._drives:
            self._drives = 0 if self._drives >= self._rule.hand_back_steps else self._drives + 1
        elif gate.state is State.POLICY and self._disagrees(truth):
            self._drives, self._disagreed = 1, 0
            self.reason = "disagrees: moves elsewhere than the expert would"
        self._wanted, self._rest = motion, truth.rest
        return ScriptedStick(tuple(action.tolist()), (int(self._drives > 0),))

    def _disagrees(self, truth: "VectorTruth") -> bool:
        """Compare what was executed in the last step with what the expert wished there."""
        if self._wanted is None or truth.executed is None:
            return False
        done = self._directed((truth.executed - self._rest) / self._scale)
        wanted = self._directed(self._wanted)
        differs = bool(wanted.any()) and self._gate.expert_acts(wanted, done)
        self._disagreed = self._disagreed + 1 if differs else 0
        return self._disagreed >= self._rule.patience_steps

    def _directed(self, motion: np.ndarray) -> np.ndarray:
        return motion if float(np.linalg.norm(motion)) >= self._rule.still else np.zeros_like(motion)

    def _shaken(self, action: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """Return the action with the hand's tremor, which rests when the hand does."""
        keep = np.exp(-1.0 / self._rule.tremor_steps)
        fresh = self._rng.standard_normal(len(self._scale)) * self._rule.tremor
        self._shake = keep * self._shake + np.sqrt(1.0 - keep**2) * fresh
        share = min(1.0, float(np.linalg.norm(motion)))
        return action + share * self._shake * self._scale
