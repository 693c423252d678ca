"""The stream of kind "continuous" in this process, on a tiny store."""

import copy
import json
import math
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from drift_core.policy.checkpoint import load_checkpoint, load_latest
from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.budget import Budget, TrainedCorrection
from drift_core.training.provenance import Provenance, provenance_path
from drift_core.training.report import HeldOutLoss
from drift_core.training.rounds import CancelledError, Hooks, NoDataError, continuous, train_round
from drift_core.training.rounds import canary as canary_file
from drift_core.training.rounds import hooks as hooks_file
from drift_core.training.rounds.canary import HeldOutCanary
from drift_core.training.rounds.mixed import MixedBatches
from trainer_node.worker import make_rounds
from trainer_node.worker_messages import WorkerJob

STREAM = "{steps_per_label: 4, behind_s: 600, candidate_steps: 30, candidate_s: 60, canary_tolerance: 0.5}"

ENCODING = "encoding held-out windows, batch"
EVALUATING = "evaluating on held-out windows, batch"


def rounds_of(files, save_every_s=10.0):
    fixed = {"log_folder": "", "device": "cpu", "seed": 0, "threads": 1, "niceness": 0}
    return make_rounds(WorkerJob(**files, **fixed, save_every_s=save_every_s))


@pytest.fixture
def bootstrapped(files, record):
    """A policy trained on four demonstrations, one more held out; the train file has a stream."""
    path = Path(files["train_file"])
    path.write_text(f"{path.read_text()}\ncontinuous: {STREAM}\n")
    for number in range(4):
        record(number)
    record(4, held_out=True)
    return train_round(rounds_of(files), "offline")


class Stream:
    """A stream in a thread of its own, as the worker runs it, and all that it has said."""

    def __init__(self, files, steps=0, round_id="", save_every_s=10.0):
        self.versions, self.refused, self.backlogs = [], [], []
        self.warnings, self.steps, self.started, self.texts = [], [], [], []
        self.made = self.error = None
        self._end = threading.Event()
        hooks = Hooks(
            on_candidate=self._on_candidate,
            on_refused=self.refused.append,
            on_backlog=self._on_backlog,
            on_warning=self.warnings.append,
            on_progress=self._on_step,
            on_start=self.started.append,
            on_text=self.texts.append,
            cancelled=self._end.is_set,
        )
        self.kill_at = self.kill_at_version = None
        self._killed = threading.Event()
        self.rounds = rounds_of(files, save_every_s)
        self._thread = threading.Thread(target=self._run, args=(hooks, steps, round_id), daemon=True)
        self._thread.start()

    def _on_step(self, progress):
        self.steps.append(progress)
        if len(self.steps) == self.kill_at:
            raise KeyboardInterrupt

    def _on_candidate(self, made):
        self.versions.append(made)
        if len(self.versions) == self.kill_at_version:
            raise KeyboardInterrupt

    def _on_backlog(self, backlog):
        self.backlogs.append(backlog)
        if self._killed.is_set():
            raise KeyboardInterrupt

    def kill(self):
        self._killed.set()
        self._thread.join(30.0)
        assert isinstance(self.error, KeyboardInterrupt)

    def _run(self, hooks, steps, round_id):
        try:
            self.made = train_round(self.rounds, "continuous", hooks, steps, round_id)
        except (Exception, KeyboardInterrupt) as error:
            self.error = error

    def until(self, done, limit_s=60.0):
        pause = threading.Event()
        for _ in range(int(limit_s / 0.02)):
            if done() or not self._thread.is_alive():
                break
            pause.wait(0.02)
        assert done(), (self.error, self.backlogs[-1:], len(self.steps))

    def rests(self):
        """Whether the newest look at the disk found that nothing is owed."""
        return bool(self.backlogs) and self.backlogs[-1].steps == 0

    def look(self):
        """Wait until the stream has looked at the disk twice, as it is now."""
        here = len(self.backlogs)
        self.until(lambda: len(self.backlogs) >= here + 2)

    def settle(self):
        """Wait until what is on the disk now has had its steps."""
        self.look()
        self.until(self.rests)

    def end(self):
        self._end.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        return self.made


def trained(version):
    return {c.episode_id: c.share for c in version.corrections}


def test_steps_are_made_for_new_labels_only_and_a_version_is_announced_for_them(files, bootstrapped, record):
    stream = Stream(files)
    stream.look()
    assert stream.steps == [] and stream.versions == [], "the demonstrations had their round"
    name = record(10, kind="intervention", first_expert_step=50)  # 9 labels: 36 steps
    stream.until(lambda: len(stream.versions) == 2)
    stream.look()
    assert len(stream.steps) == 36 and stream.rests()
    assert stream.end() is stream.versions[-1] and stream.error is None
    assert [v.info.step for v in stream.versions] == [60 + 30, 60 + 36], "and when all are made"
    assert [(v.info.version, v.info.parent, v.info.reason) for v in stream.versions] == [
        (2, 1, "continuous"),
        (3, 2, "continuous"),
    ]
    assert {step.lr for step in stream.steps[5:]} == {0.5 * 1e-3}, "constant after the warm-up"
    # memory of 9 steps: 1 - d (1 - d^36) / (36 (1 - d)) with d = 8/9 is .781, and more for the warm-up
    assert trained(stream.made)[name] == pytest.approx(0.786, abs=0.006)
    assert sum(share == 1.0 for share in trained(stream.made).values()) == 4
    told = json.loads(provenance_path(stream.made.path).read_text())
    assert told["loss_on"] == stream.made.loss_on and set(told["loss_on"]) == {"new", "old"}
    beside = told["corrections"]
    assert {c["episode_id"]: c["share"] for c in beside} == trained(stream.made)
    assert beside[-1]["labels"] == 9 and beside[-1]["ended_s"] == pytest.approx(1000.0 + 99 / 50)
    before, after = (load_checkpoint(v.path).policy for v in (bootstrapped, stream.made))
    for key, value in before.encoder.state_dict().items():
        assert torch.equal(after.encoder.state_dict()[key], value)


def test_the_stream_learns_from_corrections_and_keeps_what_it_knew(files, bootstrapped, record):
    stream = Stream(files)
    for number in range(20, 24):
        record(number, kind="intervention", first_expert_step=25)
        stream.settle()
    stream.settle()
    made = stream.end()
    losses = [version.info.loss for version in (bootstrapped, made)]
    assert losses[1] < losses[0], "also on an episode that it was never trained on"
    assert all(correction.trained_on for correction in made.corrections)


def test_a_version_in_form_left_is_the_frozen_weight_plus_the_averaged_factor_times_the_directions(
    files, bootstrapped, record, monkeypatch
):
    train_file = Path(files["train_file"])
    train_file.write_text(train_file.read_text().replace("modulation: {}", "modulation: {policy: exact}"))
    made_by, stream = [], Stream(files)
    trainer_of = stream.rounds.trainer
    monkeypatch.setattr(
        stream.rounds, "trainer", lambda *args: (made_by.append(trainer_of(*args)), made_by[-1])[1]
    )
    record(10, kind="intervention", first_expert_step=50)
    stream.settle()
    made = stream.end()
    (trainer,) = made_by
    numbers = trainer._ema.state()[1]
    assert numbers and all(before == 0.0 for before, _, _ in numbers.values()), "D = 0 in every layer"
    assert made.info.rank == 0.25
    assert len(load_checkpoint(made.path).weights.factored) == len(numbers)


def test_versions_after_the_first_are_deltas_until_another_stream_begins(files, bootstrapped, record):
    train_file = Path(files["train_file"])
    train_file.write_text(train_file.read_text().replace("modulation: {}", "modulation: {policy: exact}"))
    for number, first in ((10, 2), (11, 4)):
        record(number, kind="intervention", first_expert_step=50)
        stream = Stream(files)
        stream.until(lambda stream=stream: len(stream.versions) == 2)
        made = stream.end()
        assert [version.path.name for version in stream.versions] == [
            f"policy_{first:06d}.safetensors",
            f"delta_{first + 1:06d}.safetensors",
        ]
        newest = load_latest(made.path.parent)
        assert (newest.info.version, newest.base.version) == (first + 1, first)


def test_labels_of_a_vanished_episode_leave_while_the_stream_runs(files, bootstrapped, record):
    stream = Stream(files)
    name = record(10, kind="intervention", first_expert_step=50)
    stream.until(lambda: stream.steps)
    shutil.rmtree(Path(files["episode_folder"]) / name)
    stream.until(stream.rests)
    stream.look()
    made = len(stream.steps)
    record(11, kind="intervention", first_expert_step=50)
    stream.until(lambda: len(stream.steps) > made and stream.rests())
    assert name not in trained(stream.end()), "no version after it says that it holds it"


def test_a_stream_that_was_killed_goes_on_where_it_was_saved(files, bootstrapped, record, monkeypatch):
    monkeypatch.setattr("drift_core.training.rounds.saved._SAVE_SHARE", 1e9)  # save after every step
    name = record(10, kind="intervention", first_expert_step=50)
    first = Stream(files, round_id="s", save_every_s=0.0)
    first.kill_at = 20
    first.until(lambda: first.error is not None)
    assert first.versions == []
    again = Stream(files, round_id="s")
    again.until(lambda: again.versions and again.rests())
    made = again.end()
    assert "going on from step 19" in again.texts  # what was said of step 20 was not saved
    assert len(again.steps) == 36 - 19 and made.info.step == 60 + 36
    assert trained(made)[name] == pytest.approx(0.786, abs=0.006), "the shares went on, too"
    assert list(Path(files["checkpoint_folder"]).glob("resume_*")) == []


def test_a_stream_that_goes_on_and_only_rests_ends_with_the_version_announced_before(
    files, bootstrapped, record
):
    record(10, kind="intervention", first_expert_step=50)
    first = Stream(files, round_id="s")
    first.until(lambda: len(first.versions) == 2 and first.rests())
    first.kill()
    again = Stream(files, round_id="s")
    again.look()
    made, before = again.end(), first.versions[-1]
    assert again.error is None and again.steps == [] and again.versions == []
    assert (made.path, made.sha256, made.info) == (before.path, before.sha256, before.info)
    assert (made.corrections, made.episodes) == (before.corrections, before.episodes)


def test_a_stream_that_was_killed_after_a_version_before_its_state_was_saved_still_deletes_its_versions(
    files, bootstrapped, record
):
    train_file, folder = Path(files["train_file"]), Path(files["checkpoint_folder"])
    many = STREAM.replace("candidate_steps: 30", "candidate_steps: 5, keep_versions: 2")
    train_file.write_text(train_file.read_text().replace(STREAM, many))
    record(10, kind="intervention", first_expert_step=50)
    first = Stream(files, round_id="s")
    first.kill_at_version = 4
    first.until(lambda: first.error is not None)
    assert [version.info.step for version in first.versions] == [65, 70, 75, 80], "saved at 75"
    again = Stream(files, round_id="s")
    again.until(lambda: again.versions and again.rests())
    newest = again.end().info.version
    assert not any(text.startswith("going on") for text in again.texts)
    kept = sorted(int(path.stem[-6:]) for path in folder.glob("*.safetensors"))
    assert kept == [1, newest - 1, newest] and newest > 6


def test_a_stream_that_goes_on_knows_the_rank_that_it_had(files, bootstrapped, record, monkeypatch):
    train_file, restarts = Path(files["train_file"]), []
    falling = "online: {kind: cosine, start: 1.0, end: 0.25, steps: 10}"
    constant = "online: {kind: constant, fraction: 0.25}"
    train_file.write_text(train_file.read_text().replace(constant, falling))
    monkeypatch.setattr("drift_core.training.rounds.saved._SAVE_SHARE", 1e9)  # save after every step
    record(10, kind="intervention", first_expert_step=50)
    first = Stream(files, round_id="s", save_every_s=0.0)
    first.kill_at = 20
    first.until(lambda: first.error is not None)
    monkeypatch.setattr(Budget, "averages_restarted", restarts.append)
    again = Stream(files, round_id="s")
    again.until(lambda: again.versions and again.rests())
    again.end()
    assert {step.rank for step in again.steps} == {0.25} and len(again.steps) == 36 - 19
    assert restarts == [], "no rank has changed since"


def test_a_new_stream_makes_only_the_steps_that_the_version_before_does_not_hold(files, bootstrapped, record):
    record(10, kind="intervention", first_expert_step=50)
    first = Stream(files)
    first.until(lambda: len(first.steps) == 36 and first.rests())
    share = first.end().corrections[-1].share
    again = Stream(files)
    again.until(lambda: again.versions and again.rests())
    lost = 36 * (1.0 - share)  # made, but not in the averages: about 8
    assert len(again.steps) - lost < 1.0 and 7 <= len(again.steps) <= 9
    assert again.end().corrections[-1].share > share


def test_what_a_version_has_of_steps_that_were_put_off_counts_for_the_next_stream(bootstrapped):
    half = TrainedCorrection("tuesday", 1, 10, 0.0, share=1.0, done=0.5)
    whole = TrainedCorrection("tuesday", 2, 10, 0.0, share=0.8)
    had = continuous._had(Provenance((half, whole)), bootstrapped.info, [])
    assert had == {("tuesday", 1): 5.0, ("tuesday", 2): 8.0}


def test_a_worse_candidate_is_not_announced_and_three_in_a_row_are_said_loudly(
    files, bootstrapped, record, monkeypatch
):
    monkeypatch.setattr(HeldOutCanary, "allowed", lambda self, candidate: 1e-6)
    stream = Stream(files)
    record(10, kind="intervention", first_expert_step=0)  # 19 labels: 76 steps, candidates at 30, 60 and 76
    stream.until(lambda: len(stream.refused) == 3)
    stream.until(stream.rests)
    stream.end()
    assert [refused.step for refused in stream.refused] == [90, 120, 136]
    assert str(stream.refused[0]).startswith("the candidate of step 90 is not announced: held-out loss 0.")
    assert str(stream.refused[2]).startswith("3 CANDIDATES IN A ROW ARE WORSE")
    assert stream.versions == [] and isinstance(stream.error, CancelledError)
    assert load_latest(Path(files["checkpoint_folder"])).info.version == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_candidate_whose_held_out_loss_is_not_finite_is_not_announced_and_the_stream_goes_on(
    files, bootstrapped, record, monkeypatch, value
):
    loss = HeldOutCanary.loss

    def spoilt(self, policy):
        _, *others = (true := loss(self, policy)).parts
        return replace(true, total=value, parts=(value, *others))

    monkeypatch.setattr(HeldOutCanary, "loss", spoilt)
    stream = Stream(files)
    record(10, kind="intervention", first_expert_step=50)
    stream.until(lambda: stream.refused and stream.rests())
    assert stream.versions == [] and not math.isfinite(stream.refused[0].loss)
    monkeypatch.setattr(HeldOutCanary, "loss", loss)
    record(30, kind="intervention", first_expert_step=50)
    stream.until(lambda: stream.versions)
    stream.end()


def test_the_canary_measures_by_the_last_version_on_the_windows_that_are_held_out_now(
    files, bootstrapped, record
):
    stream = Stream(files)
    record(10, kind="intervention", first_expert_step=50)
    stream.until(lambda: stream.versions and stream.rests())
    rounds, made = stream.rounds, stream.end()
    trainer = rounds.trainer(load_checkpoint(made.path).policy, rounds.file.online, rounds.file.rank.online)
    canary = HeldOutCanary(rounds, trainer, Hooks())
    same = canary.loss(load_checkpoint(made.path).policy)
    assert canary.allowed(same) == pytest.approx(1.5 * made.info.loss, rel=1e-4)
    record(30, kind="intervention", held_out=True)
    rounds.update_data(Hooks())
    now = canary.loss(load_checkpoint(made.path).policy)
    assert now.total != pytest.approx(same.total, rel=1e-4)
    assert canary.allowed(now) == pytest.approx(1.5 * now.total, rel=1e-6)


def test_a_candidate_may_be_worse_by_the_tolerance_and_by_noise_up_to_as_much_again(files, bootstrapped):
    rounds = rounds_of(files)
    rounds.update_data(Hooks())
    policy = load_checkpoint(bootstrapped.path).policy
    trainer = rounds.trainer(copy.deepcopy(policy), rounds.file.online, rounds.file.rank.online)
    canary = HeldOutCanary(rounds, trainer, Hooks())
    canary.allowed(canary.loss(policy))  # by the newest version from now on
    canary.passed(HeldOutLoss(1.0, {}, (1.0, 1.0, 1.0, 1.0)))
    even, noisy, wild = (0.0, 0.0, 0.0, 0.0), (0.1, -0.1, 0.1, -0.1), (9.0, 0.0, 0.0, 0.0)
    allowed = [
        canary.allowed(HeldOutLoss(1.0, {}, tuple(1.0 + d for d in parts))) for parts in (even, noisy, wild)
    ]
    # tolerance .5; differences of ±.1: deviation .1155, standard error of four .0577
    assert allowed == pytest.approx([1.5, 1.5 + 2 * 0.05774, 2.0], abs=1e-4)


def test_labels_that_come_too_fast_get_few_steps_at_once_and_the_others_later(files, bootstrapped, record):
    train_file = Path(files["train_file"])
    train_file.write_text(train_file.read_text().replace(STREAM, STREAM.replace("600", "1.0e-4")))
    stream = Stream(files)
    stream.look()
    assert stream.backlogs[-1].steps_per_label == 4.0
    first = record(10, kind="intervention", first_expert_step=50)  # 9 labels
    stream.settle()
    stream.until(lambda: len(stream.steps) == 36 and stream.rests())
    before = len(stream.versions)
    second = record(11, kind="intervention", first_expert_step=50)
    stream.until(lambda: len(stream.steps) == 36 + 36 and stream.rests())
    made, at_once = stream.end(), stream.versions[before]
    assert at_once.info.step == 60 + 36 + 1, "no step is done in 0.1 ms, but one is made, and announced"
    assert trained(at_once)[second] == 1.0
    assert trained(made)[first] == trained(made)[second] == 1.0


def test_labels_that_wait_are_drawn_more_often(files, bootstrapped, record, monkeypatch):
    preferred, prefer = [], MixedBatches.prefer
    train_file = Path(files["train_file"])
    train_file.write_text(train_file.read_text().replace(STREAM, STREAM.replace("{", "{new_share: 0.75, ")))

    def noted(self, corrections, share):
        prefer(self, corrections, share)
        preferred.append((set(corrections), self._preferred))

    monkeypatch.setattr(MixedBatches, "prefer", noted)
    stream = Stream(files)
    record(10, kind="intervention", first_expert_step=50)
    stream.settle()
    name = record(11, kind="intervention", first_expert_step=50)
    stream.settle()
    stream.look()
    stream.end()
    found = [rows for corrections, rows in preferred if corrections == {(name, 1)} and rows is not None]
    assert found and found[0][1] == 0.75
    assert found[0][0].tolist() == list(range(9, 18)), "behind the 9 windows of the first"
    assert preferred[-1] == (set(), None)


def test_only_the_windows_that_are_looked_at_are_encoded_piece_by_piece_and_once(
    files, bootstrapped, record, monkeypatch
):
    for number in range(5, 8):
        record(number, held_out=True)
    monkeypatch.setattr(canary_file, "_WINDOWS", 12)  # of 4 * 19
    monkeypatch.setattr(canary_file, "_AT_ONCE", 4)
    monkeypatch.setattr(hooks_file, "_SAY_S", 0.0)
    rounds, texts, cancelled = rounds_of(files), [], []
    rounds.update_data(Hooks())
    policy = load_checkpoint(bootstrapped.path).policy
    trainer = rounds.trainer(copy.deepcopy(policy), rounds.file.online, rounds.file.rank.online)
    canary = HeldOutCanary(rounds, trainer, Hooks(on_text=texts.append, cancelled=lambda: bool(cancelled)))
    encoded, encode = [], DiffusionPolicy.encode_frames

    def encode_frames(self, images, *args):
        encoded.append(len(images["top"]))
        return encode(self, images, *args)

    monkeypatch.setattr(DiffusionPolicy, "encode_frames", encode_frames)
    cancelled.append(True)
    with pytest.raises(CancelledError):
        canary.loss(policy)
    assert encoded == []
    cancelled.clear()
    loss = canary.loss(policy)
    assert encoded == [4] * 3, "one frame a window"
    said = [f"{what}: {n} of 3" for what in (ENCODING, EVALUATING) for n in range(3)]
    assert texts == [f"{ENCODING}: 0 of 3", *said]
    cancelled.append(True)  # the last version of a stream that is cancelled is still judged
    assert canary.loss(policy) == loss and len(encoded) == 3
    cancelled.clear()
    record(8, held_out=True)
    rounds.update_data(Hooks())
    assert canary.loss(policy).total != loss.total and len(encoded) == 6
    monkeypatch.undo()
    images = rounds.data.held_out.batch(torch.linspace(0, 94, 256).round().long().unique())
    assert images.features is None, "others still get images"


def test_a_stream_that_is_cancelled_while_held_out_frames_are_encoded_ends(
    files, bootstrapped, record, monkeypatch
):
    encoding = threading.Event()

    def encoded(self, batch):
        encoding.set()
        stream._end.wait(20.0)
        return batch

    monkeypatch.setattr(canary_file, "_AT_ONCE", 4)
    monkeypatch.setattr(HeldOutCanary, "_encoded", encoded)
    record(10, kind="intervention", first_expert_step=50)
    stream = Stream(files)
    stream.until(encoding.is_set)
    stream.end()
    assert isinstance(stream.error, CancelledError) and stream.versions == []


def test_without_held_out_episodes_versions_are_announced_and_that_is_said_once(files, record):
    path = Path(files["train_file"])
    path.write_text(f"{path.read_text()}\ncontinuous: {STREAM}\n")
    record(0)
    train_round(rounds_of(files), "offline", steps=5)
    stream = Stream(files)
    record(10, kind="intervention", first_expert_step=0)
    stream.until(lambda: len(stream.versions) == 3)
    stream.end()
    assert stream.warnings == ["no held-out episode yet: candidates are announced without a canary"]
    assert [version.info.loss for version in stream.versions] == [None] * 3


def test_old_versions_of_the_stream_are_deleted_those_of_rounds_stay(files, bootstrapped, record):
    train_file, folder = Path(files["train_file"]), Path(files["checkpoint_folder"])
    many = STREAM.replace("candidate_steps: 30", "candidate_steps: 5, keep_versions: 2")
    train_file.write_text(train_file.read_text().replace(STREAM, many))
    stream = Stream(files)
    record(
        10, kind="intervention", first_expert_step=50
    )  # 36 steps, a version after each 5, and the last one
    stream.until(lambda: len(stream.versions) == 8)
    stream.end()
    kept = [f"policy_00000{n}" for n in (1, 8, 9)]
    assert sorted(path.stem for path in folder.glob("*.safetensors")) == kept
    assert sorted(path.stem for path in folder.glob("*.json")) == kept


def test_an_ordered_number_of_steps_ends_the_stream(files, bootstrapped, record):
    record(10, kind="intervention", first_expert_step=0)
    stream = Stream(files, steps=40)
    stream.until(lambda: stream.made is not None)
    assert len(stream.steps) == 40 and stream.made.info.step == 60 + 40
    stream.end()


def test_a_stream_needs_a_policy_and_data_and_says_which_is_missing(files, record):
    with pytest.raises(NoDataError, match="no expert label in"):
        train_round(rounds_of(files), "continuous")
    record(0)
    with pytest.raises(NoDataError, match="no checkpoint in .* to start from: train offline first"):
        train_round(rounds_of(files), "continuous")


def test_a_round_after_a_stream_evaluates_on_images_again(files, bootstrapped, record):
    record(10, kind="intervention", first_expert_step=50)
    stream = Stream(files)
    stream.until(lambda: stream.versions and stream.rests())
    stream.end()
    assert stream.rounds.data.held_out_batches("cpu")[0].features is None
    made = train_round(stream.rounds, "online", steps=5)
    assert (made.info.parent, made.info.reason) == (stream.made.info.version, "online round 1")
    assert {c.share for c in made.corrections} == {1.0} and len(made.corrections) == 5
