"""How the policy gets on along the corrected episodes."""

import itertools

import numpy as np

from drift.demo.record import DemoRecord, EpisodeRow

_PART = 10  # episodes


def episode_parts(record: DemoRecord) -> list[list[EpisodeRow]]:
    """Return the corrected episodes in parts of about ten, in their order."""
    count = max(1, round(len(record.episodes) / _PART))
    numbers = np.array_split(np.arange(len(record.episodes)), count)
    return [[record.episodes[number] for number in part] for part in numbers if len(part)]


def learning_curve(record: DemoRecord) -> list[dict[str, float]]:
    """Return for each part its success without a take-over, and the labels and minutes at its middle."""
    labels = [0, *itertools.accumulate(episode.expert_labels for episode in record.episodes)]
    curve, begin = [], 0
    for part in episode_parts(record):
        end = begin + len(part)
        unaided = [episode.success and not episode.interventions for episode in part]
        began_s = record.episodes[begin - 1].ended_s if begin else 0.0
        curve.append(
            {
                "episodes": float(end),
                "labels": (labels[begin] + labels[end]) / 2,
                "minutes": (began_s + part[-1].ended_s) / 120.0,
                "unaided": float(np.mean(unaided)),
            }
        )
        begin = end
    return curve


def progress_table(record: DemoRecord) -> list[list[str]]:
    """Return one row per part, below a header row."""
    titles = "episodes, successful, with a take-over, steps by the expert, labels, policy versions, minutes"
    rows, first = [titles.split(", ")], 1
    for part in episode_parts(record):
        versions = sorted({episode.policy_version for episode in part})
        share = sum(e.expert_steps for e in part) / max(1, sum(e.control_steps for e in part))
        last = first + len(part) - 1
        rows.append(
            [
                f"{first}–{last}" if last > first else str(first),
                f"{100 * np.mean([e.success for e in part]):.0f} %",
                f"{100 * np.mean([e.interventions > 0 for e in part]):.0f} %",
                f"{100 * share:.0f} %",
                str(sum(e.expert_labels for e in part)),
                f"{versions[0]}–{versions[-1]}" if len(versions) > 1 else str(versions[0]),
                f"{part[-1].ended_s / 60.0:.1f}",
            ]
        )
        first = last + 1
    return rows
