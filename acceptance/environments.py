"""Tasks of others, in the environments that `drift experiment setup` makes: do they work as ours expects?

Of each task: how often its expert succeeds through gate and recorder, whether a seed gives the same episode
twice, what a step and a picture take, and what becomes of an episode whose process is killed. Exit code 1 if
something is wrong, 2 if an environment is not installed.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import dataclass

import numpy as np
from drift.errors import UserError
from drift.experiment.foreign import FOREIGN, make
from drift_core.intervals import success_rate
from drift_sim.environments.served import ServedEnvironment
from drift_sim.shell import Shell
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Wanted:
    """A task, and the share of episodes in which its expert must succeed."""

    environment: str
    task: str
    success: float


WANTED = (
    Wanted("pusht", "pusht", 0.5),
    Wanted("metaworld", "reach-v3", 0.9),
    Wanted("metaworld", "push-v3", 0.9),
    Wanted("metaworld", "pick-place-v3", 0.9),
    Wanted("metaworld", "drawer-close-v3", 0.9),
    Wanted("metaworld", "window-open-v3", 0.9),
    Wanted("robosuite", "Lift", 0.9),
    Wanted("robosuite", "PickPlaceCan", 0.9),
)
PICTURES = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(FOREIGN), help="one environment")
    parser.add_argument("--episodes", type=int, default=10, help="of each task")
    options = parser.parse_args()
    console, wrong = Console(), 0
    table = Table("task", "expert", "same again", "step [ms]", "picture [ms]", "kill named", "verdict")
    for wanted in WANTED:
        if options.only not in (None, wanted.environment):
            continue
        console.print(f"{wanted.environment}/{wanted.task} …")
        try:
            cells, faults = examine(wanted, options.episodes)
        except UserError as error:
            console.print(str(error), markup=False)
            return 2
        wrong += bool(faults)
        table.add_row(f"{wanted.environment}/{wanted.task}", *cells, "; ".join(faults) or "ok")
    console.print(table)
    return int(wrong > 0)


def examine(wanted: Wanted, episodes: int) -> tuple[list[str], list[str]]:
    """Return what was seen of a task, and what of it is wrong."""
    shell = Shell(make(wanted.environment, wanted.task, images=False))
    try:
        began_s, steps, outcomes = time.monotonic(), 0, []
        for seed in range(episodes):
            result = shell.run_episode(seed, expert=shell.expert("demonstrate", seed))
            outcomes.append(result.success)
            steps += result.steps
        step_ms = 1e3 * (time.monotonic() - began_s) / steps
        same = repeats(shell)
        fault = killed(shell)
    finally:
        shell.close()
    picture_ms, pictures = draws(wanted)
    faults = []
    if np.mean(outcomes) < wanted.success:
        faults.append(f"the expert succeeds too rarely, {wanted.success:.0%} are wanted")
    if not same:
        faults.append("one seed gave two episodes")
    if "SIGKILL" not in fault:
        faults.append("a killed process was not named")
    faults += pictures
    named = "yes" if "SIGKILL" in fault else fault
    cells = [
        str(success_rate(outcomes)),
        "yes" if same else "no",
        f"{step_ms:.1f}",
        f"{picture_ms:.0f}",
        named,
    ]
    return cells, faults


def repeats(shell: Shell[ServedEnvironment]) -> bool:
    """Return whether a seed gives the same states twice, with another one between."""
    seen: list[list[np.ndarray]] = []
    for seed in (3, 4, 3):
        states: list[np.ndarray] = []
        seen.append(states)
        shell.run_episode(
            seed,
            expert=shell.expert("demonstrate", seed),
            on_tick=lambda tick, into=states: into.append(shell.environment.observe().positions),
        )
    return np.array_equal(np.array(seen[0]), np.array(seen[2]))


def killed(shell: Shell[ServedEnvironment]) -> str:
    """Return the fault of an episode whose process is killed, "" if the next one does not work again."""

    def kill(tick: object) -> None:
        os.kill(shell.environment.process_id, signal.SIGKILL)

    fault = shell.run_episode(0, on_tick=kill, duration_s=5 * shell.environment.tick_s).fault
    again = shell.run_episode(0, duration_s=5 * shell.environment.tick_s)
    return "" if again.fault else fault


def draws(wanted: Wanted) -> tuple[float, list[str]]:
    """Return how long a picture takes [ms], and what is wrong with the pictures."""
    environment = make(wanted.environment, wanted.task, images=True)
    try:
        environment.reset(0)
        faults, cameras = [], [camera.name for camera in environment.task.cameras]
        for camera in cameras:
            if np.ptp(environment.picture(camera)) < 50:
                faults.append(f"{camera} shows nothing")
        began_s = time.monotonic()
        for _ in range(PICTURES):
            environment.picture(cameras[0])
        return 1e3 * (time.monotonic() - began_s) / PICTURES, faults
    finally:
        environment.close()


if __name__ == "__main__":
    sys.exit(main())
