"""A whole store in numbers, for each robot and task: what there is to learn from, how the robot gets on."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from drift_core.episodes import Episode, EpisodeStore, StepSource
from drift_core.episodes.age import age_key
from drift_core.errors import DataError
from drift_core.intervals import SuccessRate, success_rate

from drift.data.columns import ColumnStatistics, column_statistics
from drift.data.label_counts import count_labels
from drift.data.origin_files import action_names, origin_files

_PICTURES = 4  # of each camera of an episode, for its mean colour
_DRIVEN = (StepSource.POLICY, StepSource.EXPERT)


@dataclass(frozen=True)
class EpisodeRow:
    """What one episode adds, in the order of recording."""

    id: str
    kind: str
    outcome: str
    minutes: float
    take_overs: int
    labels: int | None  # None: cannot be counted


@dataclass(frozen=True)
class GroupStatistics:
    """All episodes of one robot and task."""

    robot: str
    task: str
    episodes: int
    held_out: int  # of them, never trained on
    minutes: float
    episodes_by_kind: dict[str, int]
    outcomes: dict[str, int]
    success_by_kind: dict[str, SuccessRate]  # of episodes whose outcome is known
    unaided: SuccessRate | None  # success without a take-over, of all but demonstrations
    minutes_by_driver: dict[str, float]
    labels_by_kind: dict[str, int]
    idle_labels: int
    remarks: dict[str, str]  # by episode: why it gives no labels, or what of it is lost
    actions: list[ColumnStatistics]  # as commanded while policy or expert drove
    states: list[ColumnStatistics]  # as measured, all the time
    image_mean: dict[str, list[float]]  # by camera: R, G, B in 0..255
    images_read: int
    rows: list[EpisodeRow]


@dataclass
class _Group:
    """What is gathered of one robot and task."""

    rows: list[EpisodeRow] = field(default_factory=list)
    held_out: int = 0
    seconds_by_driver: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    idle: int = 0
    remarks: dict[str, str] = field(default_factory=dict)
    actions: list[np.ndarray] = field(default_factory=list)
    states: list[np.ndarray] = field(default_factory=list)
    colours: dict[str, list[np.ndarray]] = field(default_factory=dict)


def store_statistics(
    store: EpisodeStore, on_episode: Callable[[int, int], None] = lambda done, of: None
) -> tuple[list[GroupStatistics], list[str]]:
    """Read all episodes; return the groups, largest first, and what could not be read, in words.

    `on_episode` is told after each how many are done, of how many.
    """
    groups: dict[tuple[str, str], _Group] = {}
    broken = []
    ids = sorted(store.ids(), key=lambda name: age_key(store, name))
    for number, name in enumerate(ids, 1):
        try:
            episode = store.read(name)
            _add(groups.setdefault((episode.meta.robot, episode.meta.task), _Group()), store, name, episode)
        except DataError as error:
            broken.append(str(error))
        on_episode(number, len(ids))
    found = [_statistics(robot, task, group) for (robot, task), group in groups.items() if group.rows]
    return sorted(found, key=lambda group: -group.episodes), broken


def _add(group: _Group, store: EpisodeStore, name: str, episode: Episode) -> None:
    meta, steps = episode.meta, episode.steps
    colours = {camera: _colours(episode, camera) for camera in episode.frames}  # first: a frame may be broken
    counted = count_labels(store, name, meta)
    row = EpisodeRow(
        name, meta.kind, meta.outcome, meta.duration_s / 60.0, meta.interventions, counted.labels
    )
    group.rows.append(row)
    group.held_out += store.held_out(name)
    group.idle += counted.idle or 0
    if counted.remark and meta.kind != "evaluation":
        group.remarks[name] = counted.remark
    if len(steps):
        sources, counts = np.unique(steps.source, return_counts=True)
        for source, count in zip(sources.tolist(), counts.tolist(), strict=True):
            share = count / len(steps)
            group.seconds_by_driver[StepSource(source).name.lower()] += meta.duration_s * share
        group.actions.append(steps.action[np.isin(steps.source, _DRIVEN)])
        group.states.append(steps.measured)
    for camera, seen in colours.items():
        group.colours.setdefault(camera, []).append(seen)


def _colours(episode: Episode, camera: str) -> np.ndarray:
    """Return the mean colour of some frames of a camera, (N, 3)."""
    frames = episode.frames[camera]
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(_PICTURES, len(frames))).astype(int))
    return np.array([frames.image(int(n)).mean(axis=(0, 1)) for n in chosen]).reshape(-1, 3)


def _statistics(robot: str, task: str, group: _Group) -> GroupStatistics:
    rows = group.rows
    actions, states = _joined(group.actions), _joined(group.states)
    tried = [row for row in rows if row.kind != "demonstration" and row.outcome != "unknown"]
    kinds = sorted({row.kind for row in rows})
    judged = {kind: [row for row in rows if row.kind == kind and row.outcome != "unknown"] for kind in kinds}
    labels: Counter[str] = Counter()
    for row in rows:
        labels[row.kind] += row.labels or 0
    return GroupStatistics(
        robot=robot,
        task=task,
        episodes=len(rows),
        held_out=group.held_out,
        minutes=sum(row.minutes for row in rows),
        episodes_by_kind=dict(Counter(row.kind for row in rows)),
        outcomes=dict(Counter(row.outcome for row in rows)),
        success_by_kind={
            kind: success_rate([row.outcome == "success" for row in known])
            for kind, known in judged.items()
            if known
        },
        unaided=success_rate([row.outcome == "success" and not row.take_overs for row in tried])
        if tried
        else None,
        minutes_by_driver={who: seconds / 60.0 for who, seconds in group.seconds_by_driver.items()},
        labels_by_kind={kind: count for kind, count in labels.items() if kind != "evaluation"},
        idle_labels=group.idle,
        remarks=group.remarks,
        actions=column_statistics(actions, action_names(actions.shape[1])),
        states=column_statistics(states, origin_files(robot, task).joint_names(states.shape[1])),
        image_mean={
            camera: np.concatenate(seen).mean(axis=0).tolist()
            for camera, seen in group.colours.items()
            if sum(map(len, seen))
        },
        images_read=sum(len(part) for seen in group.colours.values() for part in seen),
        rows=rows,
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Return the rows of all parts of the usual width, (N, D); what was never known has none."""
    widths = Counter(part.shape[1] for part in parts if part.size)
    width = widths.most_common(1)[0][0] if widths else 0
    return np.concatenate([np.zeros((0, width)), *(part for part in parts if part.shape[1] == width)])
