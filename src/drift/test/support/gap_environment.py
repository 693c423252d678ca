"""A task that is learned in seconds, in its own process: through the gap of a wall, then to the goal.

State (4,): where the point is, height of the gap, height of the goal. Action (2,): a step of at most 0.1 per
entry. The wall stands at x = 0 and stops what does not hit the gap.
"""

import numpy as np
from drift_sim.environments.serve import Spec, main

STEP = 0.1
HALF_GAP, NEAR_GOAL = 0.1, 0.1
STEPS = 50


class Gap:
    """The task."""

    def __init__(self, name, images):
        limit = np.full(2, STEP)
        self.spec = Spec(0.1, STEPS, 4, -limit, limit, limit, packages=("numpy",), expert=True)

    def reset(self, seed):
        drawn = np.random.default_rng(seed).uniform(-0.8, 0.8, 3)
        self.at, self.gap, self.goal = np.array([-0.8, drawn[0]]), 0.75 * drawn[1], np.array([0.8, drawn[2]])

    def act(self, action):
        to = self.at + action
        if self.at[0] < 0.0 <= to[0]:
            y = self.at[1] + action[1] * self.at[0] / (self.at[0] - to[0])  # where it meets the wall
            if abs(y - self.gap) > HALF_GAP:
                to[0] = self.at[0]
        self.at = to

    def state(self):
        return np.array([*self.at, self.gap, self.goal[1]])

    def rest(self):
        return np.zeros(2)

    def success(self):
        return bool(np.linalg.norm(self.at - self.goal) < NEAR_GOAL)

    def expert(self):
        """Come before the gap, go through, then straight to the goal."""
        through = self.at[0] >= 0.0
        before = abs(self.at[1] - self.gap) < 0.5 * HALF_GAP and self.at[0] > -0.35
        aim = self.goal if through else np.array([0.2 if before else -0.2, self.gap])
        way = aim - self.at
        return STEP * way / max(float(np.abs(way).max()), STEP)


if __name__ == "__main__":
    main(Gap)
