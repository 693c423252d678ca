"""`drift data replay`, as a user meets it: on episodes recorded by the in-process shell."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from click.testing import Result
from drift.cli import app
from drift.configuration import config_file
from drift.data.policy_error import policy_errors
from drift.driver_colours import rgb
from drift.errors import UserError
from drift.picture.recorded import RecordedEpisode
from drift.picture.sheet import HEIGHT, WIDTH
from drift.picture.view import View
from drift.simulation import make_shell
from drift_control.robot.robot import load_robot
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.data.cutter import WindowCutter
from drift_core.data.windows import WindowSet
from drift_core.episodes import (
    ChunkRecord,
    Chunks,
    Episode,
    EpisodeMeta,
    EpisodeStore,
    EpisodeWriter,
    StepRecord,
    Steps,
    StepSource,
    relabel,
)
from drift_core.errors import DataError
from drift_core.policy.checkpoint import save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from recorded_episodes import EXPERT, record
from typer.testing import CliRunner

SEED = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run with one demonstration in simulation, of some seconds."""
    folder = tmp_path_factory.mktemp("run")
    shell = make_shell("panda", "place")
    writer = shell.writer(folder, "m0", SEED, "demonstration")
    result = shell.run_episode(SEED, expert=shell.expert("demonstrate", SEED), writer=writer, tail_s=0.5)
    assert result.success
    shell.close()
    yield folder


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one second of a demonstration."""
    folder = tmp_path_factory.mktemp("short")
    shell = make_shell("panda", "place")
    writer = shell.writer(folder, "m0", SEED, "demonstration")
    shell.run_episode(SEED, expert=shell.expert("demonstrate", SEED), writer=writer, duration_s=1.0)
    shell.close()
    return folder


def replay(*arguments: object) -> Result:
    answer = CliRunner().invoke(app, ["data", "replay", *map(str, arguments)])
    if isinstance(answer.exception, (UserError, DataError)):
        raise answer.exception
    return answer


def in_numbers(answer: Result) -> dict[str, Any]:
    return json.loads(answer.stdout)


def test_the_simulation_does_to_the_bit_what_it_did(run: Path) -> None:
    answer = replay(run, "m0", "--json", "--limit-rad", 0)
    assert answer.exit_code == 0
    found = in_numbers(answer)
    assert found["steps"] == EpisodeStore(run).meta("m0").steps
    assert found["joints_max_rad"] == [0.0] * 7 and found["gripper_max_m"] == 0.0
    assert (found["outcome_then"], found["outcome_now"]) == ("success", "success")


def test_another_outcome_is_exit_code_1(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "m0", tmp_path / "m0")
    relabel(tmp_path / "m0", "failure", None)
    answer = replay(tmp_path, "m0")
    assert answer.exit_code == 1 and "outcome  failure then, success now" in answer.stdout
    relabel(tmp_path / "m0", "unknown", None)
    assert replay(tmp_path, "m0").exit_code == 0  # nobody said what it should be


def rewritten(run: Path, into: Path, **changed: Any) -> None:
    """Record m0 once more, with other control steps: `commanded` and `measured` are functions of them."""
    episode = EpisodeStore(run).read("m0")
    steps = episode.steps
    with EpisodeWriter(
        into, EpisodeMeta("m0", "panda", "place", SEED, "demonstration", (), 0.1, 1000.0)
    ) as w:
        for n in range(0, len(steps), changed.get("every", 1)):
            fields = {name: getattr(steps, name)[n] for name in StepRecord.__dataclass_fields__}
            for name in ("commanded", "measured"):
                if name in changed:
                    fields[name] = changed[name](fields[name], n)
            w.add_step(StepRecord(**fields))
        w.close("success")


def test_a_record_that_the_arm_did_not_follow_is_exit_code_1(run: Path, tmp_path: Path) -> None:
    # from step 100 on, 2.0 s, the record has the first joint 0.05 rad further than the simulation
    rewritten(run, tmp_path, measured=lambda q, n: q + (n >= 100) * np.eye(8)[0] * 0.05)
    answer = replay(tmp_path, "m0", "--json", "--limit-rad", 0.02)
    found = in_numbers(answer)
    assert answer.exit_code == 1 and found["apart_s"] == pytest.approx(2.0)
    assert found["joints_max_rad"][0] == pytest.approx(0.05) and found["joints_max_rad"][1] == 0.0
    assert replay(tmp_path, "m0", "--limit-rad", 0.06).exit_code == 0


def test_a_record_of_fewer_steps_than_the_loop_makes_is_driven_through_what_lies_between(
    run: Path, tmp_path: Path
) -> None:
    # each fifth step, 10 Hz, as data sets have them: held until the next, a command would be 80 ms late
    rewritten(run, tmp_path, every=5)
    found = in_numbers(replay(tmp_path, "m0", "--json", "--limit-rad", 0.02))
    assert found["apart_s"] is None and found["outcome_now"] == "success"
    assert 0.0 < max(found["joints_max_rad"])


def test_an_episode_that_cannot_be_driven_again_is_named(run: Path, tmp_path: Path) -> None:
    record(tmp_path, "m1", [])
    with pytest.raises(DataError, match="episode m1: .* without a command"):
        replay(tmp_path, "m1")
    record(tmp_path, "m2", [EXPERT], task="juggle")
    with pytest.raises(UserError, match="task=juggle must be one of"):
        replay(tmp_path, "m2")
    record(tmp_path, "m3", [EXPERT], robot="ur5e")
    with pytest.raises(DataError, match="episode m3: 7 joints were recorded, the ur5e has 6"):
        replay(tmp_path, "m3")
    with pytest.raises(UserError, match="must end in .mp4, .gif"):
        replay(run, "m0", "--video", tmp_path / "film.avi")
    with pytest.raises(UserError, match="--recorded show the episode: leave --policy away"):
        replay(run, "m0", "--policy", tmp_path, "--video", tmp_path / "film.gif")


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_the_film_has_a_picture_for_each_tenth_of_a_second(short: Path, tmp_path: Path, suffix: str) -> None:
    film = tmp_path / f"film{suffix}"
    replay(short, "m0", "--video", film)
    if suffix == ".mp4":
        with av.open(str(film)) as container:
            sizes = [(frame.height, frame.width) for frame in container.decode(video=0)]
    else:
        _, animation = cv2.imreadanimation(str(film))
        sizes = [frame.shape[:2] for frame in animation.frames]
    # as high and wide as the sheet; a GIF is 640 wide, and as much lower
    assert set(sizes) == {(HEIGHT, WIDTH) if suffix == ".mp4" else (415, 640)}
    assert len(sizes) == 10


def test_what_was_recorded_is_shown_without_driving_it_again_also_of_an_unknown_arm(tmp_path: Path) -> None:
    record(tmp_path, "m1", [EXPERT] * 26, robot="ours", frames_s=[0.0, 0.2])
    words = ["replay", str(tmp_path), "m1", "--recorded", "--video", str(tmp_path / "m1.mp4")]
    answer = CliRunner().invoke(app, words)  # the short name of the same command
    assert answer.exit_code == 0 and str(tmp_path / "m1.mp4") in answer.stdout
    with av.open(str(tmp_path / "m1.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 6  # 0.5 s
    assert pictures[3][200, 200].tolist() == pytest.approx([100] * 3, abs=3)  # what the camera saw
    with pytest.raises(UserError, match="--recorded shows the episode: say --video FILE"):
        replay(tmp_path, "m1", "--recorded")


def test_a_picture_of_a_recording_shows_the_chunk_that_the_policy_wanted_then() -> None:
    robot = load_robot(config_file("robot", "panda"))
    measured = np.tile(np.append(robot.home, 0.04), (11, 1))
    points = np.tile([0.45, 0.0, 0.1, 1.0, 0, 0, 0, -1.0, 0, 0.0], (16, 1))
    columns = {name: np.zeros(11) for name in StepRecord.__dataclass_fields__}
    columns |= {
        "stamp_s": 5.0 + 0.1 * np.arange(11),
        "measured": measured,
        "proposed_chunk_id": np.full(11, 4),
    }
    ones = {name: np.ones(2) for name in ChunkRecord.__dataclass_fields__}
    chunks = ones | {"id": np.array([3, 4]), "stamp_s": np.array([1.0, 5.0]), "dt_s": np.full(2, 0.5)}
    chunks |= {"action_space": np.array(["tcp_pose"] * 2), "data": [points + 1.0, points]}
    meta = EpisodeMeta("m", "panda", "place", 0, "intervention", (), 0.1, 5.0, outcome="success")
    episode = Episode(meta, Steps(**columns), None, {}, Chunks(**chunks))  # type: ignore[arg-type]
    down = np.array([[0.0, -1.0, 0.0, 0.45], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.1], [0, 0, 0, 1.0]])
    lens = Intrinsics(640, 480, np.array([[600.0, 0, 319.5], [0, 600.0, 239.5], [0, 0, 1.0]]), np.zeros(5))
    cell = np.full((480, 640, 3), 50, np.uint8)
    RecordedEpisode(episode, robot).sheet(0.5, cell, View(lens, down))
    assert cell[239:241, 319:321].reshape(-1, 3).tolist() == [list(rgb(StepSource.POLICY))] * 4


class ConstantPolicy:
    """Stands in for a policy that always wants the same action, (10,)."""

    def __init__(self, action: list[float]) -> None:
        self.config = SimpleNamespace(action_steps=2, action_space="tcp_pose")
        self.device, self._action = torch.device("cpu"), torch.tensor(action)

    def make_sampler(self, name: str) -> Any:
        return SimpleNamespace(reset=lambda: None)

    def encode_frames(self, images: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.zeros(0, 0)

    def condition(self, features: torch.Tensor, index: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        return state.flatten(1)

    def sample(self, condition: torch.Tensor, sampler: Any, generator: torch.Generator) -> torch.Tensor:
        return self._action.expand(len(condition), 3, 10)


def labelled(actions: np.ndarray, mask: np.ndarray, intervention: list[int]) -> WindowSet:
    """Windows without cameras whose labels are `actions` (N, 3, 10) where `mask` (N, 3) says so."""
    count = len(actions)
    return WindowSet(
        episode_id="m0",
        t_ref_s=1000.0 + 0.1 * np.arange(count),
        frames={},
        frame_rows=np.zeros((1, 0), dtype=np.int64),
        frame_index=np.zeros((count, 1), dtype=np.int64),
        state=np.zeros((count, 1, 17), dtype=np.float32),
        actions=actions.astype(np.float32),
        mask=mask,
        window_class=np.ones(count, dtype=int),
        idle=np.zeros(count, dtype=bool),
        intervention=np.array(intervention),
    )


def test_the_error_of_a_policy_is_that_of_the_executed_steps_for_each_take_over() -> None:
    wanted = [0.43, 0.04, 0.2, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.08]
    actions = np.tile(np.array([0.40, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.07]), (3, 3, 1))
    actions[2, :, :3] = wanted[:3]
    actions[2, :, 3:9] = [0.0, 1.0, 0.0, -1.0, 0.0, 0.0]  # a quarter turn about z
    actions[:, 2] = 9.0  # the third step of a chunk is not executed
    mask = np.array([[True, True, True], [True, False, False], [True, True, True]])
    errors = policy_errors(
        ConstantPolicy(wanted),  # type: ignore[arg-type]
        labelled(actions, mask, [1, 1, 2]),
        "ddim-8",
        seed=0,
    )
    assert errors is not None
    first, second = errors.by_take_over[1], errors.by_take_over[2]
    # 30 and 40 mm are 50 mm; take-over 1 has two windows with three executed labels
    assert (first.labels, second.labels, errors.whole.labels) == (2, 1, 3)
    assert first.position_mm == pytest.approx(50.0, abs=1e-3) and first.rotation_deg == pytest.approx(0.0)
    assert second.position_mm == pytest.approx(0.0, abs=1e-3)
    assert second.rotation_deg == pytest.approx(90.0, abs=1e-3)
    assert errors.whole.gripper_mm == pytest.approx(10.0, abs=1e-3)
    # five executed labels: three 50 mm away, two not at all
    assert errors.whole.position_mm == pytest.approx(30.0, abs=1e-3)
    assert np.isnan(errors.position_m[1, 1])
    nobody = labelled(actions, np.zeros((3, 3), bool), [0, 0, 0])
    assert policy_errors(ConstantPolicy(wanted), nobody, "ddim-8", seed=0) is None  # type: ignore[arg-type]


def test_a_checkpoint_is_shown_what_was_recorded(run: Path, tmp_path: Path) -> None:
    recipe = load_train_file(config_file("train", "smoke"))
    arm, task = load_robot(config_file("robot", "panda")), load_task(config_file("task", "place"))
    policy = DiffusionPolicy(recipe.policy_config(task, arm.n_joints))
    info = CheckpointInfo("place", "panda", 1, 0, 1.0, 1.0, 0, None, "untrained", 0.0)
    save_checkpoint(tmp_path / "policy_000001.safetensors", policy, info)
    checkpoint = tmp_path / "policy_000001.safetensors"
    out = tmp_path / "errors.png"
    found = in_numbers(
        replay(run, "m0", "--policy", checkpoint, "--sampler", "ddim-2", "--out", out, "--json")
    )
    labels = WindowCutter(EpisodeStore(run), arm, task).labels("m0").count
    assert found["whole"]["labels"] == labels > 20 and list(found["by_take_over"]) == ["1"]
    assert found["whole"]["position_mm"] > 10.0
    assert out.stat().st_size > 1000
    record(tmp_path / "other", "u0", [EXPERT], robot="ur5e")
    with pytest.raises(UserError, match="u0 does not fit .*: robot must be panda, got ur5e"):
        replay(tmp_path / "other", "u0", "--policy", checkpoint)
