"""An environment of the tests in its own process: a point that is to reach (0.5, -0.5), and ways to fail.

Names: reach, crash, raise, shapes, infinite, slow, garbage, picture, rewards, priceless.
"""

import os
import signal
import sys
import time

import numpy as np
from drift_sim.environments.serve import Spec, UnknownTaskError, main

GOAL = np.array([0.5, -0.5])
NAMES = (
    "reach",
    "crash",
    "raise",
    "shapes",
    "infinite",
    "slow",
    "garbage",
    "picture",
    "rewards",
    "priceless",
)


class Tiny:
    """The action (2,) moves the point by at most 0.1 per entry; the third step is the one that fails."""

    def __init__(self, name, images):
        if name not in NAMES:
            raise UnknownTaskError(f"task={name} of tiny must be one of: {', '.join(NAMES)}")
        self.name, self.renders = name, 0
        self.spec = Spec(
            0.1,
            40,
            2,
            np.full(2, -0.1),
            np.full(2, 0.1),
            np.full(2, 0.1),
            packages=("numpy",),
            cameras={"top": (8, 6)} if images else {},
            expert=True,
            rewarded=name in ("rewards", "priceless"),
        )

    def reset(self, seed):
        self.at, self.steps = np.random.default_rng(seed).uniform(-0.5, 0.0, 2), 0
        print("a library prints to standard output")  # which must not disturb the protocol

    def act(self, action):
        self.at, self.steps = self.at + action, self.steps + 1
        if self.steps < 3:
            return
        if self.name == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.name == "raise":
            raise RuntimeError("the physics exploded")
        if self.name == "slow":
            time.sleep(60)
        if self.name == "garbage":
            os.write(WIRE, b"\xff" * 64)

    def state(self):
        if self.name == "shapes" and self.steps == 3:
            return np.zeros(5)
        return self.at * (np.inf if self.name == "infinite" and self.steps == 3 else 1.0)

    def rest(self):
        return np.zeros(2)

    def success(self):
        return bool(np.linalg.norm(self.at - GOAL) < 0.02)

    def reward(self):
        if self.name == "priceless" and self.steps == 3:
            return np.nan
        return -float(np.linalg.norm(self.at - GOAL))

    def expert(self):
        return np.clip(GOAL - self.at, -0.1, 0.1)

    def render(self, camera):
        self.renders += 1
        width = 5 if self.name == "picture" else 6
        return np.full((8, width, 3), self.renders, np.uint8)


if __name__ == "__main__":
    WIRE = os.dup(1) if sys.argv[1] == "garbage" else -1
    main(Tiny)
