"""A round of DSRL: from recorded attempts to a checkpoint with an actor, or why they teach nothing."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.episodes import EpisodeStore, held_out
from drift_core.noise import NoiseActorConfig
from drift_core.policy.checkpoint import load_latest
from drift_core.training.config import TrainFile
from drift_core.training.dsrl.canary import chunk_error
from drift_core.training.dsrl.reading import ReplayReader
from drift_core.training.rounds import (
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    Rounds,
    WorseError,
    train_round,
)
from point_episodes import CORRECTED, EXPERT, POLICY, chunk, record
from small_rounds import FILE, TASK

DRIVES = [(0.4, POLICY, 0, 1, 1), (0.4, POLICY, 0, 3, 1)]
CHUNKS = [
    replace(chunk(1, 1000.0), latent=np.full((4, 2), 0.5)),
    replace(chunk(3, 1000.4, value=2.0), latent=np.full((4, 2), -1.0)),
]
HELD_OUT = next(name for name in (f"h{n}" for n in range(100)) if held_out(name))
SMALL = {"steps": 5, "batch_size": 8, "width": 8, "denoised": 4, "actor": {"width": 8}}


def rounds_of(folder, sampler="ddim-8", save_every_s=10.0, **dsrl):
    file = FILE | {"policy": FILE["policy"] | {"sampler": sampler}, "dsrl": SMALL | dsrl}
    train_file = parse(file, TrainFile, "x.yaml")
    store = EpisodeStore(folder / "episodes")
    return Rounds(None, TASK, train_file, store, folder / "checkpoints", save_every_s=save_every_s)


def demonstrated(folder, name):
    record(folder / "episodes", name, [(1.0, EXPERT, 1, 0, 1)], [], kind="demonstration")


def attempt(folder, name, **changes):
    record(folder / "episodes", name, DRIVES, CHUNKS, policy_versions=(3,), **changes)


def replay_of(folder, demonstrations=False, sampler="ddim-8"):
    rounds = rounds_of(folder)
    policy = rounds.newest_checkpoint()[1].policy.with_noise_actor(NoiseActorConfig(width=8))
    reader = ReplayReader(rounds.store, rounds.cut, policy, sampler, 3, demonstrations)
    return policy, reader.read(lambda done, total: None)


def honest(folder, version=3):
    """Return the chunks of DRIVES as the newest policy makes them of their noise, where it sees them made."""
    rounds = rounds_of(folder)
    policy = rounds.newest_checkpoint()[1].policy
    probe = folder / "probe"
    episode = record(probe, "p1", DRIVES, CHUNKS)
    windows = WindowCutter(EpisodeStore(probe), None, TASK).at(
        episode, np.array([made.stamp_s for made in CHUNKS])
    )
    labels = np.zeros((2, 4, 2), np.float32)
    windows = windows.relabelled(np.arange(2), labels, np.ones((2, 4), bool))
    batch = WindowDataset([windows]).batch(torch.arange(2))
    seen = policy.windows(batch, torch.Generator()).condition
    noise = torch.from_numpy(np.stack([made.latent for made in CHUNKS])).float()
    with torch.no_grad():
        chunks = policy.sample(seen, policy.make_sampler("ddim-8"), torch.Generator(), initial=noise)
    return [
        replace(made, data=chunk.numpy().astype(float), policy_version=version)
        for made, chunk in zip(CHUNKS, chunks, strict=True)
    ]


@pytest.fixture
def bootstrapped(tmp_path):
    """A folder with a demonstration and a policy that has learned from it."""
    demonstrated(tmp_path, "d1")
    train_round(rounds_of(tmp_path), "offline")
    return tmp_path


def test_each_executed_chunk_is_a_transition_and_the_score_comes_with_the_last(bootstrapped):
    attempt(bootstrapped, "m1", score=0.75)
    policy, replay = replay_of(bootstrapped)
    found = replay.transitions
    assert replay.scores == (0.75,) and replay.episode_ids == ("m1",)
    assert found.reward.tolist() == [0.0, 0.75] and found.last.tolist() == [False, True]
    assert found.chosen.tolist() == [[0.5] * 8, [-1.0] * 8]
    assert torch.equal(found.following[0], found.condition[1])
    # 2 of 4 steps are executed; the chunk begins at 0 and goes on by 1 a step
    raw = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    torch.testing.assert_close(found.action[:1], policy.normalize_actions(raw))


def test_a_take_over_ends_an_attempt_with_nothing(bootstrapped):
    chunks = [CHUNKS[0], chunk(9, 1002.0, epoch=2)]
    record(bootstrapped / "episodes", "m1", CORRECTED, chunks, policy_versions=(3,))
    _, replay = replay_of(bootstrapped)
    assert replay.transitions.reward.tolist() == [0.0, 1.0], "the second attempt was a success"
    assert replay.transitions.last.tolist() == [True, True] and replay.scores == (0.0, 1.0)


def test_a_chunk_earns_what_its_steps_do_until_the_next_one_begins_or_somebody_steps_in(bootstrapped):
    # chunk 1 from 0 s on, chunk 3 from 0.4 s on; what is over at 0.4 s was still of the first
    attempt(bootstrapped, "m1", rewards=[(1.0, 0.2), (3.0, 0.4), (8.0, 0.6), (10.0, 0.8)])
    _, replay = replay_of(bootstrapped)
    assert replay.earned.tolist() == [2.0, 9.0]
    chunks = [CHUNKS[0], chunk(9, 1002.0, epoch=2)]  # the person drives from 1.0 s on
    earned = [(1.0, 0.5), (2.0, 1.0), (7.0, 1.5), (4.0, 2.3)]
    record(bootstrapped / "episodes", "m2", CORRECTED, chunks, policy_versions=(3,), rewards=earned)
    assert replay_of(bootstrapped)[1].earned.tolist() == [2.0, 9.0, 1.5, 4.0]
    attempt(bootstrapped, "m3")
    assert replay_of(bootstrapped)[1].earned.isnan().tolist() == [False] * 4 + [True] * 2


def test_rewards_of_steps_let_attempts_teach_that_ended_alike(bootstrapped):
    for name, first in (("m1", 0.0), ("m2", 4.0)):
        attempt(bootstrapped, name, score=0.0, rewards=[(first, 0.2), (2.0, 0.8)])
    texts, warned = [], []
    hooks = Hooks(on_text=texts.append, on_warning=warned.append)
    with pytest.raises(NoDataError, match="all 2 attempts in .* ended alike"):
        train_round(rounds_of(bootstrapped, rewards=False), "dsrl", hooks)
    with pytest.raises(NoDataError, match="all 2 attempts in .* ended alike"):
        train_round(rounds_of(bootstrapped), "dsrl", hooks)
    assert "of 4 of 8 chunks none is recorded" in warned[0], "the demonstration says nothing of rewards"
    train_round(rounds_of(bootstrapped, demonstrations=False), "dsrl", hooks)
    assert "rewards of steps count beside scores" in texts
    assert len([warning for warning in warned if "left out" in warning]) == 1


def test_demonstrations_teach_without_noise(bootstrapped):
    _, replay = replay_of(bootstrapped, demonstrations=True)
    assert not replay.scores and replay.transitions.chosen.isnan().all()
    # 1 s: labels at 0.0 to 0.8 s whose two executed steps are known, every second one
    assert len(replay.transitions) == 4 and replay.transitions.reward.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_noise_of_another_sampler_is_not_believed(bootstrapped):
    attempt(bootstrapped, "m1")
    _, replay = replay_of(bootstrapped, sampler="ddim-4")
    assert replay.transitions.chosen.isnan().all()


@pytest.mark.parametrize("variant", ["aliased", "sac"])
def test_a_round_changes_the_actor_and_no_weight_of_the_policy(bootstrapped, variant):
    made = honest(bootstrapped)
    for name, score in (("m1", 1.0), ("m2", 0.0)):
        record(bootstrapped / "episodes", name, DRIVES, made, score=score, policy_versions=(3,))
    before = load_latest(bootstrapped / "checkpoints")
    seen = []
    made = train_round(rounds_of(bootstrapped, variant=variant), "dsrl", Hooks(on_progress=seen.append))
    assert (made.info.version, made.info.parent, made.info.reason) == (2, 1, "dsrl on 2 attempts")
    assert [at.round_step for at in seen] == [1, 2, 3, 4, 5] and "value" in seen[0].terms
    after = load_latest(bootstrapped / "checkpoints").policy
    state = after.state_dict()
    assert all(torch.equal(state[name], value) for name, value in before.policy.state_dict().items())
    assert after.noise_actor.head.weight.any()
    train_round(rounds_of(bootstrapped, variant=variant), "dsrl")
    again = load_latest(bootstrapped / "checkpoints").policy
    assert not torch.equal(again.noise_actor.head.weight, after.noise_actor.head.weight), "it goes on"


def test_a_round_on_corrections_goes_on_without_the_actor(bootstrapped):
    attempt(bootstrapped, "m1", score=1.0)
    attempt(bootstrapped, "m2", score=0.0)
    train_round(rounds_of(bootstrapped), "dsrl")
    made = train_round(rounds_of(bootstrapped), "online", steps=3)
    assert made.info.parent == 2 and load_latest(bootstrapped / "checkpoints").policy.noise_actor is None


@pytest.mark.parametrize("variant", ["aliased", "sac", "find"])
def test_a_round_that_was_paused_goes_on_to_the_bit(bootstrapped, variant):
    made = honest(bootstrapped, version=1)
    for name, score in (("m1", 1.0), ("m2", 0.0)):
        record(bootstrapped / "episodes", name, DRIVES, made, score=score, policy_versions=(1,))
    whole = bootstrapped.with_name(f"{bootstrapped.name}_whole")
    shutil.copytree(bootstrapped, whole)
    train_round(rounds_of(whole, variant=variant), "dsrl")
    seen = []
    hooks = Hooks(on_progress=seen.append, paused=lambda: len(seen) == 3)
    rounds = rounds_of(bootstrapped, variant=variant)
    name = rounds.round_id("dsrl", 0)
    with pytest.raises(PausedError, match="broken off at step 3 of 5, saved in"):
        train_round(rounds, "dsrl", hooks, round_id=name)
    texts = []
    hooks = Hooks(on_progress=seen.append, on_text=texts.append)
    train_round(rounds_of(bootstrapped, variant=variant), "dsrl", hooks, round_id=name)
    assert [at.round_step for at in seen] == [1, 2, 3, 4, 5] and "going on from step 3 of 5" in texts
    one, other = (load_latest(folder / "checkpoints").policy.state_dict() for folder in (bootstrapped, whole))
    assert all(torch.equal(other[key], value) for key, value in one.items())
    assert not list((bootstrapped / "checkpoints").glob("resume_*"))


def test_a_paused_round_with_made_up_experience_goes_on_to_the_bit_with_what_was_made(bootstrapped):
    for name, score in (("m1", 1.0), ("m2", 0.0)):
        attempt(bootstrapped, name, score=score)
    record(bootstrapped / "episodes", "d2", [(10.0, EXPERT, 1, 0, 1)], [], kind="demonstration")
    whole = bootstrapped.with_name(f"{bootstrapped.name}_whole")
    shutil.copytree(bootstrapped, whole)
    settings = {"synthetic": SYNTHETIC | {"every": 2}}  # before the steps 1, 3 and 5
    made = train_round(rounds_of(whole, **settings), "dsrl")
    seen = []
    hooks = Hooks(on_progress=seen.append, paused=lambda: len(seen) == 3)
    name = rounds_of(bootstrapped, **settings).round_id("dsrl", 0)
    with pytest.raises(PausedError, match="broken off at step 3 of 5, saved in"):
        train_round(rounds_of(bootstrapped, **settings), "dsrl", hooks, round_id=name)
    hooks = Hooks(on_progress=seen.append)
    again = train_round(rounds_of(bootstrapped, **settings), "dsrl", hooks, round_id=name)
    assert [at.round_step for at in seen] == [1, 2, 3, 4, 5]
    assert again.info.reason == made.info.reason and again.info.reason.endswith(" synthetic transitions")
    one, other = (load_latest(folder / "checkpoints").policy.state_dict() for folder in (bootstrapped, whole))
    assert all(torch.equal(other[key], value) for key, value in one.items())


def test_a_round_that_is_killed_goes_on_from_where_it_was_saved(bootstrapped):
    class KilledError(Exception):
        """Stands in for SIGKILL: nothing of the round runs after it."""

    for name, score in (("m1", 1.0), ("m2", 0.0)):
        attempt(bootstrapped, name, score=score)

    def kill(at):
        if at.round_step == 4:
            raise KilledError

    rounds, seen = rounds_of(bootstrapped, save_every_s=0.0), []
    name = rounds.round_id("dsrl", 0)
    with pytest.raises(KilledError):
        train_round(rounds, "dsrl", Hooks(on_progress=kill), round_id=name)
    train_round(rounds_of(bootstrapped), "dsrl", Hooks(on_progress=seen.append), round_id=name)
    assert seen[0].round_step > 1 and seen[-1].round_step == 5


def test_an_actor_whose_chunks_are_far_from_what_was_demonstrated_is_not_announced(bootstrapped, monkeypatch):
    for name, score in (("m1", 1.0), ("m2", 0.0)):
        attempt(bootstrapped, name, score=score)
    told = []
    train_round(rounds_of(bootstrapped), "dsrl", Hooks(on_warning=told.append))
    assert told == ["no held-out episode yet: the new version is announced without a canary"]
    demonstrated(bootstrapped, HELD_OUT)
    texts = []
    train_round(rounds_of(bootstrapped), "dsrl", Hooks(on_text=texts.append))
    assert any(text.startswith("chunks lie ") for text in texts)
    errors = iter([0.2, 0.31])  # before and after, of which 1.5 * 0.2 = 0.3 is allowed
    monkeypatch.setattr("drift_core.training.rounds.dsrl.chunk_error", lambda *given: next(errors))
    rounds = rounds_of(bootstrapped, save_every_s=0.0)
    with pytest.raises(WorseError, match=r"0.3100 from .* of version 3 0.2000, and 0.3000 is allowed"):
        train_round(rounds, "dsrl", round_id=rounds.round_id("dsrl", 0))
    assert load_latest(bootstrapped / "checkpoints").info.version == 3
    assert not list((bootstrapped / "checkpoints").glob("resume_*"))


def test_how_far_chunks_lie_from_held_out_labels_by_hand(bootstrapped):
    demonstrated(bootstrapped, HELD_OUT)
    rounds = rounds_of(bootstrapped)
    for _ in rounds.data.update():
        pass
    policy = rounds.newest_checkpoint()[1].policy.with_noise_actor(NoiseActorConfig(width=8))
    windows = rounds.data.held_out
    assert 0 < len(windows) <= 32
    seen = policy.windows(windows.batch(torch.arange(len(windows))), torch.Generator())
    off = torch.tensor([[0.3, 0.4], [0.0, 0.0]])  # of two executed steps and two numbers

    def act(condition, latent):
        assert latent.shape == (len(windows), 4, 2)
        return seen.actions[:, :2] + off

    # of each first step (0.09 + 0.16) / 2, of each second one that is known nothing
    known = seen.mask[:, :2].sum(0)
    expected = (0.125 * known[0] / known.sum()).sqrt().item()
    assert chunk_error(policy, act, windows, 0) == pytest.approx(expected)


def test_a_stochastic_sampler_is_refused(bootstrapped):
    attempt(bootstrapped, "m1")
    with pytest.raises(ConfigError, match="sampler='ddpm-10' must be deterministic and begin from noise"):
        train_round(rounds_of(bootstrapped, "ddpm-10"), "dsrl")


def test_without_outcomes_that_differ_nothing_is_trained(bootstrapped):
    with pytest.raises(NoDataError, match="no attempt of the policy with an outcome in .* to learn from$"):
        train_round(rounds_of(bootstrapped), "dsrl")
    attempt(bootstrapped, "m1", outcome="unknown")
    attempt(bootstrapped, "m2")
    with pytest.raises(NoDataError, match="all 1 attempts in .* ended alike, with a score of 1: record some"):
        train_round(rounds_of(bootstrapped), "dsrl")
    assert load_latest(bootstrapped / "checkpoints").info.version == 1


def test_chunks_without_noise_are_no_help_to_a_critic_of_noises(bootstrapped):
    attempt(bootstrapped, "m1", score=1.0)
    attempt(bootstrapped, "m2", score=0.0)
    with pytest.raises(NoDataError, match="no chunk in .* says from which noise ddim-4 made it"):
        train_round(rounds_of(bootstrapped, "ddim-4", variant="sac"), "dsrl")


def test_noise_that_cannot_have_made_its_chunk_is_dropped_by_name(bootstrapped):
    made = honest(bootstrapped)
    bad = {
        "m2": replace(made[1], latent=np.full((8, 2), 0.5)),
        "m3": replace(made[1], latent=np.full((4, 2), 2.5)),
        "m5": replace(made[1], latent=np.full((4, 2), np.nan)),
        "m6": CHUNKS[1],
    }
    folder = bootstrapped / "episodes"
    record(folder, "m1", DRIVES, made, score=1.0, policy_versions=(3,))
    for name, last in bad.items():
        record(folder, name, DRIVES, [made[0], last], score=0.0, policy_versions=(3,))
    told = []
    train_round(rounds_of(bootstrapped, variant="sac"), "dsrl", Hooks(on_warning=told.append))
    said = next(text for text in told if text.startswith("recorded noise that is not believed"))
    assert "m1" not in said
    for name, why in (
        ("m2", "of shape (8, 2), not (4, 2)"),
        ("m3", "longer than 2 times what noise is"),
        ("m5", "not finite"),
        ("m6", "the policy makes another chunk of it (other weights, or a prefix)"),
    ):
        assert f"{name}: noise of 1 of 2 chunks (1: {why})" in said


def test_a_policy_gradient_needs_attempts_of_the_newest_version(bootstrapped):
    attempt(bootstrapped, "m1", score=1.0)  # of version 3
    attempt(bootstrapped, "m2", score=0.0)
    with pytest.raises(
        NoDataError, match="attempts of version 1 with ddim-8 in .* ended nowhere: dsrl.variant"
    ):
        train_round(rounds_of(bootstrapped, variant="find"), "dsrl")
    own = honest(bootstrapped, version=1)
    for name, score in (("m5", 1.0), ("m6", 0.0)):
        record(bootstrapped / "episodes", name, DRIVES, own, score=score, policy_versions=(1,))
    made = train_round(rounds_of(bootstrapped, variant="find"), "dsrl")
    assert made.info.reason == "find on 4 attempts"


def test_a_round_can_be_cancelled(bootstrapped):
    attempt(bootstrapped, "m1", score=1.0)
    attempt(bootstrapped, "m2", score=0.0)
    seen = []
    hooks = Hooks(on_progress=seen.append, cancelled=lambda: len(seen) == 2)
    with pytest.raises(CancelledError, match="cancelled at step 2 of 5"):
        train_round(rounds_of(bootstrapped), "dsrl", hooks)
    assert load_latest(bootstrapped / "checkpoints").info.version == 1


SYNTHETIC = {
    "chunks": 2, "trajectories": 20, "steps": 4, "every": 3, "sampler": "ddim-2",
    "network": {"width": 8, "blocks": 1, "step_dim": 8},
}  # fmt: skip


def test_a_round_with_made_up_experience_says_how_much_that_was(bootstrapped):
    for name, score in (("m1", 1.0), ("m2", 0.0)):
        attempt(bootstrapped, name, score=score)
    rounds = rounds_of(bootstrapped, synthetic=SYNTHETIC)
    with pytest.raises(
        NoDataError, match="dsrl.synthetic needs 50 recorded chunks to learn from, there are 8"
    ):
        train_round(rounds, "dsrl")
    record(bootstrapped / "episodes", "d2", [(10.0, EXPERT, 1, 0, 1)], [], kind="demonstration")
    told, seen = [], []
    made = train_round(rounds, "dsrl", Hooks(on_text=told.append, on_progress=seen.append))
    texts = [text for text in told if "synthetic transitions made, guidance 0.2" in text]
    assert len(texts) == 2, "before the steps 1 and 4"
    count = sum(int(text.split()[0]) for text in texts)
    assert made.info.reason == f"dsrl on 2 attempts and {count} synthetic transitions"
    assert seen[-1].terms["synthetic"] == int(texts[1].split()[0])
