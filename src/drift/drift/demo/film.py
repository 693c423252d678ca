"""A film for people: the same start, driven by the policy before the corrections and after them."""

from pathlib import Path

import cv2
import numpy as np
from drift_core.policy.checkpoint import load_checkpoint
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell
from drift_sim.world import FILM

from drift.film import write_film
from drift.simulation import policy_pace

_EVERY = 5  # control ticks between two pictures
_FRAME_MS = 100
_REST = 10  # pictures at the end, so that one sees how it ended
_COLOUR = {True: (60, 160, 75), False: (200, 60, 50)}  # RGB of the frame at the end, by success
_BORDER = 4


def telling_seed(seeds: list[int], before: list[bool], after: list[bool]) -> int | None:
    """Return the first seed that failed before and succeeded after, None where there is none."""
    pairs = zip(seeds, before, after, strict=True)
    return next((seed for seed, failed, succeeded in pairs if not failed and succeeded), None)


def film_pair(path: Path, shell: Shell[ArmCell], before: Path, after: Path, sampler: str, seed: int) -> None:
    """Write both episodes of `seed` side by side as an animated GIF; `before` and `after`: checkpoints."""
    left, right = (_episode(shell, checkpoint, sampler, seed) for checkpoint in (before, after))
    length = max(len(left), len(right)) + _REST
    pairs = [np.hstack([side[min(n, len(side) - 1)] for side in (left, right)]) for n in range(length)]
    write_film(path, pairs, _FRAME_MS)


def _episode(shell: Shell[ArmCell], checkpoint: Path, sampler: str, seed: int) -> list[np.ndarray]:
    """Return pictures (H, W, 3) uint8 RGB of the episode; the last one is framed by its outcome."""
    policy, pictures, ticks = load_checkpoint(checkpoint).policy, [], 0
    camera = shell.task.cameras[0].name

    def on_tick(tick: object) -> None:
        nonlocal ticks
        if ticks % _EVERY == 0:
            picture = shell.environment.world.render(camera, FILM)
            pictures.append(
                cv2.copyMakeBorder(picture, *(_BORDER,) * 4, cv2.BORDER_CONSTANT, value=(255,) * 3)
            )
        ticks += 1

    result = shell.run_episode(
        seed, policy=policy, sampler=policy.make_sampler(sampler), pace=policy_pace(), on_tick=on_tick
    )
    inside = pictures[-1][_BORDER:-_BORDER, _BORDER:-_BORDER]
    colour = _COLOUR[result.success]
    pictures.append(cv2.copyMakeBorder(inside, *(_BORDER,) * 4, cv2.BORDER_CONSTANT, value=colour))
    return pictures
