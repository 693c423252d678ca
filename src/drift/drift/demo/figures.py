"""Figures of the demo report, each returned as inline SVG."""

from collections.abc import Callable

import numpy as np
from drift_core.episodes import StepSource
from drift_core.intervals import success_rate
from matplotlib.axes import Axes

from drift.demo.progress import episode_parts, learning_curve
from drift.demo.record import DemoRecord
from drift.driver_colours import HEX
from drift.html_page import inline_svg

POLICY, EXPERT, CONTROL, INK = HEX[StepSource.POLICY], HEX[StepSource.EXPERT], "#8a8f98", "#22262b"


def success(record: DemoRecord) -> str:
    """Return success before and after (and of the control) with 95 % Wilson intervals."""
    bars = [("before", record.before, CONTROL), ("after corrections", record.after, POLICY)]
    if record.control:
        bars.append(("control: as many labels\nas demonstrations", record.control, EXPERT))
    bars = [bar for bar in bars if bar[1]]

    def draw(axes: Axes) -> None:
        for x, (_, outcomes, colour) in enumerate(bars):
            rate = success_rate(outcomes)
            axes.bar(x, 100 * rate.value, 0.6, color=colour)
            error = [[100 * (rate.value - rate.low)], [100 * (rate.high - rate.value)]]
            axes.errorbar(x, 100 * rate.value, error, color=INK, capsize=4)
            axes.annotate(f"{rate.successes}/{rate.trials}", (x, 3), ha="center", color="white")
        axes.set_xticks(range(len(bars)), [bar[0] for bar in bars])
        axes.set_ylim(0, 100)
        axes.set_ylabel("success [%]")

    return inline_svg(draw)


def learning(record: DemoRecord) -> str:
    """Return the share of episodes that the policy ended well by itself, over labels and over minutes.

    One point for each part of the corrected episodes, and the evaluations before and after.
    """
    points = learning_curve(record)

    def over(key: str, label: str) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            axes.plot([p[key] for p in points], [100 * p["unaided"] for p in points], "o-", color=POLICY)
            ends = ((record.before, 0.0, "before"), (record.after, points[-1][key], "after"))
            for outcomes, x, name in ends:
                if outcomes:
                    axes.plot(x, 100 * success_rate(outcomes).value, "D", color=EXPERT)
                    axes.annotate(f" {name}", (x, 100 * success_rate(outcomes).value), color=EXPERT)
            axes.set_ylim(0, 105)
            axes.set_xlabel(label)
            axes.set_ylabel("success without a take-over [%]")

        return draw

    return inline_svg(over("labels", "labels of corrections")) + inline_svg(
        over("minutes", "minutes of corrected episodes")
    )


def interventions(record: DemoRecord) -> str:
    """Return the share of control steps the expert drove, along the corrected episodes, and the labels."""
    parts = episode_parts(record)

    def draw(axes: Axes) -> None:
        x = np.cumsum([len(part) for part in parts])
        share = [sum(e.expert_steps for e in p) / max(1, sum(e.control_steps for e in p)) for p in parts]
        taken = [np.mean([e.interventions > 0 for e in part]) for part in parts]
        axes.plot(x, 100 * np.array(share), "o-", color=EXPERT, label="steps driven by the expert")
        axes.plot(x, 100 * np.array(taken), "s--", color=INK, label="episodes with a take-over")
        axes.set_ylim(0, 100)
        axes.set_xlabel("corrected episodes")
        axes.set_ylabel("[%]")
        labels = axes.twinx()
        labels.spines["top"].set_visible(False)
        labels.bar(x, [sum(e.expert_labels for e in p) for p in parts], x[0] / 2, color=POLICY, alpha=0.25)
        labels.set_ylabel("expert labels", color=POLICY)
        axes.legend(frameon=False, fontsize=8)

    return inline_svg(draw)


def training(record: DemoRecord) -> str:
    """Return loss and trained rank over gradient steps, offline and online."""

    def draw(axes: Axes) -> None:
        step = [point.step for point in record.training]
        axes.semilogy(step, [point.loss for point in record.training], color=POLICY, lw=1)
        axes.set_xlabel("gradient steps")
        axes.set_ylabel("loss", color=POLICY)
        ranks = axes.twinx()
        ranks.spines["top"].set_visible(False)
        ranks.step(step, [100 * point.rank for point in record.training], color=EXPERT, label="rank")
        ranks.step(
            step, [100 * p.effective_rank for p in record.training], ":", color=EXPERT, label="effective rank"
        )
        ranks.set_ylim(0, 105)
        ranks.set_ylabel("trained rank [% of full]", color=EXPERT)
        ranks.legend(frameon=False, fontsize=8)
        for earlier, later in zip(record.training, record.training[1:], strict=False):
            if earlier.phase != later.phase:
                axes.axvline(later.step, color=CONTROL, lw=0.8, ls="--")

    return inline_svg(draw, width=11.4)


def periods(periods_ms: np.ndarray, nominal_ms: float) -> str:
    """Return the distribution of control periods (N,) [ms] on a logarithmic count axis."""

    def draw(axes: Axes) -> None:
        axes.hist(periods_ms, bins=80, color=POLICY)
        axes.axvline(nominal_ms, color=INK, lw=0.8)
        axes.axvline(2 * nominal_ms, color=EXPERT, lw=0.8, ls="--", label="late: one period over")
        axes.set_yscale("log")
        axes.set_xlabel("control period [ms]")
        axes.set_ylabel("ticks")
        axes.legend(frameon=False, fontsize=8)

    return inline_svg(draw)
