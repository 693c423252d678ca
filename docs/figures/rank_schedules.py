"""Draw all rank schedules: python docs/figures/rank_schedules.py"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from drift_core.rank.schedule import (
    ConstantRank,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    LogarithmicDecay,
    RankSchedule,
    SigmoidDecay,
)
from matplotlib import pyplot

EPOCHS, START, END = 50, 1.0, 0.125
SCHEDULES: dict[str, RankSchedule] = {
    "constant": ConstantRank(fraction=END),
    "linear": LinearDecay(start=START, end=END, steps=EPOCHS),
    "cosine": CosineDecay(start=START, end=END, steps=EPOCHS),
    "sigmoid, τ = 0.5": SigmoidDecay(start=START, end=END, steps=EPOCHS, tau=0.5),
    "sigmoid, τ = 0.1": SigmoidDecay(start=START, end=END, steps=EPOCHS, tau=0.1),
    "exponential, τ = 0.1": ExponentialDecay(start=START, end=END, steps=EPOCHS, tau=0.1),
    "logarithmic, base 10": LogarithmicDecay(start=START, end=END, steps=EPOCHS, base=10.0),
}


def draw(path: Path) -> None:
    """Write the figure to `path` (PNG)."""
    figure, axes = pyplot.subplots(figsize=(7.0, 3.6), layout="constrained")
    epochs = range(EPOCHS + 11)
    for name, schedule in SCHEDULES.items():
        axes.step(epochs, [schedule(epoch) for epoch in epochs], where="post", label=name, linewidth=1.6)
    axes.axvline(EPOCHS, color="grey", linestyle=":", linewidth=1.0)
    axes.annotate(
        "online rounds begin", (EPOCHS + 0.4, 0.97), fontsize=8, color="grey", rotation=90, va="top"
    )
    axes.set(
        xlabel="epoch", ylabel="share of each layer's maximum rank", ylim=(0.0, 1.03), xlim=(0, EPOCHS + 10)
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(0.82, 1.0))
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
