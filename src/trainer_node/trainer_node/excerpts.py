"""Each correction as an excerpt on disk as soon as it is over, while its episode goes on being recorded.

What is recorded goes through a ring of the last seconds. When the expert takes over, that history and all
that follows is gathered; when he lets go, it is handed to a thread that writes it (drift_core/episodes/
excerpts.py). Nothing here waits, and nothing is ever lost by it: what is too much is said and left out, and
its labels come with the episode.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from drift_config.errors import DriftError
from drift_core.episodes import EpisodeMeta, EpisodeWriter, Excerpts, StepRecord, StepSource, excerpt_id
from drift_core.episodes.rows import Row
from drift_core.task import TaskConfig

MAX_EXCERPTS = 64  # of one episode
MAX_BYTES = 128 << 20  # of one episode, pictures and what else was recorded
_MARGIN_S = 1.5  # of the history, for samples that came late


@dataclass(frozen=True, slots=True)
class _Sample:
    """Something recorded, and when it came."""

    row: Row
    arrival_s: float


class ExcerptTap:
    """Listen to what is recorded into an episode, and write its corrections beside it."""

    def __init__(
        self,
        excerpts: Excerpts,
        history_s: float,
        run: Callable[[Callable[[], None]], None],
        log: Callable[[str], None],
    ) -> None:
        """`history_s`: what is kept from before a take-over.

        `run` runs a job in another thread, and says what it raises.
        """
        self._excerpts, self._history_s = excerpts, history_s
        self._run, self._log = run, log
        self.forget()

    def begin(self, meta: EpisodeMeta) -> None:
        """Listen to an episode from now on; only to one in which policy and expert take turns."""
        self.forget()
        self._meta = meta if meta.kind == "intervention" else None

    def forget(self) -> None:
        """Listen no further; what was not handed over yet comes with the episode."""
        self._meta: EpisodeMeta | None = None  # of the open episode; None: nothing is listened to
        self._ring: deque[_Sample] = deque()
        self._gathered: list[_Sample] | None = None  # of the correction that is under way
        self._driver: int | None = None  # the take-over that is under way
        self._begun: set[int] = set()  # take-overs
        self._bytes = 0  # of all excerpts of this episode

    def step(self, step: StepRecord, row: Row, arrival_s: float) -> None:
        """Take a control step, and its row; it may begin or end a correction."""
        if self._meta is None:
            return
        self._take(_Sample(row, arrival_s))
        driver = step.intervention_id if step.source == StepSource.EXPERT else None
        if driver == self._driver:
            return
        if self._driver is not None:  # `step` closes its last label
            self._hand_over(self._meta, self._driver)
        self._driver = driver
        if driver is not None and driver not in self._begun:
            self._begin(driver)

    def sample(self, row: Row, arrival_s: float) -> None:
        """Take joints or a frame."""
        if self._meta is not None:
            self._take(_Sample(row, arrival_s))

    def _take(self, sample: _Sample) -> None:
        self._ring.append(sample)
        while self._ring[0].arrival_s < sample.arrival_s - self._history_s:
            self._ring.popleft()
        if self._gathered is not None:
            self._gathered.append(sample)
            self._count(sample.row.size_bytes)

    def _begin(self, take_over: int) -> None:
        """Gather from the history on, unless that is too much."""
        self._begun.add(take_over)
        if len(self._begun) > MAX_EXCERPTS:
            self._give_up(f"{MAX_EXCERPTS} corrections in one episode")
            return
        self._gathered = list(self._ring)
        self._count(sum(sample.row.size_bytes for sample in self._ring))

    def _count(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if self._bytes > MAX_BYTES:
            self._give_up(f"{MAX_BYTES >> 20} MiB of corrections in one episode")

    def _give_up(self, limit: str) -> None:
        """Give no further excerpt of this episode."""
        if self._meta is not None:
            self._log(f"more than {limit}: labels of {self._meta.id} from here on come with the episode")
        self.forget()

    def _hand_over(self, meta: EpisodeMeta, take_over: int) -> None:
        samples, self._gathered = self._gathered, None
        if samples is not None:
            excerpt = replace(meta, id=excerpt_id(meta.id, take_over))
            self._run(lambda: self._write(excerpt, samples))

    def _write(self, meta: EpisodeMeta, samples: list[_Sample]) -> None:
        try:
            with EpisodeWriter(self._excerpts.root, meta) as writer:
                for sample in samples:
                    writer.add(sample.row)
                writer.close("unknown")
        except (OSError, DriftError) as error:
            self._log(f"labels of {meta.id} come with the episode, the excerpt is not written: {error}")


def history_s(task: TaskConfig) -> float:
    """Return for how long before a take-over samples are needed to observe its first moments."""
    return (task.observation_steps - 1) * task.dt_s + max(task.latency_s.values(), default=0.0) + _MARGIN_S
