"""What the report of a demo shows: how the policy gets on, and a film of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from drift.demo import figures, film
from drift.demo.film import film_pair, telling_seed
from drift.demo.progress import episode_parts, learning_curve, progress_table
from drift.demo.record import DemoRecord, EpisodeRow
from drift.demo.report import summary


def record_of(rows: list[EpisodeRow]) -> DemoRecord:
    return DemoRecord("short", "panda", "place", 0, before=[False, True], after=[True, True], episodes=rows)


@pytest.fixture
def record() -> DemoRecord:
    """21 episodes of 6 s: a take-over of 4 labels in each of the first seven and in no other one."""
    return record_of(
        [
            EpisodeRow(
                f"e{n}",
                5000 + n,
                True,
                int(n < 7),
                40 * (n < 7),
                160,
                0,
                4 * (n < 7),
                1 + n // 3,
                5.0,
                6.0 * n + 6,
            )
            for n in range(21)
        ]
    )


def test_episodes_are_shown_in_parts_of_about_ten(record: DemoRecord) -> None:
    assert [len(part) for part in episode_parts(record)] == [11, 10]
    assert [len(part) for part in episode_parts(record_of(record.episodes[:3]))] == [3]
    assert episode_parts(record_of([])) == []


def test_the_learning_curve_says_what_the_policy_did_by_itself_over_labels_and_minutes(
    record: DemoRecord,
) -> None:
    first, second = learning_curve(record)
    assert first == {"episodes": 11, "labels": 28 / 2, "minutes": 66 / 120, "unaided": pytest.approx(4 / 11)}
    assert second == {"episodes": 21, "labels": 28, "minutes": (66 + 126) / 120, "unaided": 1.0}
    assert summary(record)["learning_curve"] == [first, second]
    assert figures.learning(record).count("<svg") == 2
    assert "<svg" in figures.interventions(record)


def test_the_table_names_versions_and_minutes(record: DemoRecord) -> None:
    _, first, second = progress_table(record)
    assert first == ["1–11", "100 %", "64 %", "16 %", "28", "1–4", "1.1"]
    assert second == ["12–21", "100 %", "0 %", "0 %", "0", "4–7", "2.1"]
    (_, only) = progress_table(record_of(record.episodes[:1]))
    assert (only[0], only[5]) == ("1", "1")


def test_the_film_shows_the_first_start_at_which_the_corrections_made_the_difference() -> None:
    assert telling_seed([7, 8, 9], [True, False, False], [True, True, True]) == 8
    assert telling_seed([7, 8], [True, False], [False, False]) is None


def test_the_film_shows_both_policies_side_by_side_and_how_they_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = SimpleNamespace(make_sampler=lambda name: name)
    monkeypatch.setattr(film, "load_checkpoint", lambda path: SimpleNamespace(policy=policy))

    class Shell:
        """The first episode fails after 20 ticks, the second one succeeds after 10."""

        task = SimpleNamespace(cameras=[SimpleNamespace(name="front")])
        world = SimpleNamespace(render=lambda camera, size: np.full((*size, 3), 128, np.uint8))
        environment = SimpleNamespace(world=world)
        ended: list[int] = []

        def run_episode(self, seed: int, on_tick: Any, **how: Any) -> Any:
            self.ended.append(seed)
            for _ in range(20 if len(self.ended) == 1 else 10):
                on_tick(None)
            return SimpleNamespace(success=len(self.ended) == 2)

    path = tmp_path / "pair.gif"
    film_pair(path, Shell(), tmp_path / "a", tmp_path / "b", "ddim-8", 8)  # type: ignore[arg-type]
    assert Shell.ended == [8, 8]
    _, animation = cv2.imreadanimation(str(path))
    assert animation.frames[0].shape[:2] == (240 + 8, 2 * (320 + 8))
    last = animation.frames[-1][2, :, :3].astype(int)  # BGR, the border
    assert last[10, 2] > last[10, 1] + 50, "red: a failure before"
    assert last[-10, 1] > last[-10, 2] + 50, "green: a success after"
