"""Looking at the episodes of one store, and saying something of them: what the console offers."""

from collections import OrderedDict

import cv2

from drift_core.episodes import Dropped, Episode, EpisodeStore, ImageEncoding, OutcomeName, relabel
from drift_core.episodes.files import META_FILE
from drift_core.errors import DataError
from drift_core.preferences import Answer, Mark, marks_of, pairs_to_ask
from drift_core.review.lines import EpisodeLine, EpisodeList, FileKey, file_key
from drift_core.review.progress import (
    EpisodeProgress,
    VersionProgress,
    progress_by_episode,
    progress_by_version,
)
from drift_core.review.timeline import Timeline, frame_of_step, timeline_of

_KEPT = 4  # episodes whose tables stay open: two side by side, and those before
_WIDEST_PX = 640
_SHOWN = ImageEncoding("jpeg", 85)  # for eyes; what is on disk stays as it is


class ReviewShelf:
    """A store as a person looks at it. One thread at a time."""

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self.dropped = Dropped(store)
        self._list = EpisodeList(store)
        self._dropped_list = EpisodeList(self.dropped.store)
        self._open: OrderedDict[str, tuple[FileKey | None, Episode]] = OrderedDict()

    def lines(self) -> tuple[list[EpisodeLine], dict[str, str]]:
        """Return the episodes, oldest first, and by id what is wrong with those that are broken."""
        return self._list.lines()

    def dropped_lines(self) -> list[EpisodeLine]:
        """Return the episodes that can be put back, oldest first."""
        return self._dropped_list.lines()[0]

    def line(self, episode_id: str) -> EpisodeLine:
        """Return one episode's line; DataError where there is none."""
        return self._list.line(episode_id)

    def progress(self) -> list[VersionProgress]:
        """Return how well each version did."""
        return progress_by_version(self.lines()[0])

    def by_episode(self) -> list[EpisodeProgress]:
        """Return what each episode has added, oldest first."""
        return progress_by_episode(self.lines()[0])

    def timeline(self, episode_id: str) -> Timeline:
        """Return an episode over time; DataError where there is none."""
        return timeline_of(self._read(episode_id))

    def frame(self, episode_id: str, camera: str, step: int) -> bytes:
        """Return as JPEG what a camera saw at a control step, at most 640 pixels wide.

        DataError for an episode, a camera or a step that there is not, and for a frame that is broken.
        """
        episode = self._read(episode_id)
        if camera not in episode.frames:
            known = ", ".join(episode.frames) or "none"
            raise DataError(f"camera={camera!r} must be one of {known}: episode {episode_id}")
        try:
            number = frame_of_step(episode, camera, step)
        except IndexError as error:
            raise DataError(f"episode {episode_id}: {error}") from None
        frames = episode.frames[camera]
        (spec,) = (spec for spec in episode.meta.cameras if spec.name == camera)
        if frames.encoding[number] == "jpeg" and spec.width <= _WIDEST_PX:
            return bytes(frames.encoded[number])
        image = frames.image(number)
        height, width = image.shape[:2]
        if width > _WIDEST_PX:
            size = _WIDEST_PX, max(1, round(height * _WIDEST_PX / width))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return _SHOWN.encode(image)

    def drop(self, episode_id: str) -> None:
        """Take an episode out of the store, as `drift data drop`; DataError where that cannot be."""
        self.dropped.drop(episode_id)

    def restore(self, episode_id: str) -> None:
        """Put an episode back, as `drift data restore`; DataError where that cannot be."""
        self.dropped.restore(episode_id)

    def relabel(self, episode_id: str, outcome: OutcomeName, score: float | None) -> EpisodeLine:
        """Say how an episode ended and how well it went, as `drift data relabel`; its new line.

        DataError where there is none, or for a score that does not lie in [0, 1].
        """
        self.store.meta(episode_id)  # names an episode that there is not
        relabel(self.store.root / episode_id, outcome, score)
        return self.line(episode_id)

    def pairs(self, most: int) -> list[tuple[str, str]]:
        """Return the next pairs of attempts that nobody has compared, those of one start first."""
        marks = marks_of(self.store)
        return pairs_to_ask(self.lines()[0], {mark.pair for mark in marks.all()})[:most]

    def marks(self) -> list[Mark]:
        """Return what was said of pairs; of each the last word."""
        return marks_of(self.store).standing()

    def prefer(self, a: str, b: str, answer: Answer, now_s: float) -> Mark:
        """Keep a person's word on two attempts; `now_s` since 1970.

        DataError where one of them is not in the store, or they are the same.
        """
        for name in (a, b):
            self.store.meta(name)
        if a == b:
            raise DataError(f"a={a} and b={b} must be two episodes")
        mark = Mark(a, b, answer, now_s)
        marks_of(self.store).add(mark)
        return mark

    def _read(self, episode_id: str) -> Episode:
        self.store.meta(episode_id)  # names an episode that there is not
        key = file_key(self.store.root / episode_id / META_FILE)
        known = self._open.get(episode_id)
        if known is None or known[0] != key:
            known = key, self.store.read(episode_id)
        self._open[episode_id] = known
        self._open.move_to_end(episode_id)
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return known[1]
