"""The environment's side of the protocol: this runs in its own virtual environment, without our packages.

An adapter calls `main` with what makes its task. Whatever a library prints goes to standard error; standard
output belongs to the protocol. An exception ends the process: the other side names it.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

import numpy as np

from drift_sim.environments.wire import VERSION, Message, encode, receive


class UnknownTaskError(Exception):
    """There is no task of that name; the text names those that there are."""


@dataclass(frozen=True, eq=False)
class Spec:
    """What the other side must know before it begins."""

    dt_s: float  # a step
    max_steps: int  # after which an episode is over
    state_dim: int
    action_low: np.ndarray  # (A,)
    action_high: np.ndarray  # (A,)
    # (A,) by how much an entry must differ to count as one: what two actions are compared in
    action_scale: np.ndarray
    packages: tuple[str, ...]  # whose versions are told
    cameras: dict[str, tuple[int, int]] = field(default_factory=dict)  # by name: (H, W)
    expert: bool = False
    rewarded: bool = False  # it gives a reward for each step


class Served(Protocol):
    """A task as its adapter offers it; states and actions are vectors of float64."""

    @property
    def spec(self) -> Spec:
        """What it is like."""

    def reset(self, seed: int) -> None:
        """Begin the episode that `seed` means, whatever was before."""

    def act(self, action: np.ndarray) -> None:
        """Do one step of `dt_s`, towards `action` (A,)."""

    def state(self) -> np.ndarray:
        """Return the state (S,)."""

    def rest(self) -> np.ndarray:
        """Return the action (A,) that keeps everything where it is."""

    def success(self) -> bool:
        """Whether the task is done now."""

    def reward(self) -> float:
        """Return what the last step earned; asked for only where the spec says `rewarded`."""

    def render(self, camera: str) -> np.ndarray:
        """Return what `camera` sees, (H, W, 3) uint8 RGB, upright."""

    def expert(self) -> np.ndarray:
        """Return what the expert would do now (A,)."""


Make = Callable[[str, bool], Served]  # task; whether there are pictures, and the state says less then


def main(make: Make) -> None:
    """Serve the task of `argv`: its name, then "images" or "state". Ends when nobody asks any more."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print
    requests = sys.stdin.buffer

    def read(count: int) -> bytes:
        data = requests.read(count)
        if len(data) < count:
            sys.exit(0)  # the other side has gone
        return data

    def answer(message: Message) -> None:
        out.write(encode(message))
        out.flush()

    name, kind = sys.argv[1:]
    try:
        served = make(name, kind == "images")
    except UnknownTaskError as error:
        answer(Message("refused", {"text": str(error)}))
        return
    answer(_introduction(served.spec))
    while True:
        answer(_answer(served, receive(read)))


def _introduction(spec: Spec) -> Message:
    fields = {
        "protocol": VERSION,
        "dt_s": spec.dt_s,
        "max_steps": spec.max_steps,
        "state_dim": spec.state_dim,
        "cameras": {name: list(size) for name, size in spec.cameras.items()},
        "expert": spec.expert,
        "rewarded": spec.rewarded,
        "versions": {name: version(name) for name in spec.packages},
    }
    arrays = {"low": spec.action_low, "high": spec.action_high, "scale": spec.action_scale}
    return Message("spec", fields, {name: np.asarray(a, np.float64) for name, a in arrays.items()})


def _answer(served: Served, request: Message) -> Message:
    """Do what is asked."""
    if request.kind == "render":
        camera = request.fields["camera"]
        return Message("frame", arrays={"image": np.ascontiguousarray(served.render(camera))})
    if request.kind == "expert":
        return Message("expert", arrays={"action": np.asarray(served.expert(), np.float64)})
    if request.kind == "reset":
        served.reset(request.fields["seed"])
    elif request.kind == "act":
        served.act(request.arrays["action"])
    else:
        raise ValueError(f"request={request.kind!r} must be one of: reset, act, render, expert")
    arrays = {"state": np.asarray(served.state(), np.float64), "rest": np.asarray(served.rest(), np.float64)}
    if request.kind == "act" and served.spec.rewarded:
        arrays["reward"] = np.array([served.reward()], np.float64)
    return Message("step", {"success": bool(served.success())}, arrays)
