"""What all formats share, with one that is made up: a JSON file of an episode's set-points."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from drift_core.episodes import Dropped, EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord
from drift_core.errors import DataError
from drift_core.task import TaskConfig
from drift_formats.exporting import export_episodes
from drift_formats.formats import FORMATS, Cell, Ending, Recording, format_named, format_of
from drift_formats.importing import import_episodes
from pydantic.dataclasses import dataclass

TASK = TaskConfig("walk", (), 0.1, 8, 1, 4, "point", 6.0, {})
CELL = Cell(None, TASK)
META = EpisodeMeta("m0", "point", "walk", 0, "demonstration", (), 0.1, 1000.0)


@dataclass(frozen=True, config=STRICT)
class Settings:
    fail_after: int = 99


class Numbers:
    """Set-points as JSON."""

    ExportOptions = SourceMap = Settings

    def recognises(self, source: Path) -> bool:
        return (source / "numbers.json").is_file()

    def export(self, episodes, folder: Path, options: Settings, say) -> None:
        written = {}
        for count, (cell, episode) in enumerate(episodes):
            assert cell is CELL
            if count == options.fail_after:
                raise DataError("no further")
            written[episode.meta.id] = episode.steps.action.tolist()
            if count:
                say(f"{episode.meta.id}: no colours")
        (folder / "numbers.json").write_text(json.dumps(written))

    def origin(self, source: Path) -> tuple[str, str]:
        return "point", "walk"

    def recordings(self, source: Path, cell: Cell, source_map: Settings) -> Iterator[Recording]:
        for name, actions in json.loads((source / "numbers.json").read_text()).items():

            def fill(writer: EpisodeWriter, actions=actions) -> Ending:
                for tick, action in enumerate(actions):
                    if action is None:
                        raise DataError("a hole")
                    writer.add_step(step(tick, action))
                return Ending("success", 1.0, "colours are unknown")

            yield Recording(replace(META, id=name), fill)


def step(tick: int, action: list[float]) -> StepRecord:
    x = np.array(action)
    return StepRecord(1000.0 + tick / 50, tick, 2, 1, 1, 0, 0, -1.0, x, x, x, 0)


@pytest.fixture
def store(tmp_path: Path) -> EpisodeStore:
    for name in ("m0", "m1"):
        with EpisodeWriter(tmp_path / "store", replace(META, id=name)) as writer:
            for tick in range(3):
                writer.add_step(step(tick, [tick, 0.5]))
            writer.close("success")
    return EpisodeStore(tmp_path / "store")


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Numbers:
    form = Numbers()
    monkeypatch.setitem(FORMATS, "numbers", form)
    return form


def export(store: EpisodeStore, to: Path, form: Numbers, settings: Settings) -> list[str]:
    said: list[str] = []
    export_episodes(store, store.ids(), lambda meta: CELL, to, form, settings, said.append)
    return said


def test_what_is_exported_comes_back_and_is_not_read_twice(tmp_path, store, numbers):
    assert export(store, tmp_path / "set", numbers, Settings()) == ["m1: no colours"]
    assert format_of(tmp_path / "set") == "numbers"
    other = EpisodeStore(tmp_path / "other")
    done = list(import_episodes(tmp_path / "set", other, CELL, numbers, Settings()))
    assert [(one.episode_id, one.remark, one.became) for one in done] == [
        ("m0", "colours are unknown", "new"),
        ("m1", "colours are unknown", "new"),
    ]
    assert other.read("m1").steps.action.tolist() == [[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]
    assert (other.meta("m0").outcome, other.meta("m0").score) == ("success", 1.0)
    again = list(import_episodes(tmp_path / "set", other, CELL, numbers, Settings()))
    assert [one.became for one in again] == ["known", "known"]


def test_what_a_person_has_dropped_does_not_come_back(tmp_path, store, numbers):
    export(store, tmp_path / "set", numbers, Settings())
    Dropped(store).drop("m0")
    done = list(import_episodes(tmp_path / "set", store, CELL, numbers, Settings()))
    assert [(one.episode_id, one.became, one.remark) for one in done] == [
        ("m0", "left out", "dropped from the store before"),
        ("m1", "known", ""),
    ]
    assert (store.ids(), Dropped(store).ids()) == (["m1"], ["m0"])


def test_an_export_that_fails_leaves_nothing_behind(tmp_path, store, numbers):
    with pytest.raises(DataError, match="no further"):
        export(store, tmp_path / "set", numbers, Settings(fail_after=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_nothing_is_written_over(tmp_path, store, numbers):
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match="set: is there already, name a new folder"):
        export(store, tmp_path / "set", numbers, Settings())


def test_an_episode_that_breaks_off_is_not_in_the_store_but_those_before_it_are(tmp_path, numbers):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "numbers.json").write_text('{"a": [[0.0, 1.0]], "b": [[0.0, 1.0], null]}')
    other = EpisodeStore(tmp_path / "other")
    with pytest.raises(DataError, match="a hole"):
        list(import_episodes(tmp_path / "set", other, CELL, numbers, Settings()))
    assert (other.ids(), other.open_ids()) == (["a"], [])


def test_an_episode_of_that_name_from_elsewhere_is_not_taken_for_the_same(tmp_path, store, numbers):
    export(store, tmp_path / "set", numbers, Settings())
    with EpisodeWriter(tmp_path / "other", replace(META, task="run")) as writer:
        writer.close("success")
    with pytest.raises(DataError, match="m0 is in the store already with task=run, not walk"):
        list(import_episodes(tmp_path / "set", EpisodeStore(tmp_path / "other"), CELL, numbers, Settings()))


def test_while_somebody_records_into_a_store_nothing_is_imported(tmp_path, store, numbers):
    export(store, tmp_path / "set", numbers, Settings())
    with store.claim(), pytest.raises(DataError, match="another process records into"):
        list(import_episodes(tmp_path / "set", store, CELL, numbers, Settings()))


def test_unknown_formats_are_named_with_those_that_there_are(tmp_path, numbers):
    with pytest.raises(ConfigError, match="format='zarr' must be one of: .*numbers"):
        format_named("zarr")
    with pytest.raises(DataError, match=r"must be of one of the formats: .*numbers"):
        format_of(tmp_path)
    with pytest.raises(DataError, match="none: is not there"):
        format_of(tmp_path / "none")
