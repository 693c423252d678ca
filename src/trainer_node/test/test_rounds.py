"""Offline bootstrapping and online rounds in this process, on a tiny store."""

import json
import re
import resource
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
import torch
from drift_config.errors import ConfigError
from drift_control.robot.robot import load_robot
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError, DataError
from drift_core.origin import Origin
from drift_core.policy.checkpoint import load_checkpoint, load_latest, save_checkpoint
from drift_core.policy.checkpoint_folder import checkpoint_path
from drift_core.task import load_task
from drift_core.training.rounds import (
    ROUND_KINDS,
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    train_round,
)
from drift_core.training.trainer import DivergedError, StepProgress, Trainer
from trainer_node.scalars import Scalars
from trainer_node.worker import make_rounds
from trainer_node.worker_messages import WorkerJob

ROBOTS = Path(__file__).resolve().parents[3] / "config" / "robots"
FOREIGN = [
    ({"robot": "ur5e"}, "robot must be point, got ur5e"),
    ({"task": "spot"}, "task must be dot, got spot"),
    ({"robot": "ur5e", "task": "spot"}, "robot must be point, got ur5e; task must be dot, got spot"),
]


def rounds_of(files, save_every_s=10.0):
    fixed = {"log_folder": "", "device": "cpu", "seed": 0, "threads": 1, "niceness": 0}
    job = WorkerJob(**files, **fixed, save_every_s=save_every_s)
    return make_rounds(job)


def test_bootstrapping_learns_and_ends_at_the_lowest_rank(files, demonstrations):
    seen = []
    made = train_round(rounds_of(files), "offline", Hooks(on_progress=seen.append))
    assert [at.round_step for at in seen] == list(range(1, 61))
    assert seen[0].rank == 1.0
    assert 0.25 <= seen[-1].rank < 0.3
    first, last = (sum(at.loss for at in part) / 10 for part in (seen[:10], seen[-10:]))
    assert last < 0.5 * first
    assert (made.info.version, made.info.parent, made.info.step) == (1, 0, 60)
    assert made.info.reason == "offline"
    assert made.episodes == 4
    # frames at 0, 0.1, ... 1.9 s, each but the last with a step 0.1 s later: 19 windows with a first label
    assert made.expert_labels == 5 * 19
    assert 0.0 < made.info.loss < 1.0
    loaded = load_latest(Path(files["checkpoint_folder"]))
    assert loaded.sha256 == made.sha256


def test_frames_that_find_no_room_in_memory_change_no_weight(files, demonstrations, tmp_path):
    train_file = Path(files["train_file"])
    losses, warned = {4096: [], 0: []}, []
    for limit_mb in (4096, 0):
        text = f"{train_file.read_text()}\nimage_memory_mb: {limit_mb}\n"
        (tmp_path / f"train_{limit_mb}.yaml").write_text(text)
        folder = str(tmp_path / f"checkpoints_{limit_mb}")
        there = files | {"train_file": str(tmp_path / f"train_{limit_mb}.yaml"), "checkpoint_folder": folder}
        hooks = Hooks(
            on_warning=warned.append, on_progress=lambda at, to=losses[limit_mb]: to.append(at.loss)
        )
        losses[limit_mb].append(train_round(rounds_of(there), "offline", hooks, steps=5).info.loss)
    full = "image_memory_mb=0 is full: the other frames are decoded whenever they are drawn"
    assert losses[4096] == losses[0] and len(losses[0]) == 6 and warned == [full]


def test_an_online_round_goes_on_from_the_newest_checkpoint_with_a_frozen_encoder(
    files, demonstrations, record
):
    rounds = rounds_of(files)
    first = train_round(rounds, "offline")
    record(10, kind="intervention", first_expert_step=50)
    record(11, kind="evaluation")
    seen = []
    second = train_round(rounds, "online", Hooks(on_progress=seen.append))
    # 100 steps, the expert drives from step 50: frames at 1.0 .. 1.9 s, of which the last has no label
    assert second.expert_labels - first.expert_labels == 9
    assert second.episodes == 5
    assert {at.rank for at in seen} == {0.25}
    assert (second.info.version, second.info.parent, second.info.step) == (2, 1, 100)
    assert second.info.reason == "online round 1"
    assert train_round(rounds, "online").info.reason == "online round 2"
    before, after = (load_checkpoint(made.path).policy for made in (first, second))
    for name, value in before.encoder.state_dict().items():
        torch.testing.assert_close(after.encoder.state_dict()[name], value, rtol=0.0, atol=0.0)
    assert not torch.equal(
        next(before.denoiser.parameters()).detach(), next(after.denoiser.parameters()).detach()
    )


def test_an_unknown_kind_of_round_is_refused_with_what_is_allowed(files):
    with pytest.raises(ConfigError, match="kind='nightly' must be one of: .*offline, .*online"):
        train_round(rounds_of(files), "nightly")


def test_a_further_kind_of_round_is_one_entry(files, demonstrations, monkeypatch):
    twice = SimpleNamespace(
        train=lambda *args: (ROUND_KINDS["offline"].train(*args), ROUND_KINDS["online"].train(*args))[1]
    )
    monkeypatch.setitem(ROUND_KINDS, "both", twice)
    started = []
    made = train_round(rounds_of(files), "both", Hooks(on_start=started.append))
    assert (made.info.version, made.info.parent, made.info.step) == (2, 1, 100)
    assert started == [0, 60], "the online part goes on from the 60 steps of the offline one"


def test_the_train_file_says_what_is_minimised_and_what_batches_carry(files, demonstrations):
    train = Path(files["train_file"])
    objective = "objective: {kind: denoising, weights: {denoising: 2.0}, future_steps: [3], returns: true}"
    plain = train_round(rounds_of(files), "offline", steps=5)
    train.write_text(f"{train.read_text()}{objective}\n")
    seen, rounds = [], rounds_of(files)
    made = train_round(rounds, "offline", Hooks(on_progress=seen.append), steps=5)
    assert all(at.loss == 2.0 * at.terms["denoising"] for at in seen)
    assert made.info.loss == 2.0 * made.held_out_terms["denoising"]
    assert plain.info.loss == plain.held_out_terms["denoising"]
    batch = rounds.data.offline.batch(torch.arange(19))  # of one episode
    assert batch.future.mask[:, 0].tolist() == [True] * 17 + [False] * 2, "the last of 20 frames has no label"
    assert batch.returns.tolist() == [1.0] * 19, "nobody scored them, they were successes"


def test_an_online_round_needs_no_memory_of_the_process_before(files, demonstrations, record):
    train_round(rounds_of(files), "offline")
    record(10, kind="intervention", first_expert_step=50)
    assert train_round(rounds_of(files), "online").info.parent == 1


def test_only_new_episodes_are_read(files, demonstrations, record):
    rounds, said = rounds_of(files), []
    train_round(rounds, "offline")
    record(10, kind="intervention")
    train_round(rounds, "online", Hooks(on_text=said.append))
    assert [text for text in said if text.startswith("read")] == ["read episode 1 of 1"]


def test_fewer_steps_shorten_the_decay_of_the_rank_with_them(files, demonstrations):
    seen = []
    train_round(rounds_of(files), "offline", Hooks(on_progress=seen.append), steps=30)
    assert len(seen) == 30
    assert seen[15].rank == pytest.approx(0.625)  # half way down from 1 to 0.25 at half time
    assert seen[-1].rank < 0.3


def test_a_round_that_was_killed_goes_on_where_it_was_saved(files, demonstrations, monkeypatch):
    monkeypatch.setattr("drift_core.training.rounds.saved._SAVE_SHARE", 1e9)  # save after every step

    class Killed(Exception):
        pass

    def kill_at_20(at):
        if at.round_step == 20:
            raise Killed

    whole = train_round(rounds_of(files), "offline", round_id="a")
    with pytest.raises(Killed):
        train_round(
            rounds_of(files, save_every_s=0.0), "offline", Hooks(on_progress=kill_at_20), round_id="b"
        )
    folder = Path(files["checkpoint_folder"])
    assert [path.name for path in folder.glob("resume_*")] == ["resume_b.safetensors"]
    seen = []
    resumed = train_round(rounds_of(files), "offline", Hooks(on_progress=seen.append), round_id="b")
    assert seen[0].round_step == 20
    assert (resumed.info.version, resumed.info.step) == (2, 60)
    assert resumed.info.rank == whole.info.rank
    assert list(folder.glob("resume_*")) == []


def test_cancelling_writes_nothing(files, demonstrations):
    seen = []
    hooks = Hooks(on_progress=seen.append, cancelled=lambda: len(seen) >= 3)
    with pytest.raises(CancelledError, match="cancelled at step 3 of 60"):
        train_round(rounds_of(files), "offline", hooks, round_id="a")
    assert not Path(files["checkpoint_folder"]).exists()


def test_a_diverged_round_writes_nothing(files, demonstrations, monkeypatch):
    def diverge(trainer, next_batch, steps=None, on_step=None):
        raise DivergedError("loss=nan")

    monkeypatch.setattr(Trainer, "run", diverge)
    with pytest.raises(DivergedError):
        train_round(rounds_of(files), "offline")
    assert not Path(files["checkpoint_folder"]).exists()


def test_without_labels_or_checkpoint_it_says_what_is_missing(files, record):
    with pytest.raises(NoDataError, match="no demonstration with an expert label"):
        train_round(rounds_of(files), "offline")
    record(0, first_expert_step=100)  # nobody's labels
    with pytest.raises(NoDataError, match="no expert label"):
        train_round(rounds_of(files), "online")
    record(1)
    with pytest.raises(NoDataError, match="train offline first"):
        train_round(rounds_of(files), "online")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def black_out(path):
    """Replace every picture by nothing, in a file that is whole."""
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    empty = pa.array([b""] * len(table), pa.binary())
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table.set_column(3, "image", empty))


@pytest.mark.parametrize(
    "file, damage, reason",
    [
        ("steps.arrow", lambda path: path.write_bytes(b"not arrow"), "steps.arrow: cannot be read"),
        ("camera_top.arrow", cut, "camera_top.arrow: cannot be read"),
        (
            "camera_top.arrow",
            black_out,
            r"camera_top.arrow: frame stamped .*: png cannot be decoded \(0 bytes\)",
        ),
        ("episode.json", lambda path: path.write_bytes(b""), "episode.json: cannot be read"),
        ("episode.json", lambda path: path.unlink(), "episode.json: cannot be read"),
    ],
)
def test_an_episode_that_cannot_be_read_is_left_out_with_its_reason(
    files, demonstrations, file, damage, reason
):
    broken = Path(files["episode_folder"]) / "demonstration-0-0"
    damage(broken / file)
    said = []
    made = train_round(rounds_of(files), "offline", Hooks(on_text=said.append), steps=2)
    assert made.episodes == 3
    assert list(made.left_out) == [broken.name] and re.search(reason, made.left_out[broken.name])
    assert any(re.search(f"{broken.name} cannot be trained on: .*{reason}", text) for text in said)


def test_where_nothing_can_be_trained_on_every_episode_has_its_reason(files, record):
    held_out = record(0, held_out=True)
    with pytest.raises(NoDataError, match=f"held out, as one episode in ten is: {held_out} "):
        train_round(rounds_of(files), "offline")
    broken, idle = record(1), record(2, first_expert_step=100)
    (Path(files["episode_folder"]) / broken / "episode.json").write_text("")
    with pytest.raises(NoDataError) as error:
        train_round(rounds_of(files), "offline")
    assert f"{broken}: " in str(error.value) and "episode.json: cannot be read" in str(error.value)
    assert f"{idle}: no label: the expert drove no control step" in str(error.value)
    assert "held out" in str(error.value)


def test_idle_windows_are_counted_and_the_train_file_may_leave_them_out(files, record):
    record(0, pause_s=1.5)
    train = Path(files["train_file"])
    made = train_round(rounds_of(files), "offline", steps=2)
    # 8 labels reach 0.8 s ahead: of 1.5 s of standing still, windows at 0.0 ... 0.7
    assert (made.expert_labels, made.idle_labels) == (19, 8)
    text = train.read_text()
    train.write_text(text.replace("threads: 1}", "threads: 1, idle_weight: 0.0}", 1))
    without = rounds_of(files)
    drawn = []
    batch = without.data.offline.batch
    without.data.offline.batch = lambda rows, *part: (drawn.extend(rows.tolist()), batch(rows, *part))[1]
    train_round(without, "offline", steps=5)
    assert set(drawn) <= set(range(8, 19)) and len(drawn) == 5 * 16


def test_several_views_of_each_frame_are_cached(files, demonstrations, record):
    train = Path(files["train_file"])
    views = "freeze_encoder: true, shift_px: 2, feature_views: 3"
    train.write_text(train.read_text().replace("freeze_encoder: true", views))
    rounds = rounds_of(files)
    train_round(rounds, "offline")
    record(10, kind="intervention")
    train_round(rounds, "online")
    views = []
    for number in range(3):
        rounds.cache.choose(number)
        views.append(rounds.data.online.batch(torch.arange(19)).features)
    assert not torch.equal(views[0], views[1]) and not torch.equal(views[1], views[2])


def test_a_checkpoint_of_another_policy_is_refused_by_key_value_and_what_is_expected(files, demonstrations):
    train_round(rounds_of(files), "offline")
    other = rounds_of(files)
    other._config = replace(other._config, action_steps=3)
    with pytest.raises(
        CheckpointError, match=r"000001\.safetensors of another architecture: action_steps=3 expected, got 4"
    ):
        train_round(other, "online")


@pytest.mark.parametrize("changes, objection", FOREIGN)
def test_an_episode_of_another_robot_or_task_is_left_out_by_name(files, demonstrations, changes, objection):
    store = EpisodeStore(files["episode_folder"])
    foreign = next(name for name in store.ids() if not store.held_out(name))
    meta = store.root / foreign / "episode.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | changes))
    warned = []
    made = train_round(rounds_of(files), "offline", Hooks(on_warning=warned.append), steps=2)
    assert made.left_out == {foreign: f"recorded elsewhere: {objection}"}
    assert (made.episodes, made.expert_labels) == (3, 4 * 19), "one of the four labelled ones is held out"
    assert warned == [f"episode {foreign} cannot be trained on: recorded elsewhere: {objection}"]

    counter = LabelCounter(store, WindowCutter(store, None, load_task(Path(files["task_file"]))))
    assert counter.add_all() == [f"episode {foreign}: recorded elsewhere: {objection}"]
    assert counter.total == 4 * 19
    with pytest.raises(DataError, match=f"recorded elsewhere: {objection}"):
        counter.add(foreign)


@pytest.mark.parametrize("changes, objection", FOREIGN)
def test_a_checkpoint_of_another_robot_or_task_is_no_parent_though_it_fits(
    files, demonstrations, changes, objection
):
    train_round(rounds_of(files), "offline", steps=2)
    folder = Path(files["checkpoint_folder"])
    made = load_latest(folder)
    path = checkpoint_path(folder, 2)
    save_checkpoint(path, made.policy, replace(made.info, version=2, **changes))
    with pytest.raises(CheckpointError, match=re.escape(f"{path} is no policy to go on from: {objection}")):
        train_round(rounds_of(files), "online")
    assert not checkpoint_path(folder, 3).exists()


def test_an_arm_with_another_hand_is_another_robot_and_with_its_usual_hand_named_the_same(files):
    task = load_task(Path(files["task_file"]))

    def objection(here, there):
        arm, other = (load_robot(ROBOTS / f"{name}.yaml") for name in (here, there))
        return Origin.of(arm, task).objection(Origin.of(other, task))

    assert objection("panda", "panda+parallel_hand") == ""
    assert objection("panda+none", "panda") == "robot must be panda+none, got panda"
    assert objection("ur10e", "ur5e") == "robot must be ur10e, got ur5e", "six joints each"


@pytest.mark.parametrize("kind, at", [("offline", 1), ("offline", 37), ("offline", 60), ("online", 17)])
def test_a_round_that_was_paused_goes_on_to_the_bit(files, demonstrations, tmp_path, kind, at):
    folder = Path(files["checkpoint_folder"])
    if kind == "online":
        train_round(rounds_of(files), "offline")
        shutil.copytree(folder, tmp_path / "other")
    whole = train_round(rounds_of(files | {"checkpoint_folder": str(tmp_path / "other")}), kind)

    seen: list[int] = []
    hooks = Hooks(
        on_progress=lambda progress: seen.append(progress.round_step),
        paused=lambda: len(seen) == at,
    )
    first = rounds_of(files)
    round_id = first.round_id(kind, 0)
    with pytest.raises(PausedError, match=f"broken off at step {at} of .*, saved in .*/paused_{round_id}"):
        train_round(first, kind, hooks, round_id=round_id)
    assert [
        path.name for path in folder.glob("*_*.safetensors") if path.name != "policy_000001.safetensors"
    ] == [f"paused_{round_id}.safetensors"]

    again = rounds_of(files)  # as in a new process
    assert again.round_id(kind, 0) == round_id
    made = train_round(again, kind, Hooks(on_progress=hooks.on_progress), round_id=round_id)
    assert seen == list(range(1, whole.info.step - (60 if kind == "online" else 0) + 1)), "no step twice"
    assert (made.info.version, made.info.loss) == (whole.info.version, whole.info.loss)
    one, other = (load_checkpoint(report.path).policy.state_dict() for report in (whole, made))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert not [*folder.glob("paused_*"), *folder.glob("resume_*")]


def test_a_paused_round_is_another_one_when_anything_of_it_changes_and_is_not_deleted(
    files, demonstrations, record
):
    rounds = rounds_of(files)
    names = [rounds.round_id("offline", 0), rounds.round_id("online", 0), rounds.round_id("offline", 5)]
    seen = []
    with pytest.raises(PausedError):
        train_round(
            rounds, "offline", Hooks(on_progress=seen.append, paused=lambda: bool(seen)), round_id=names[0]
        )
    record(20)
    names.append(rounds_of(files).round_id("offline", 0))
    train_round(rounds_of(files), "offline", steps=2, round_id="b")
    names.append(rounds_of(files).round_id("offline", 0))
    assert len(set(names)) == 5
    assert [path.name for path in Path(files["checkpoint_folder"]).glob("paused_*")] == [
        f"paused_{names[0]}.safetensors"
    ]


def test_without_a_name_a_round_that_is_to_pause_is_cancelled(files, demonstrations):
    seen = []
    with pytest.raises(CancelledError, match="cancelled at step 2 of 60"):
        train_round(
            rounds_of(files), "offline", Hooks(on_progress=seen.append, paused=lambda: len(seen) == 2)
        )
    assert not Path(files["checkpoint_folder"]).exists()


def test_a_full_disk_is_said_leaves_nothing_half_written_and_is_no_matter_once_there_is_room(
    files, demonstrations
):
    warned, folder = [], Path(files["checkpoint_folder"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        hooks = Hooks(on_warning=warned.append)
        with pytest.raises(OSError, match="File too large"):
            train_round(rounds_of(files, save_every_s=0.0), "offline", hooks, steps=3, round_id="a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert warned and all("the state of the round is not saved: " in text for text in warned)
    assert list(folder.iterdir()) == []
    assert train_round(rounds_of(files), "offline", steps=3, round_id="a").info.version == 1


def test_scalars_that_cannot_be_written_are_said_once_and_end_nothing(tmp_path, capfd):
    (tmp_path / "file").write_text("")
    at = StepProgress(1, 1, 2, 0.5, {"denoising": 0.5}, 1.0, 1e-3, 0.9, 1.0, 1.0, 0.1)
    with Scalars(tmp_path / "file" / "tensorboard") as scalars:
        for step in range(3):
            scalars.step(at, step, 1.0)
    said = capfd.readouterr().err
    assert said.count("no TensorBoard scalars in ") == 1 and "Not a directory" in said
