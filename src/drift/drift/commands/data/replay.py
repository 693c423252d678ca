"""`drift data replay`: a recorded episode driven again in simulation, or shown to a policy."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift.data.opening import JsonOption, StoreArgument, check_figure, chosen, open_store
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import Episode

    from drift.data.policy_error import Errors
    from drift.data.resimulation import Resimulation
    from drift.picture.screen import Screen

_APART = 1  # exit code


def main(
    store: StoreArgument,
    episode: Annotated[str | None, typer.Argument(help="its id; the newest without one")] = None,
    limit_rad: Annotated[
        float, typer.Option(min=0.0, help="how far a joint may be from the record [rad]")
    ] = 0.05,
    video: Annotated[Path | None, typer.Option(help="a film of it (.mp4, .gif)")] = None,
    window: Annotated[bool, typer.Option("--window", help="show it in a window")] = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="show the recorded cameras only; nothing is driven again")
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(help="a checkpoint or a run: show it the recorded observations instead")
    ] = None,
    sampler: Annotated[str, typer.Option(help="of the policy: ddim-8, ddpm-100, …")] = "ddim-8",
    out: Annotated[
        Path | None, typer.Option(help="draw the errors of the policy over time (.png, .pdf, .svg)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Drive an episode again in simulation and compare, or show it to a policy and compare its actions.

    In simulation: from the recorded seed, the arm is told what it was told, at the same times; gate and guard
    judged it when it was recorded. Exit code 1 when a joint is further away than the limit, or the outcome is
    another. What one process has recorded, like the demonstrations of drift demo, comes out within 0.0001 rad
    (to the bit for an arm that takes positions), what a running stack has within 0.03 rad, as its messages
    take their time. Things stand where they stood only if the episode is of the simulation. No real arm is
    moved: drift up and drift session alone do that.

    --video and --window show the whole cell meanwhile, with what the policy wanted and what was done drawn
    into it (as drift watch does live), beside what the cameras saw then. --recorded shows the cameras alone,
    also of a real arm.

    With --policy: its actions against the labels of each take-over; nothing moves.

    Example: drift replay runs/mine m000012 --video m12.mp4
    """
    check_figure(out)
    if policy is None and out is not None:
        raise UserError("--out draws the errors of a policy: name one by --policy")
    if policy is not None and (video is not None or window or recorded):
        raise UserError("--video, --window and --recorded show the episode: leave --policy away")
    if recorded and video is None and not window:
        raise UserError("--recorded shows the episode: say --video FILE, --window or both")
    opened = open_store(store)
    read = opened.read(chosen(opened, episode))
    if policy is not None:
        _show_policy(read, policy, sampler, out, as_json)
    elif recorded:
        _show_recorded(read, window, video)
    elif not _drive(read, limit_rad, window, video, as_json):
        raise typer.Exit(_APART)


def _drive(episode: "Episode", limit_rad: float, window: bool, video: Path | None, as_json: bool) -> bool:
    """Drive the episode again; return whether it was as recorded."""
    from contextlib import closing

    from drift.data.resimulation import Footage, resimulate
    from drift.simulation import make_shell

    with (
        _screen(window, video) as screen,
        closing(make_shell(episode.meta.robot, episode.meta.task)) as shell,
    ):
        if window or video is not None:
            with closing(Footage(episode, shell, screen.show)) as footage:
                found = resimulate(episode, shell, limit_rad, footage)
        else:
            found = resimulate(episode, shell, limit_rad)
    if as_json:
        print(json.dumps({"episode": episode.meta.id, "limit_rad": limit_rad, **asdict(found)}, indent=1))
    else:
        _print_simulation(episode.meta.id, found, limit_rad, video)
    return found.apart_s is None and found.same_outcome is not False


def _show_recorded(episode: "Episode", window: bool, video: Path | None) -> None:
    """Show what the cameras saw, tenth by tenth of a second."""
    from drift.data.origin_files import origin_files
    from drift.picture.recorded import FRAME_MS, RecordedEpisode

    if not len(episode.steps):
        raise UserError(f"episode {episode.meta.id} has no control step, and nothing to show")
    pictures = RecordedEpisode(episode, origin_files(episode.meta.robot, episode.meta.task).robot)
    with _screen(window, video) as screen:
        for number in range(1 + int(1000 * pictures.length_s / FRAME_MS)):
            since_s = number * FRAME_MS / 1000
            if not screen.show(pictures.sheet(since_s), since_s):
                break
    if video is not None:
        print(f"{episode.meta.id}: {video}")


def _screen(window: bool, video: Path | None) -> "Screen":
    """Return where the pictures go, if anywhere."""
    from drift.film import check_film
    from drift.picture.screen import Screen

    if video is not None:
        check_film(video)
    return Screen(window, video, paced=True)


def _print_simulation(name: str, found: "Resimulation", limit_rad: float, video: Path | None) -> None:
    apart = "never" if found.apart_s is None else f"from {found.apart_s:.2f} s on"
    largest = max(found.joints_max_rad, default=0.0)
    print(f"{name}: {found.steps} control steps driven again")
    print(f"  joints   {largest:.5f} rad apart at most, {found.joints_rms_rad:.5f} rad root mean square")
    print(f"  TCP      {1000 * found.tcp_max_m:.2f} mm apart at most")
    print(f"  gripper  {1000 * found.gripper_max_m:.2f} mm apart at most")
    print(f"  limit    {limit_rad:g} rad: exceeded {apart}")
    print(f"  outcome  {found.outcome_then} then, {found.outcome_now} now")
    if video is not None:
        print(f"  video    {video}")


def _show_policy(episode: "Episode", checkpoint: Path, sampler: str, out: Path | None, as_json: bool) -> None:
    """Compare the actions of a policy with the labels of the episode."""
    from drift_core.data.windows import cut_windows
    from drift_core.origin import Origin

    from drift.checkpoint_argument import named_checkpoint
    from drift.data.origin_files import origin_files
    from drift.data.policy_error import policy_errors

    path, loaded = named_checkpoint(checkpoint)
    info, network = loaded.info, loaded.policy
    if objection := Origin(info.robot, info.task).objection(episode.meta):
        raise UserError(f"episode {episode.meta.id} does not fit {path}: {objection}")
    network.serve(episode.meta.task)
    origin = origin_files(info.robot, info.task)
    if origin.task is None:
        raise UserError(origin.unknown)
    arm, config = origin.robot, network.config
    near_home: dict[str, Any] = {} if arm is None else {"near_home": arm.near_home}
    windows = cut_windows(
        episode,
        config.observation,
        (lambda positions, gripper_m: positions) if arm is None else arm.state,
        origin.task.latency_s,
        config.horizon,
        config.action_space,
        **near_home,
    )
    errors = policy_errors(network, windows, sampler, seed=0)
    if errors is None:
        raise UserError(
            f"episode {episode.meta.id} has no label to compare with: the expert must have driven"
        )
    title = f"version {info.version} ({info.reason}), {sampler}, on {episode.meta.id}"
    if as_json:
        content = {
            "episode": episode.meta.id,
            "checkpoint": str(path),
            "sampler": sampler,
            "whole": asdict(errors.whole),
            "by_take_over": {number: asdict(found) for number, found in errors.by_take_over.items()},
        }
        print(json.dumps(content, indent=1))
    else:
        print(f"{title}: the first {config.action_steps} steps of each chunk against the labels")
        for number, found in errors.by_take_over.items():
            print(f"  take-over {number}: {_said(found)}")
        print(f"  in all: {_said(errors.whole)}")
    if out is not None:
        from drift.data.policy_error_figure import draw_policy_errors

        draw_policy_errors(episode, errors, title, out)
        typer.echo(f"figure: {out}", err=as_json)


def _said(errors: "Errors") -> str:
    parts = [f"{errors.labels} labels"]
    if errors.position_mm is not None:
        parts.append(f"position {errors.position_mm:.1f} mm (90 % below {errors.position_p90_mm:.1f})")
    if errors.rotation_deg is not None:
        parts.append(f"rotation {errors.rotation_deg:.1f}°")
    if errors.gripper_mm is not None:
        parts.append(f"gripper {errors.gripper_mm:.1f} mm")
    return ", ".join([*parts, f"action {errors.action_rms:.4f} root mean square"])
