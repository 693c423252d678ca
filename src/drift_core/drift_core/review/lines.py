"""The episodes of a store, a line each: what they are, how they ended, who drove when."""

from dataclasses import dataclass
from pathlib import Path

from drift_core.episodes import EpisodeKind, EpisodeMeta, EpisodeStore, OutcomeName, held_out
from drift_core.episodes.age import written_s
from drift_core.episodes.drives import Drive, drives
from drift_core.episodes.files import META_FILE, STEPS, table_file
from drift_core.episodes.reader import read_steps
from drift_core.errors import DataError

FileKey = tuple[int, int, int]  # inode, time and size: another file, or another content, has another one


@dataclass(frozen=True)
class EpisodeLine:
    """One episode of a list."""

    id: str
    kind: EpisodeKind
    outcome: OutcomeName
    score: float | None  # 0..1, None: nobody said
    weight: float  # how often training draws of it; 1: as of the others
    held_out: bool  # never trained on
    robot: str
    task: str
    seed: int  # of the simulated task, 0 on a real arm
    started_s: float  # ROS time
    written_s: float  # system time
    duration_s: float
    steps: int  # control steps
    expert_steps: int  # of them, driven by the expert
    take_overs: int
    policy_versions: tuple[int, ...]  # that drove a step
    repaired: str  # what was mended; empty: nothing
    drives: tuple[Drive, ...]

    @property
    def expert_s(self) -> float:
        """How long the expert drove [s]."""
        return sum(drive.end_s - drive.begin_s for drive in self.drives if drive.driver == "expert")

    @property
    def driven_s(self) -> float:
        """How long the policy or the expert drove [s]."""
        driven = (drive for drive in self.drives if drive.driver in ("policy", "expert"))
        return sum(drive.end_s - drive.begin_s for drive in driven)


def line_of(meta: EpisodeMeta, written: float, found: list[Drive]) -> EpisodeLine:
    """Return the line of an episode; `written`: when its files were (system time), `found`: its drives."""
    return EpisodeLine(
        id=meta.id,
        kind=meta.kind,
        outcome=meta.outcome,
        score=meta.score,
        weight=meta.weight,
        held_out=held_out(meta.id),
        robot=meta.robot,
        task=meta.task,
        seed=meta.seed,
        started_s=meta.started_s,
        written_s=written,
        duration_s=meta.duration_s,
        steps=meta.steps,
        expert_steps=meta.expert_steps,
        take_overs=meta.interventions,
        policy_versions=meta.policy_versions,
        repaired=meta.repaired,
        drives=tuple(found),
    )


class EpisodeList:
    """Looks at a store again and again; an episode is read once, until one of its files is another one."""

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self._known: dict[str, tuple[FileKey, EpisodeLine]] = {}

    def lines(self) -> tuple[list[EpisodeLine], dict[str, str]]:
        """Return the finished episodes, oldest first, and by id what is wrong with those that are broken."""
        lines, broken = [], {}
        ids = self.store.ids()
        for name in self._known.keys() - set(ids):
            del self._known[name]
        for name in ids:
            try:
                lines.append(self.line(name))
            except DataError as error:
                if (self.store.root / name).is_dir():  # else somebody has dropped it meanwhile
                    broken[name] = str(error)
        lines.sort(key=lambda line: (line.started_s, line.written_s, line.id))
        return lines, broken

    def line(self, episode_id: str) -> EpisodeLine:
        """Return one episode's line; DataError where there is none of that name, or it cannot be read."""
        meta_key = file_key(self.store.root / episode_id / META_FILE)
        known = self._known.get(episode_id)
        if known is not None and known[0] == meta_key:
            return known[1]
        meta = self.store.meta(episode_id)
        steps = read_steps(self.store.root / episode_id / table_file(STEPS, meta.schema), meta.schema)
        line = line_of(meta, written_s(self.store, episode_id), drives(steps))
        if meta_key is not None:
            self._known[episode_id] = meta_key, line
        return line


def file_key(path: Path) -> FileKey | None:
    """Return what tells a file from another one in its place, None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
