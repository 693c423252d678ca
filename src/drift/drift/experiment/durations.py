"""How long rollouts by the nodes take beside those in the shell, from the same places."""

import statistics
from collections.abc import Sequence

from drift_core.intervals import paired_difference

from drift.experiment.methods import METHODS
from drift.experiment.study import Study
from drift.experiment.table import Row

HEAD = (
    "task",
    "method",
    "success of both, one, neither",
    "compared [s]",
    "episode [s]",
    "difference [95 %] [s]",
    "late control ticks",
)


def cells(study: Study, table: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return them in words, the head first; no line for what does not run in real time, or has not run.

    Durations are means of those pairs of rollouts that both succeeded.
    """
    lines: list[tuple[str, ...]] = [HEAD]
    base = {row.file: row for row in table if row.method == study.compare_with}
    for row in table:
        pairs = _pairs(base[row.file], row) if METHODS[row.method].course.real_time else []
        if not pairs:
            continue
        both = [(one_s, other_s) for one, one_s, other, other_s in pairs if one and other]
        one = sum(one != other for one, _, other, _ in pairs)
        before, after = [one_s for one_s, _ in both], [other_s for _, other_s in both]
        words = ("–", "–", "–")
        if both:
            found = paired_difference(before, after)
            difference = f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
            words = (f"{statistics.fmean(before):.2f}", f"{statistics.fmean(after):.2f}", difference)
        late = [r.result.late_ticks for r in row.results if r.result.late_ticks is not None]
        lines.append(
            (
                row.task,
                METHODS[row.method].title,
                f"{len(both)}, {one}, {len(pairs) - len(both) - one}",
                *words,
                f"{statistics.fmean(late):.2%}".replace("%", " %") if late else "–",
            )
        )
    return lines


def _pairs(base: Row, row: Row) -> list[tuple[bool, float, bool, float]]:
    """Return success and duration [s] of both, at the same seeds of policy and rollout."""
    by_seed = {result.job.seed: result.result.points[-1] for result in base.results}
    return [
        (*one, *other)
        for result in row.results
        if (point := by_seed.get(result.job.seed)) is not None
        for one, other in zip(
            zip(point.success, point.durations_s, strict=True),
            zip(result.result.points[-1].success, result.result.points[-1].durations_s, strict=True),
            strict=True,
        )
    ]
