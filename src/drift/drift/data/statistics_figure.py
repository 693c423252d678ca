"""Figures of a store: corrections over time, labels, success."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from drift_core.episodes import StepSource  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

from drift.data.store_statistics import GroupStatistics  # noqa: E402
from drift.driver_colours import HEX  # noqa: E402

_COLOURS = {
    "demonstration": "#8a8f98",
    "intervention": HEX[StepSource.EXPERT],
    "evaluation": HEX[StepSource.POLICY],
}
_WINDOW = 5  # episodes of the running mean


def draw_statistics(groups: list[GroupStatistics], file: Path) -> None:
    """Write one row of figures per robot and task; the ending of `file` says PNG, PDF or SVG."""
    figure, rows = plt.subplots(
        len(groups), 3, figsize=(12, 3.2 * len(groups)), squeeze=False, layout="constrained"
    )
    for axes, group in zip(rows, groups, strict=True):
        axes[0].set_title(f"{group.robot}, {group.task}: {group.episodes} episodes", fontsize=9, loc="left")
        for axis, draw in zip(axes, (_corrections, _labels, _success), strict=True):
            axis.spines[["top", "right"]].set_visible(False)
            draw(axis, group)
    figure.savefig(file, dpi=100)
    plt.close(figure)


def _corrections(axis: Axes, group: GroupStatistics) -> None:
    """Corrections a minute over the minutes in which there might be some."""
    tried = [row for row in group.rows if row.kind == "intervention" and row.minutes > 0.0]
    minutes = np.cumsum([row.minutes for row in tried])
    rates = np.array([row.take_overs / row.minutes for row in tried])
    axis.plot(minutes, rates, ".", color=_COLOURS["intervention"], label="episode")
    if len(tried) >= _WINDOW:
        taken = np.convolve([row.take_overs for row in tried], np.ones(_WINDOW), "valid")
        lasted = np.convolve([row.minutes for row in tried], np.ones(_WINDOW), "valid")
        axis.plot(minutes[_WINDOW - 1 :], taken / lasted, color="#22262b", label=f"last {_WINDOW}")
        axis.legend(frameon=False, fontsize=7)
    axis.set(xlabel="minutes of corrected episodes", ylabel="corrections per minute")
    axis.set_ylim(bottom=0.0)


def _labels(axis: Axes, group: GroupStatistics) -> None:
    minutes = np.cumsum([row.minutes for row in group.rows])
    for kind in group.labels_by_kind:
        labels = np.cumsum([row.labels or 0 if row.kind == kind else 0 for row in group.rows])
        axis.step(minutes, labels, where="post", color=_COLOURS[kind], label=kind)
    if axis.lines:
        axis.legend(frameon=False, fontsize=7)
    axis.set(xlabel="minutes recorded", ylabel="labels so far")


def _success(axis: Axes, group: GroupStatistics) -> None:
    bars = [(kind, rate, _COLOURS[kind]) for kind, rate in group.success_by_kind.items()]
    if group.unaided is not None:
        bars.append(("without help", group.unaided, "#5f9e6e"))
    for x, (_, rate, colour) in enumerate(bars):
        axis.bar(x, 100 * rate.value, 0.6, color=colour)
        error = [[100 * (rate.value - rate.low)], [100 * (rate.high - rate.value)]]
        axis.errorbar(x, 100 * rate.value, error, color="#22262b", capsize=4)
    names = [f"{name}\n{rate.successes} of {rate.trials}" for name, rate, _ in bars]
    axis.set_xticks(range(len(bars)), names, fontsize=7)
    axis.set(ylim=(0, 100), ylabel="success [%], 95 % interval")
