"""Films of a demo for people: a correction and what came of it, and one start before and after them all.

`python -m drift.demo.film RUN FILE` makes the first of them from a run, as .mp4 or .gif.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from drift_control.tick import Tick
from drift_core.episodes import Episode, EpisodeStore, StepSource
from drift_core.policy.checkpoint import load_checkpoint, read_latest
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.overview import Overview
from drift_sim.shell import Shell

from drift.data.resimulation import Footage, resimulate
from drift.driver_colours import TITLES, rgb
from drift.errors import UserError, run
from drift.film import check_film, film_file, write_film
from drift.picture.cell import draw_ways
from drift.picture.path import Trail, tcp
from drift.picture.recorded import FRAME_MS
from drift.picture.sheet import Moment, sheet
from drift.picture.view import View
from drift.simulation import make_shell, policy_pace

_REST_S = 1.5  # between two parts, and at the end, so that one sees how it ended
_SIDE = (300, 400)  # (H, W) of one of two pictures side by side
_COLOUR = {True: (60, 160, 75), False: (200, 60, 50)}  # RGB of the frame at the end, by success
_BORDER = 4
_TRIES = 3  # corrections of which a film is tried
Show = Callable[[np.ndarray, float], object]  # a picture (480, 640, 3), and its time since the start [s]


def telling_seed(seeds: list[int], before: list[bool], after: list[bool]) -> int | None:
    """Return the first seed that failed before and succeeded after, None where there is none."""
    pairs = zip(seeds, before, after, strict=True)
    return next((seed for seed, failed, succeeded in pairs if not failed and succeeded), None)


def film_pair(path: Path, shell: Shell[ArmCell], before: Path, after: Path, sampler: str, seed: int) -> None:
    """Write both episodes of `seed` side by side as a film; `before` and `after`: checkpoints."""
    left, right = (_side(shell, checkpoint, sampler, seed) for checkpoint in (before, after))
    length = max(len(left), len(right)) + round(1000 * _REST_S / FRAME_MS)
    pairs = [np.hstack([side[min(n, len(side) - 1)] for side in (left, right)]) for n in range(length)]
    write_film(path, pairs, FRAME_MS)


def film_correction(
    path: Path, shell: Shell[ArmCell], episodes: Sequence[Episode], after: Path, sampler: str
) -> bool:
    """Write a film of a corrected episode, and of the policy `after` from the same start without any help.

    Of the episodes the first is taken that the policy now ends well; False, and no film, where there is none.
    """
    return any(_film_both(path, shell, episode, after, sampler) for episode in episodes[:_TRIES])


def _film_both(path: Path, shell: Shell[ArmCell], episode: Episode, after: Path, sampler: str) -> bool:
    """Write the film if the policy ends this start well by itself; return whether it does."""
    version, alone = load_checkpoint(after).info.version, list[tuple[np.ndarray, float]]()

    def show(picture: np.ndarray, at_s: float) -> None:
        world, cameras = shell.environment.world, shell.task.cameras
        insets = {camera.name: world.render(camera.name) for camera in cameras}
        notes = [f"{at_s:.1f} s", f"policy: version {version}", "the same start,", "nobody helps"]
        colour, title = rgb(StepSource.POLICY), TITLES[StepSource.POLICY]
        alone.append((sheet(Moment(picture, colour, title, "after the corrections", insets, notes)), at_s))

    seed = episode.meta.seed
    if not (roll_out(shell, after, sampler, seed) and roll_out(shell, after, sampler, seed, show)):
        return False  # found out without pictures, which take most of the time
    with film_file(path) as film:
        with closing(Footage(episode, shell, film.add)) as footage:
            resimulate(episode, shell, math.inf, footage)
        start_s = episode.meta.duration_s + _REST_S
        for picture, at_s in alone:
            film.add(picture, start_s + at_s)
        film.last_until(start_s + alone[-1][1] + _REST_S)
    return True


def roll_out(
    shell: Shell[ArmCell],
    checkpoint: Path,
    sampler: str,
    seed: int,
    show: Show | None = None,
    shadows: bool = True,
) -> bool:
    """Let a policy drive from `seed`, and show the cell with the way that it goes; return its success."""
    if show is None:
        return _drive(shell, checkpoint, sampler, seed, lambda tick: None)
    robot, trail, ticks = shell.environment.robot, Trail(), 0
    period_s = shell.environment.gate.dt_s
    every = max(1, round(FRAME_MS / 1000 / period_s))
    with closing(Overview(robot, shell.task, shadows)) as overview:
        view = View(overview.intrinsics, overview.optical)

        def on_tick(tick: Tick) -> None:
            nonlocal ticks
            if tick.measured is not None:
                trail.add(tick.stamp_s, tcp(robot, tick.measured), StepSource(int(tick.source)))
            if ticks % every == 0:
                overview.show_world(shell.environment.world)
                show(draw_ways(overview.look(), view, trail, None, tick.stamp_s), ticks * period_s)
            ticks += 1

        return _drive(shell, checkpoint, sampler, seed, on_tick)


def _drive(
    shell: Shell[ArmCell], checkpoint: Path, sampler: str, seed: int, on_tick: Callable[[Tick], None]
) -> bool:
    """Let a policy drive from `seed`; return its success."""
    policy = load_checkpoint(checkpoint).policy
    result = shell.run_episode(
        seed,
        policy=policy,
        sampler=policy.make_sampler(sampler),
        pace=policy_pace(),
        on_tick=on_tick,
        tail_s=_REST_S / 2,
    )
    return result.success


def corrected(store: EpisodeStore) -> list[Episode]:
    """Return the episodes that somebody corrected and that ended well, the oldest first."""
    metas = sorted((store.meta(name) for name in store.ids()), key=lambda meta: meta.started_s)
    return [
        store.read(meta.id)
        for meta in metas
        if meta.kind == "intervention" and meta.outcome == "success" and meta.interventions
    ]


def _side(shell: Shell[ArmCell], checkpoint: Path, sampler: str, seed: int) -> list[np.ndarray]:
    """Return small pictures of an episode; the last one is framed by its outcome."""
    small: list[np.ndarray] = []

    def show(picture: np.ndarray, at_s: float) -> None:
        small.append(cv2.resize(picture, _SIDE[::-1], interpolation=cv2.INTER_AREA))

    colour = _COLOUR[roll_out(shell, checkpoint, sampler, seed, show, shadows=False)]  # a fifth of the time
    return [*(_framed(picture, (255,) * 3) for picture in small), _framed(small[-1], colour)]


def _framed(picture: np.ndarray, colour: tuple[int, ...]) -> np.ndarray:
    return cv2.copyMakeBorder(picture, *(_BORDER,) * 4, cv2.BORDER_CONSTANT, value=colour)  # type: ignore[call-overload,no-any-return]


def main(words: Sequence[str] | None = None) -> None:
    """Make the film of a correction from a run."""
    parser = argparse.ArgumentParser(prog="python -m drift.demo.film", description=main.__doc__)
    parser.add_argument(
        "run", type=Path, help="a run with corrected episodes, of drift demo or drift session"
    )
    parser.add_argument("file", type=Path, help="the film, .mp4 or .gif")
    parser.add_argument("--sampler", default="ddim-8", help="of the policy")
    said = parser.parse_args(words)
    check_film(said.file)
    store, latest = EpisodeStore(said.run / "episodes"), read_latest(said.run / "checkpoints")
    episodes = corrected(store)
    if latest is None or not episodes:
        raise UserError(
            f"run={said.run} must have a checkpoint and an episode that was corrected and succeeded"
        )
    meta = episodes[0].meta
    with closing(make_shell(meta.robot, meta.task)) as shell:
        after = said.run / "checkpoints" / latest.file
        if not film_correction(said.file, shell, episodes, after, said.sampler):
            raise UserError(
                f"run={said.run}: none of the first {_TRIES} corrected starts succeeds without help now"
            )
    print(said.file)


if __name__ == "__main__":
    run(main)
