"""Actions and observations to come, denoised together: who sees whom, and what trains on what there is."""

from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.denoisers import JointConfig, Seen, make_denoiser
from drift_core.denoisers.joint import FeaturesConfig, ImageConfig, StateConfig
from drift_core.denoisers.joint.ahead import Ahead
from drift_core.denoisers.joint.modalities import make_modalities
from drift_core.denoisers.joint.path import FuturePath, foresee
from drift_core.denoisers.windows import FutureWindows, Noise, Windows
from drift_core.engines import make_engine
from drift_core.objectives import DenoisingObjective
from drift_core.policy.batch import Future
from drift_core.policy.checkpoint import load_checkpoint, save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.training.trainer import Trainer
from training_case import CONFIG, FALLING, LEFT, make_policy, next_batch

MASKS = ("published", "droppable")
SEEN = Seen(feature_dim=6, state_dim=3, cameras=("front",))
IMAGE = ImageConfig(camera="front", size=4, patch=2)
ALL, STATE = (FeaturesConfig(), StateConfig(), IMAGE), (StateConfig(),)


def config(mask, modalities=ALL):
    return JointConfig(
        mask=mask, modalities=modalities, future_steps=(2, 5), width=16, heads=2, blocks=2, step_dim=8
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(mask):
    torch.manual_seed(0)
    made = make_denoiser(config(mask), 8, 2, 5, SEEN)
    with torch.no_grad():  # adaLN starts at zero: give it something to say
        for parameter in made.films.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator(1)))
    return made


def windows(count=6, seed=2):
    """Return windows over eight frames; all labels are valid, all observations to come are there."""
    random = generator(seed)
    shape = (count, 2)
    future = FutureWindows(
        features=torch.randn(*shape, 6, generator=random),
        state=torch.randn(*shape, 3, generator=random),
        mask=torch.ones(shape, dtype=torch.bool),
        frame_index=torch.randint(8, shape, generator=random),
        images={"front": torch.randint(256, (8, 3, 8, 8), dtype=torch.uint8, generator=random)},
    )
    condition = torch.randn(count, 5, generator=random)
    actions = torch.randn(count, 8, 2, generator=random)
    return Windows(condition, actions, torch.ones(count, 8, dtype=torch.bool), future)


def terms(net, seen, seed=3):
    return net.loss_terms(seen, Noise(NoiseSchedule(100), "sample", generator(seed), 2))


def latents(net, batch=2):
    random = generator(4)
    film = net.step_film(torch.tensor([40] * batch)) + net.condition_film(
        torch.randn(batch, 5, generator=random)
    )
    z = torch.randn(batch, *net.ahead.shape, generator=random)
    return torch.randn(batch, 8, 2, generator=random), z, film


# --- who sees whom


@torch.no_grad()
def test_droppable_actions_are_the_same_to_the_bit_without_the_branch():
    net = network("droppable").eval()
    x, z, film = latents(net)
    together, _ = net.together(x, z, film)
    assert net.latent_shape == (8, 2) and torch.equal(net.trunk(x, film), together)
    policy = joint_policy("droppable").eval()
    alone, joint = (policy.sample(torch.ones(1, 3), sampler, generator()) for sampler in both_ways(policy))
    assert torch.equal(alone, joint)


def both_ways(policy):
    """Return a sampler as it is, and one that runs the whole network and is handed the actions of it."""

    class Whole:
        def __init__(self, sampler):
            self.sampler = sampler

        def sample(self, denoise, *rest):
            net, z = policy.denoiser, torch.randn(1, *policy.denoiser.ahead.shape, generator=generator(8))
            table, observed = net.step_table(100), net.condition_film(torch.ones(1, 3))
            return self.sampler.sample(lambda x, k: net.together(x, z, table[k] + observed)[0], *rest)

    return policy.make_sampler("ddim-4"), Whole(policy.make_sampler("ddim-4"))


@torch.no_grad()
def test_the_mask_says_who_sees_whom():
    for mask, actions_see_future in (("published", True), ("droppable", False)):
        net = network(mask).eval()
        x, z, film = latents(net)
        actions, future = net.together(x, z, film)
        of_other_z, _ = net.together(x, z + 1.0, film)
        _, of_other_x = net.together(x + 1.0, z, film)
        assert torch.equal(of_other_z, actions) is not actions_see_future
        assert torch.equal(of_other_x, future) is actions_see_future


@pytest.mark.parametrize("mask", MASKS)
def test_each_parameter_learns_and_each_modality_has_a_term(mask):
    net = network(mask)
    found = terms(net, windows())
    assert list(found) == ["denoising", "future_features", "future_state", "future_image_front"]
    sum(found.values()).backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize("mask", MASKS)
def test_what_a_window_lacks_changes_nothing(mask):
    net, seen = network(mask).eval(), windows()
    labels = seen.mask.clone()
    labels[:3] = False  # three windows of a video
    there = seen.future.mask.clone()
    there[3:, 1] = False  # three at the end of an episode
    lacking = replace(seen, mask=labels, future=replace(seen.future, mask=there))
    expected = terms(net, lacking)
    actions, state = seen.actions.clone(), seen.future.state.clone()
    actions[:3] += 7.0
    state[3:, 1] += 7.0
    changed = replace(lacking, actions=actions, future=replace(lacking.future, state=state))
    for name, value in terms(net, changed).items():
        torch.testing.assert_close(value, expected[name])
    assert not torch.allclose(terms(net, seen)["future_state"], expected["future_state"])


def test_windows_of_nothing_but_video_train_what_is_foreseen():
    net, seen = network("droppable"), windows()
    found = terms(net, replace(seen, mask=torch.zeros_like(seen.mask)))
    assert found["denoising"].item() == 0.0
    sum(found.values()).backward()
    assert net.ahead.enters[0].weight.grad.any() and not net.enter.weight.grad.any()
    assert net.blocks[0].qkv.weight.grad.any()  # shared by both kinds of tokens


# --- modalities


def test_a_small_image_is_the_mean_of_its_parts_patch_by_patch():
    (modality,) = make_modalities((ImageConfig(camera="front", size=2, patch=1),), SEEN)
    frames = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    frames[:, 0, :2, :2] = 255  # red, above on the left
    index = torch.zeros(1, 1, dtype=torch.long)
    future = FutureWindows(torch.zeros(1, 1, 0), torch.zeros(1, 1, 3), index.bool(), index, {"front": frames})
    expected = [1.0, -1.0, -1.0] + [-1.0] * 9  # rgb of four tokens
    assert (modality.tokens, modality.dim) == (4, 3)
    assert modality.read(future).flatten().tolist() == expected


def test_what_is_foreseen_is_measured_in_spreads_around_the_mean():
    ahead = Ahead(make_modalities((StateConfig(), FeaturesConfig()), SEEN), 2, 8)
    assert ahead.standard(torch.full((9,), 3.0)).tolist() == [3.0] * 9  # nothing is known
    seen = torch.tensor([0.0, 2.0])[None, :, None].repeat(1, 1, 9)
    ahead.learn(seen, torch.ones(1, 2, dtype=torch.bool), lambda value: 2.0 * value)  # of two processes
    assert ahead.weight.item() == 4.0
    torch.testing.assert_close(ahead.standard(torch.full((9,), 2.0)), torch.ones(9))  # mean 1, spread 1
    ahead.learn(10.0 + seen, torch.zeros(1, 2, dtype=torch.bool), lambda value: value)  # none of it is there
    torch.testing.assert_close(ahead.standard(torch.full((9,), 2.0)), torch.ones(9))
    apart = torch.tensor([2.0] * 3 + [0.0] * 6)  # each modality counts alike: (4 + 0) / 2
    assert ahead.distance(apart, torch.zeros(9)).item() == 2.0


# --- beside a sampler


class Counting:
    """A network that says 0.5 whatever it sees, and remembers z."""

    def __init__(self):
        self.seen = []

    def packed(self, x, z):
        return torch.cat([x.flatten(1), z.flatten(1)], dim=1)

    def unpacked(self, rows):
        return rows[:, :2].view(1, 2, 1), rows[:, 2:].view(1, 1, 1)

    def run(self, rows, k):
        self.seen.append((int(k), float(rows[0, 2])))
        return torch.full_like(rows, 0.5)


def test_observations_to_come_follow_the_steps_of_the_sampler():
    net, schedule = Counting(), NoiseSchedule(100)
    path = FuturePath(net, net.run, (1, 1, 1), schedule, generator(5))
    noise = float(torch.randn(1, generator=generator(5)))
    for k in (92, 40, 3):
        path(torch.zeros(1, 2, 1), torch.tensor([k]))
    # from noise alone at the first step, then towards 0.5 with what of 0.5 the first z contained taken out
    signal, spread = schedule.abar(92) ** 0.5, (1.0 - schedule.abar(92)) ** 0.5
    left = (noise - signal * 0.5) / spread
    expected = [schedule.abar(k) ** 0.5 * 0.5 + (1.0 - schedule.abar(k)) ** 0.5 * left for k in (92, 40, 3)]
    assert [k for k, _ in net.seen] == [92, 40, 3]
    assert [z for _, z in net.seen] == pytest.approx(expected, rel=1e-5)


def test_a_sampler_that_begins_in_the_middle_finds_them_denoised_to_there():
    net, schedule = Counting(), NoiseSchedule(100)
    path = FuturePath(net, net.run, (1, 1, 1), schedule, generator(5))
    for k in (2, 1, 0, 10):  # a warm start, and then a sample from further back
        path(torch.zeros(1, 2, 1), torch.tensor([k]))
    noisy = [k for k in schedule.cubic_steps(4) if k > 10]
    assert noisy == [92, 39, 12]  # and 1, which is passed over
    assert [k for k, _ in net.seen] == [*noisy, 2, 1, 0, *noisy, 10]


def test_a_forecast_hears_the_actions_with_the_noise_of_its_step():
    heard = []

    def together(x, z, k):
        heard.append((int(k[0]), float(x.mean())))
        return torch.full_like(z, 0.25)

    found = foresee(together, torch.full((1, 400, 1), 0.5), (2, 3), NoiseSchedule(100))
    assert found.shape == (1, 2, 3) and torch.allclose(found, torch.tensor(0.25))
    assert [k for k, _ in heard] == [92, 39, 12, 1]
    assert heard[-1][1] == pytest.approx(0.5, abs=0.02) and abs(heard[0][1]) < 0.2  # 0.1 of it, and noise


# --- in a policy


def joint_policy(mask, modalities=STATE):
    policy = make_policy(config(mask, modalities))
    with torch.no_grad():
        for parameter in policy.denoiser.films.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator(1)))
    return policy


def batch_with_future(random):
    batch = next_batch(random)
    index = batch.frame_index.expand(-1, 2)
    return replace(
        batch, future=Future(index, 0.5 * batch.state.expand(-1, 2, -1), torch.ones(8, 2, dtype=torch.bool))
    )


@pytest.mark.parametrize("mask", MASKS)
def test_it_trains_at_a_part_of_the_rank_and_acts_the_same_from_its_checkpoint(mask, tmp_path):
    trainer = Trainer(joint_policy(mask), CONFIG, FALLING, generator(), LEFT, objective=DenoisingObjective())
    seen = []
    trainer.run(batch_with_future, on_step=seen.append)
    assert trainer.rank == 0.25 and seen[-1].terms.keys() == {"denoising", "future_state"}
    errors = [at.terms["future_state"] for at in seen]
    assert sum(errors[-8:]) < 0.9 * sum(errors[:8])
    policy, weights = trainer.averaged()
    info = CheckpointInfo("fork", "point", 1, 0, 0.25, 0.25, 40, None, "offline", 1.0)
    save_checkpoint(tmp_path / "policy_000001.safetensors", policy, info, weights=weights)
    loaded = load_checkpoint(tmp_path / "policy_000001.safetensors").policy
    assert loaded.config == policy.config
    torch.testing.assert_close(loaded.denoiser.ahead.first, trainer.policy.denoiser.ahead.first)
    for sampler in ("ddim-4", "rti-3"):
        condition = torch.tensor([[0.1, -0.2, 0.3]])
        chunks = [p.sample(condition, p.make_sampler(sampler), generator()) for p in (policy, loaded)]
        torch.testing.assert_close(chunks[0], chunks[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mask", MASKS)
@torch.no_grad()
def test_an_engine_runs_what_the_mask_needs(mask):
    policy = joint_policy(mask).eval()
    condition = torch.tensor([[0.1, -0.2, 0.3]])
    expected = policy.sample(condition, policy.make_sampler("ddim-4"), generator())
    policy.use_engine(make_engine("openvino", policy.denoiser))
    found = policy.sample(condition, policy.make_sampler("ddim-4"), generator())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


# --- what is refused


@pytest.mark.parametrize(
    "given, message",
    [
        ({"mask": "causal"}, r"mask='causal' must be 'published' or 'droppable'"),
        ({"modalities": []}, "modalities"),
        ({"modalities": [{"kind": "smell"}]}, "kind='smell' must be one of 'features', 'state', 'image'"),
        ({"modalities": [{"kind": "image", "camera": "front", "size": 10}]}, "size=10 of an image must be"),
        ({"future_steps": [4, 4]}, r"future_steps=\[4, 4\] must increase"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused_by_name(given, message):
    with pytest.raises(ConfigError, match=message):
        parse({"kind": "joint", **given}, JointConfig, "x.yaml")


def test_a_modality_that_is_not_there_is_refused_by_name():
    with pytest.raises(ConfigError, match="modality 'features' needs cameras, the task has none"):
        joint_policy("droppable", (FeaturesConfig(),))
    with pytest.raises(ConfigError, match="camera='front' of a modality must be one of the task's: none"):
        joint_policy("droppable", (IMAGE,))
    with pytest.raises(ConfigError, match=r"modalities=\['state', 'state'\] must differ"):
        joint_policy("droppable", (StateConfig(), StateConfig()))
    seen = windows()
    cached = replace(seen, future=replace(seen.future, images={}))
    with pytest.raises(ConfigError, match="modality 'image_front' needs frames .* freeze_encoder"):
        terms(network("droppable"), cached)
    with pytest.raises(ConfigError, match=r"future_steps=\[2, 5\] needs batches with 2 .* got 0"):
        terms(network("droppable"), replace(seen, future=None))


def test_without_word_of_what_is_seen_it_denoises_actions_alone():
    net = make_denoiser(config("published"), 8, 2, 5)
    assert net.ahead is None and net.latent_shape == (8, 2)
    assert list(terms(net, windows())) == ["denoising"]
    with pytest.raises(ConfigError, match="foresees nothing"):
        net.foresee(torch.zeros(1, 5), torch.zeros(1, 8, 2), 100)
