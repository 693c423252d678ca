"""The page of `drift diagnose`: figures and tables, without network."""

import html
from statistics import median

from drift_core.episodes import StepSource
from matplotlib.axes import Axes

from drift.diagnosis.record import Diagnosis
from drift.driver_colours import HEX
from drift.html_page import inline_svg, page, table

_COLOURS = {
    "policy": HEX[StepSource.POLICY],
    "pre intervention": HEX[StepSource.HOMING],
    "demonstration": HEX[StepSource.EXPERT],
    "intervention": HEX[StepSource.EXPERT],
}
_OTHER = HEX[StepSource.HOLD]


def diagnosis_page(found: Diagnosis) -> str:
    """Return the page."""
    where = f"episode {found.episode}" if found.episode else "a blank observation (no --data was given)"
    parts = [
        f"<h1>{html.escape(found.checkpoint)}</h1>",
        f'<p class="lead">{html.escape(found.task)} with the {html.escape(found.robot)}, '
        f"version {found.version}: {html.escape(found.network)} that predicts "
        f"{html.escape(found.prediction)}, rank {found.rank:g}. "
        f"Normalised chunks of {found.dimensions} numbers; {html.escape(where)}; seed {found.seed}.</p>",
        "<h2>Asymmetry of the Jacobian</h2>",
        "<p>|J − Jᵀ| / |J| of the noise that the network sees: 0 of a gradient, 2 of a pure rotation. It is "
        "no fault by itself: only what ∇·r + r·∇log p leaves of an error r changes what is sampled.</p>",
        "<div class='row'>",
        inline_svg(lambda axes: _draw_asymmetry(axes, found)),
        table(_asymmetry_rows(found)),
        "</div>",
        "<h2>Local dimension</h2>",
        f"<p>Singular values of ∂(chunk) / ∂(first latent) of DDIM in {found.flow_steps} steps, counted "
        "before the largest gap; none is told where no gap is as large as 2, and 0 where even the largest "
        "value is below 0.05: the noise hardly moves the chunk. Largest value: its median.</p>",
        "<div class='row'>",
        inline_svg(lambda axes: _draw_dimension(axes, found)),
        inline_svg(lambda axes: _draw_spectra(axes, found)),
        "</div>",
        table(_dimension_rows(found)),
    ]
    if found.trials:
        parts += [
            "<h2>On a mixture whose score is known</h2>",
            f"<p>Networks trained for {found.trial_steps} steps on three Gaussians in "
            f"{found.trial_dimensions} dimensions. Score error: |r| / |∇log p|. "
            "Gauge residual: |∇·r + r·∇log p| / (|r| |∇log p|); "
            f"0 of a harmless error, {(2 / found.trial_dimensions) ** 0.5:.2g} of a radial one.</p>",
            table(_trial_rows(found)),
        ]
    return page(f"drift diagnose: {found.checkpoint}", parts)


def _asymmetry_rows(found: Diagnosis) -> list[list[str]]:
    rows = [["step k", "noise", "asymmetry", "standard error", "points"]]
    for row in found.asymmetry:
        numbers = [f"{row.noise:.3f}", f"{row.asymmetry:.3g}", f"{row.error:.1g}", str(row.points)]
        rows.append([str(row.k), *numbers])
    return rows


def _dimension_rows(found: Diagnosis) -> list[list[str]]:
    rows = [["observations", "number", "dimension told", "median", "least", "most", "largest value"]]
    told = found.told()
    for driven in dict.fromkeys(row.driven for row in found.dimension):
        number, values = sum(row.driven == driven for row in found.dimension), told.get(driven, [])
        spread = [f"{median(values):g}", str(min(values)), str(max(values))] if values else ["–"] * 3
        largest = median(row.found.singular_values[0] for row in found.dimension if row.driven == driven)
        rows.append([driven, str(number), str(len(values)), *spread, f"{largest:.3g}"])
    return rows


def _trial_rows(found: Diagnosis) -> list[list[str]]:
    rows = [["network", "step k", "noise", "score error", "gauge residual", "asymmetry"]]
    for trial in found.trials:
        for row in trial.rows:
            measures = (row.score_error, row.gauge_residual, row.asymmetry)
            rows.append([trial.network, str(row.k), f"{row.noise:.3f}", *(f"{n:.3g}" for n in measures)])
    return rows


def _draw_asymmetry(axes: Axes, found: Diagnosis) -> None:
    noise = [row.noise for row in found.asymmetry]
    values = [row.asymmetry for row in found.asymmetry]
    errors = [row.error for row in found.asymmetry]
    axes.errorbar(noise, values, errors, marker="o", capsize=3, color=HEX[StepSource.POLICY])
    axes.set(xlabel="standard deviation of the noise", ylabel="asymmetry", ylim=(0.0, None))


def _draw_dimension(axes: Axes, found: Diagnosis) -> None:
    for driven in dict.fromkeys(row.driven for row in found.dimension):
        told = [
            (row.time_s, row.found.dimension)
            for row in found.dimension
            if row.driven == driven and row.found.dimension is not None
        ]
        axes.plot(
            [time for time, _ in told],
            [value for _, value in told],
            "o",
            ms=4,
            color=_COLOURS.get(driven, _OTHER),
            label=driven,
        )
    axes.set(xlabel="time in the episode [s]", ylabel="dimension", ylim=(0.0, None))
    axes.legend(fontsize=8)


def _draw_spectra(axes: Axes, found: Diagnosis) -> None:
    for row in found.dimension:
        values = [value for value in row.found.singular_values if value > 0.0]
        colour = _COLOURS.get(row.driven, _OTHER)
        axes.semilogy(range(1, len(values) + 1), values, color=colour, alpha=0.3, lw=1)
    axes.set(xlabel="number", ylabel="singular value")
