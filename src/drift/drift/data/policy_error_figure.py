"""The error of a policy along an episode, over who drove."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from drift_core.episodes import Episode, StepSource  # noqa: E402
from drift_core.episodes.drives import drives  # noqa: E402

from drift.data.policy_error import PolicyErrors  # noqa: E402
from drift.driver_colours import HEX  # noqa: E402


def draw_policy_errors(episode: Episode, errors: PolicyErrors, title: str, file: Path) -> None:
    """Write the distance of the first and of the last executed step from the labels, over time."""
    begin_s = float(episode.steps.stamp_s[0])
    figure, rows = plt.subplots(2, 1, figsize=(11, 4.5), sharex=True, layout="constrained")
    quantities = (
        ("position [mm]", 1000.0 * errors.position_m),
        ("rotation [deg]", np.rad2deg(errors.rotation_rad)),
    )
    for axis, (name, values) in zip(rows, quantities, strict=True):
        for drive in drives(episode.steps):
            colour = HEX[StepSource[drive.driver.upper()]]
            axis.axvspan(drive.begin_s, drive.end_s, color=colour, alpha=0.18, lw=0)
        for step, style in ((0, "-"), (values.shape[1] - 1, ":")):
            label = f"step {step + 1} of the chunk"
            axis.plot(errors.time_s - begin_s, values[:, step], style, color="#22262b", lw=1, label=label)
        axis.set(ylabel=f"error in {name}", ylim=(0.0, None))
        axis.spines[["top", "right"]].set_visible(False)
    rows[0].legend(frameon=False, fontsize=8)
    rows[0].set_title(title, fontsize=10)
    rows[1].set_xlabel("time since the first control step [s]")
    figure.savefig(file, dpi=100)
    plt.close(figure)
