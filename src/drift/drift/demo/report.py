"""The demo's report: one HTML page with figures inside, and summary.json beside it."""

import html
from dataclasses import asdict
from pathlib import Path

import numpy as np
from drift_core.intervals import paired_difference, success_rate

from drift import html_page
from drift.demo import figures
from drift.demo.filmstrips import film_strips
from drift.demo.progress import learning_curve, progress_table
from drift.demo.record import DemoRecord, write_json
from drift.html_page import table, video


def summary(record: DemoRecord) -> dict[str, object]:
    """Return the figures that one compares between runs; None where a stage did not run."""
    before = success_rate(record.before) if record.before else None
    after = success_rate(record.after) if record.after else None
    content: dict[str, object] = {
        "success_before": before.value if before else None,
        "success_after": after.value if after else None,
        "eval_rollouts": len(record.after),
        "expert_labels": sum(episode.expert_labels for episode in record.episodes),
        "corrected_episodes": len(record.episodes),
        "swaps": len(record.swaps),
        "late_control_ticks_ratio": record.timing.get("late_control_ticks_ratio"),
        "late_ticks_at_swaps": record.timing.get("late_ticks_at_swaps"),
        "control_period_p99_ms": record.timing.get("control_period_p99_ms"),
        "duration_s": sum(record.stage_s.values()),
        "ended_early": record.ended_early,
        "success_before_interval": [before.low, before.high] if before else None,
        "success_after_interval": [after.low, after.high] if after else None,
        "demonstrations": record.demonstrations,
        "demonstration_labels": record.demonstration_labels,
        "success_over_dds": success_rate(record.over_dds).value if record.over_dds else None,
        "dds_rollouts": len(record.over_dds),
        "robot": record.robot,
        "task": record.task,
        "seed": record.seed,
        "denoiser": record.denoiser,
        "timing": record.timing,
        "stage_s": record.stage_s,
    }
    if record.episodes:
        content["learning_curve"] = learning_curve(record)
    if record.before and record.after:
        content["gain"] = asdict(paired_difference(record.before, record.after))
    if record.control:
        content["success_control"] = success_rate(record.control).value
        content["control_labels"] = record.control_labels
    return content


def corrections_table(record: DemoRecord) -> list[list[str]]:
    """Return one row per correction, below a header row; times count from its end."""
    rows = [["correction", "labels", "in version", "trained on after [s]", "drove after [s]"]]
    for row in record.corrections:
        after = [
            "not yet" if at_s is None else f"{at_s - row.ended_s:.1f}"
            for at_s in (row.trained_s, row.drove_s)
        ]
        version = "none" if row.version is None else str(row.version)
        rows.append([f"{row.intervention_id} of {row.episode_id}", str(row.labels), version, *after])
    return rows


def write_report(folder: Path, record: DemoRecord, periods_ms: np.ndarray, nominal_ms: float) -> Path:
    """Write report.html and summary.json into `folder`; return the path of the page.

    `periods_ms` (N,) are the control periods during the corrected episodes [ms], `nominal_ms` the wanted one.
    """
    numbers = summary(record)
    write_json(folder / "summary.json", numbers)
    parts = [
        f"<h1>{html.escape(record.task)} with the {html.escape(record.robot)}</h1>",
        f'<p class="lead">DRIFT-DAgger in simulation, run “{html.escape(record.name)}”, seed {record.seed}: '
        f"{html.escape(record.denoiser)} from camera images, corrected by the scripted expert "
        "through the joystick while the trainer ran beside it.</p>",
        f"<p><b>Ended early</b> in stage {html.escape(record.ended_early)}.</p>"
        if record.ended_early
        else "",
        _tiles(record, numbers),
        "<h2>Success</h2><div class='row'>",
        figures.success(record) if record.before else "",
        figures.interventions(record) if record.episodes else "",
        "</div>",
        _film(record),
        "<h2>Along the corrected episodes</h2><div class='row'>" if record.episodes else "",
        figures.learning(record) if record.episodes else "",
        "</div>" if record.episodes else "",
        table(progress_table(record)) if record.episodes else "",
        "<h2>Training</h2>",
        figures.training(record) if record.training else "",
        f"<h2>Corrections</h2><p>{html.escape(record.corrections_in_short)}.</p>"
        + table(corrections_table(record))
        if record.corrections
        else "",
        "<h2>Timing while training ran</h2><div class='row'>",
        figures.periods(periods_ms, nominal_ms) if len(periods_ms) else "",
        table([["figure", "value"]] + [[k.replace("_", " "), f"{v:.3g}"] for k, v in record.timing.items()]),
        "</div>",
        "<h2>What the policy saw</h2>",
        "<p>Blue: the policy drives. Orange: the expert drives. Grey: holding.</p>",
        film_strips(folder / "episodes", record),
        "<h2>Where the time went</h2>",
        table(
            [["stage", "seconds"]] + [[name, f"{seconds:.0f}"] for name, seconds in record.stage_s.items()]
        ),
    ]
    page = folder / "report.html"
    page.write_text(html_page.page(f"drift: {record.name}", parts), encoding="utf-8")
    return page


def _film(record: DemoRecord) -> str:
    films = (
        (record.film, "The same start before the corrections (left) and after them (right)."),
        (
            record.correction_film,
            "A correction, as it was recorded: blue marks are what the policy has in mind, the line is what "
            "was done; then the same start after all corrections, without help. One at which it worked.",
        ),
    )
    return "".join(f"<p>{text}</p>{video(file)}" for file, text in films if file)


def _tiles(record: DemoRecord, numbers: dict[str, object]) -> str:
    tiles = []
    if record.before:
        tiles.append(("success before", str(success_rate(record.before))))
    if record.after:
        tiles.append(("success after", str(success_rate(record.after))))
    if record.control:
        tiles.append(("control", str(success_rate(record.control))))
    tiles.append(("expert labels", str(numbers["expert_labels"])))
    tiles.append(("swaps in motion", str(numbers["swaps"])))
    return (
        "<div class='tiles'>" + "".join(f"<div class='tile'><b>{v}</b>{k}</div>" for k, v in tiles) + "</div>"
    )
