"""`drift data show`: one episode in numbers, as a line of time, and as a picture."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from drift.data.opening import JsonOption, StoreArgument, check_figure, chosen, open_store

if TYPE_CHECKING:
    from drift.data.summary import EpisodeSummary

_DATES_S = 1e8  # ROS time from which on it is a date; below it is a simulated clock
_LATE = {
    False: "from the stamp to the arrival",
    True: "compared with the quickest sample of the episode: stamps and arrivals are of two clocks",
}
_WIDE = 100  # columns of the timeline where there is no terminal


def main(
    store: StoreArgument,
    episode: Annotated[str | None, typer.Argument(help="its id; the newest without one")] = None,
    out: Annotated[
        Path | None, typer.Option(help="write a picture, too: cameras, joints, actions (.png, .pdf, .svg)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one episode: who drove when, what the guard did, rates, jitter and latencies, gaps, labels.

    Example: drift data show runs/mine --out newest.png
    """
    from drift.data.label_counts import count_labels
    from drift.data.origin_files import origin_files
    from drift.data.summary import summarize
    from drift.data.timeline import LEGEND, timeline

    check_figure(out)
    opened = open_store(store)
    name = chosen(opened, episode)
    read = opened.read(name)
    size = sum(file.stat().st_size for file in (opened.root / name).iterdir())
    counted = count_labels(opened, name, read.meta)
    summary = summarize(read, opened.held_out(name), size, counted.labels, counted.idle, counted.remark)
    if as_json:
        print(json.dumps(asdict(summary), indent=1))
    else:
        _print(summary)
        console = Console(highlight=False)
        for line in timeline(read, console.width - 11 if console.is_terminal else _WIDE):
            console.print(line, soft_wrap=True)
        print(f"  {LEGEND}")
    if out is not None:
        from drift.data.episode_picture import draw_episode

        origin = origin_files(read.meta.robot, read.meta.task)
        draw_episode(read, origin.joint_names(read.steps.commanded.shape[1]), out)
        typer.echo(f"picture: {out}", err=as_json)


def _print(summary: "EpisodeSummary") -> None:
    meta = summary.meta
    score = "" if meta.score is None else f", score {meta.score:g}"
    score += "" if meta.weight == 1.0 else f", weight {meta.weight:g}"
    held_out = ", held out of training" if summary.held_out else ""
    lines = {
        "episode": f"{meta.id}: {meta.kind}, {meta.outcome}{score}{held_out}",
        "of": f"{meta.robot}, task {meta.task}, seed {meta.seed}, drift {meta.drift_version}",
        "began": _began(meta.started_s),
        "length": f"{meta.duration_s:.1f} s, {meta.steps} control steps, {summary.bytes / 1e6:.2f} MB",
        "driven": ", ".join(f"{who} {span:.1f} s" for who, span in summary.seconds_by_driver.items()),
        "take-overs": "; ".join(
            [
                str(summary.take_overs),
                *(
                    f"{drive.intervention_id} at {drive.begin_s:.1f}–{drive.end_s:.1f} s"
                    for drive in summary.drives
                    if drive.driver == "expert"
                ),
            ]
        ),
        "policy": ", ".join(
            f"version {version}: {steps} steps" for version, steps in summary.steps_by_policy_version.items()
        ),
        "guard": ", ".join(f"{flag} in {steps} steps" for flag, steps in summary.guard_flags.items()),
        "labels": _labels(summary),
        "wanted": _wanted(summary),
        "remark": summary.remark,
        "steps": f"{summary.steps}" + f", {summary.missing_steps} missing" * bool(summary.missing_steps),
        "joints": str(summary.joints),
        **{f"camera {name}": str(stream) for name, stream in summary.cameras.items()},
        "late": _LATE[summary.two_clocks],
    }
    width = max(map(len, lines)) + 1
    for title, text in lines.items():
        if text:
            print(f"{title:<{width}} {text}")
    print()


def _began(ros_s: float) -> str:
    if ros_s < _DATES_S:
        return f"at {ros_s:.1f} s of simulated time"
    return f"{datetime.fromtimestamp(ros_s).isoformat(' ', 'seconds')} (ROS time {ros_s:.1f} s)"


def _wanted(summary: "EpisodeSummary") -> str:
    if summary.chunks is None:
        return "what the policy wanted was not recorded then"
    return f"{summary.chunks} chunks of the policy, {summary.chunks_by_expert} while the expert drove"


def _labels(summary: "EpisodeSummary") -> str:
    if summary.labels is None or summary.idle_labels is None:
        return f"of {summary.meta.expert_steps} steps by the expert"
    share = f" ({summary.idle_labels / summary.labels:.0%})" if summary.labels else ""
    return f"{summary.labels}, {summary.idle_labels} of them idle{share}"
