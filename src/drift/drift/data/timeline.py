"""An episode as lines of text: who drove, what the guard did, where frames are missing."""

import numpy as np
from drift_control.gate.state import GuardFlag
from drift_core.episodes import Episode, StepSource
from rich.text import Text

from drift.data.streams import GAP
from drift.driver_colours import HEX

_LETTERS = {
    StepSource.HOLD: ".",
    StepSource.POLICY: "p",
    StepSource.EXPERT: "E",
    StepSource.HOMING: "h",
}
LEGEND = "p policy, E expert, h homing, . hold; guard: ! hold, + other change, r ramp; cameras: _ no frame"
_NAME = 10  # width of the names


def timeline(episode: Episode, width: int) -> list[Text]:
    """Return a scale in seconds, who drove, and where the guard acted or a camera gave nothing.

    Each has `width` columns of equal time. A column shows who drove last in it, a hold before other flags.
    """
    stamp_s, source = episode.steps.stamp_s, episode.steps.source
    if not len(stamp_s):
        return [Text("no control step")]
    begin_s, span_s = float(stamp_s.min()), max(float(np.ptp(stamp_s)), 1e-9)

    order = np.argsort(stamp_s, kind="stable")
    time_s, source, flags = stamp_s[order] - begin_s, source[order], episode.steps.guard_flags[order]
    ends = np.searchsorted(time_s, (np.arange(width) + 1) / width * span_s, side="right")
    begins = np.concatenate([[0], ends[:-1]])
    nobody = _without(time_s, span_s, width)
    drivers = Text(f"{'driver':<{_NAME}}")
    guard = Text(f"{'guard':<{_NAME}}")
    for begin, end, nothing in zip(begins, ends, nobody, strict=True):
        if nothing == "_":
            drivers.append(" ")
        else:
            last = StepSource(int(source[end - 1]))
            drivers.append(_LETTERS[last], style=HEX[last])
        guard.append(_guard_letter(int(np.bitwise_or.reduce(flags[begin:end], initial=0))))
    lines = [_scale(span_s, width), drivers]
    if guard.plain[_NAME:].strip():
        lines.append(guard)
    for camera, frames in episode.frames.items():
        marks = _without(frames.stamp_s - begin_s, span_s, width)
        if "_" in marks:
            lines.append(Text(f"{camera[: _NAME - 1]:<{_NAME}}{marks}"))
    return lines


def _without(time_s: np.ndarray, span_s: float, width: int) -> str:
    """Return "_" for each column more than a gap away from the nearest sample at `time_s` (K,)."""
    if not len(time_s):
        return "_" * width
    time_s = np.sort(time_s)
    middle_s = (np.arange(width) + 0.5) / width * span_s
    after = np.searchsorted(time_s, middle_s)
    away_s = np.minimum(
        np.abs(time_s[np.minimum(after, len(time_s) - 1)] - middle_s),
        np.abs(time_s[np.maximum(after - 1, 0)] - middle_s),
    )
    interval_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return "".join("_" if far > GAP / 2 * interval_s + span_s / width else " " for far in away_s)


def _guard_letter(flags: int) -> str:
    if flags & GuardFlag.HOLD:
        return "!"
    if flags & ~GuardFlag.RAMP:
        return "+"
    return "r" if flags else " "


def _scale(span_s: float, width: int) -> Text:
    """Return a line of seconds, a number every ten columns or so, at round times."""
    step_s = next(
        (s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if s / span_s * width >= 9),
        span_s,
    )
    line = [" "] * (width + 8)
    for n in range(int(span_s / step_s) + 1):
        at = round(n * step_s / span_s * width)
        line[at : at + 6] = list(f"{n * step_s:<6g}")
    return Text(f"{'seconds':<{_NAME}}" + "".join(line).rstrip())
