"""A picture of an episode: what the cameras saw over time, and below it what the arm was told and did."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from drift_core.episodes import Episode, Frames, Joints, StepSource  # noqa: E402
from drift_core.episodes.drives import drives  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

from drift.data.streams import clocks_apart_s  # noqa: E402
from drift.driver_colours import HEX  # noqa: E402
from drift.filmstrip import NOTHING, camera_row  # noqa: E402

_WIDTH_IN, _PLOT_IN = 12.0, 1.9
_PICTURES = 14  # in a row
_DPI = 100
_AXES_NAMES = ("x", "y", "z")


def draw_episode(episode: Episode, joint_names: list[str], file: Path) -> None:
    """Write the picture; the ending of `file` says PNG, PDF or SVG. No display is needed.

    `joint_names`: of the columns of `commanded`.
    """
    begin_s, span_s = _span(episode)
    strips = {
        name: camera_row(episode, name, _evenly(frames.stamp_s, begin_s, span_s))
        for name, frames in episode.frames.items()
        if len(frames)
    }
    heights = [_WIDTH_IN * 0.9 * row.shape[0] / row.shape[1] for row in strips.values()]
    plots = (_draw_joints, _draw_errors, _draw_tcp, _draw_arrivals)
    heights += [_PLOT_IN] * len(plots)
    figure, axes = plt.subplots(
        len(heights),
        1,
        figsize=(_WIDTH_IN, sum(heights) + 1.0),
        sharex=True,
        squeeze=False,
        layout="constrained",
        height_ratios=heights,
    )
    rows = axes[:, 0]
    for axis, (name, row) in zip(rows, strips.items(), strict=False):
        axis.imshow(row, extent=(0.0, span_s, 0.0, 1.0), aspect="auto", interpolation="none")
        axis.set(yticks=[], ylabel=name)
    for axis, draw in zip(rows[len(strips) :], plots, strict=True):
        draw(axis, episode, begin_s, joint_names)
        for drive in drives(episode.steps):
            colour = HEX[StepSource[drive.driver.upper()]]
            axis.axvspan(drive.begin_s, drive.end_s, color=colour, alpha=0.18, lw=0)
        axis.spines[["top", "right"]].set_visible(False)
    rows[-1].set(xlabel="time since the first control step [s]", xlim=(0.0, span_s))
    meta = episode.meta
    figure.suptitle(f"{meta.id}: {meta.robot}, {meta.task}, {meta.kind}, {meta.outcome}", fontsize=11)
    figure.legend(
        handles=[Patch(color=HEX[source], alpha=0.5, label=source.name.lower()) for source in StepSource],
        loc="outside lower center",
        ncols=len(StepSource),
        frameon=False,
        fontsize=8,
    )
    figure.savefig(file, dpi=_DPI)
    plt.close(figure)


def _span(episode: Episode) -> tuple[float, float]:
    """Return when the episode begins and how long it is [s]: by control steps, joints or frames."""
    stamps = [episode.steps.stamp_s, episode.joints.stamp_s]
    stamps += [frames.stamp_s for frames in episode.frames.values()]
    first = next((stamp_s for stamp_s in stamps if len(stamp_s)), np.zeros(1))
    return float(first.min()), max(float(np.ptp(first)), 1e-3)


def _evenly(stamp_s: np.ndarray, begin_s: float, span_s: float) -> np.ndarray:
    """Return the frame nearest to the middle of each equal part of the time; NOTHING where none is near."""
    middles = begin_s + (np.arange(_PICTURES) + 0.5) / _PICTURES * span_s
    away_s = np.abs(stamp_s[None] - middles[:, None])  # (_PICTURES, K)
    return np.where(away_s.min(axis=1) > span_s / _PICTURES, NOTHING, away_s.argmin(axis=1))


def _draw_joints(axis: Axes, episode: Episode, begin_s: float, names: list[str]) -> None:
    steps = episode.steps
    colours = plt.get_cmap("tab10")
    width = max(0, min(steps.measured.shape[1], steps.commanded.shape[1]) - 1)
    for n in range(width):
        axis.plot(steps.stamp_s - begin_s, steps.measured[:, n], color=colours(n % 10), lw=1, label=names[n])
        axis.plot(steps.stamp_s - begin_s, steps.commanded[:, n], color=colours(n % 10), lw=1, ls=":")
    axis.set_ylabel("joints [rad]\ndotted: commanded")
    if width:
        axis.legend(fontsize=6, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _draw_errors(axis: Axes, episode: Episode, begin_s: float, names: list[str]) -> None:
    steps = episode.steps
    colours = plt.get_cmap("tab10")
    for n in range(max(0, min(steps.measured.shape[1], steps.commanded.shape[1]) - 1)):
        error = 1000.0 * (steps.commanded[:, n] - steps.measured[:, n])
        axis.plot(steps.stamp_s - begin_s, error, color=colours(n % 10), lw=0.8)
    axis.set_ylabel("commanded −\nmeasured [mrad]")


def _draw_tcp(axis: Axes, episode: Episode, begin_s: float, names: list[str]) -> None:
    steps = episode.steps
    time_s = steps.stamp_s - begin_s
    if steps.action.shape[1] == 10:
        for n, name in enumerate(_AXES_NAMES):
            axis.plot(time_s, steps.action[:, n], lw=1, label=f"TCP {name}, commanded")
    for values, style, what in ((steps.commanded, ":", "commanded"), (steps.measured, "-", "measured")):
        if values.shape[1]:
            axis.plot(time_s, values[:, -1], color="#22262b", ls=style, lw=1, label=f"gripper, {what}")
    axis.set_ylabel("TCP, gripper [m]")
    if axis.lines:
        axis.legend(fontsize=6, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _draw_arrivals(axis: Axes, episode: Episode, begin_s: float, names: list[str]) -> None:
    sources: dict[str, Frames | Joints] = {**episode.frames, "joints": episode.joints}
    clocks_s = clocks_apart_s(episode)
    for name, samples in sources.items():
        late_ms = 1000.0 * (samples.arrival_s - samples.stamp_s + (clocks_s or 0.0))
        axis.plot(samples.stamp_s - begin_s, late_ms, ".", ms=2, label=name)
    axis.set_ylabel("arrival −\nstamp [ms]" if clocks_s is None else "later than the\nquickest [ms]")
    if axis.lines:
        axis.legend(fontsize=6, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
