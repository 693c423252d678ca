"""The diffusion policy as a whole, with small networks."""

import dataclasses

import numpy as np
import pytest
import torch
from drift_core.denoisers import MlpConfig, TransformerConfig, UNetConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.errors import ShapeError
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy, NonFiniteError, PolicyConfig, orthonormal_6d
from drift_core.samplers import Prefix, prefix_weights

SPEC = ObservationSpec((CameraSpec("front", 16, 16),), state_dim=13, observation_steps=2, dt_s=0.1)
DENOISERS = {
    "unet": UNetConfig(down_dims=(16, 32), groups=4, step_dim=16),
    "mlp": MlpConfig(width=32, blocks=2, step_dim=16),
    "transformer": TransformerConfig(width=32, heads=4, blocks=2, step_dim=16),
}


def config(**changes):
    given = {
        "observation": SPEC,
        "action_dim": 10,
        "action_space": "tcp_pose",
        "horizon": 8,
        "action_steps": 4,
        "encoder": SmallCnnConfig(channels=8, maps=2),
        "denoiser": DENOISERS["mlp"],
        "prediction": "sample",
    }
    return PolicyConfig(**(given | changes))


def point_config(**changes):
    spec = ObservationSpec((), state_dim=2, observation_steps=1, dt_s=0.1)
    return config(
        **({"observation": spec, "encoder": None, "action_dim": 2, "action_space": "point"} | changes)
    )


def policy(the_config=None):
    torch.manual_seed(0)
    made = DiffusionPolicy(the_config or config())
    width = made.config.action_dim
    if made.config.action_space == "tcp_pose":
        made.normalizer.action_half_range[:3] = 0.2
        made.normalizer.action_centre[:3] = 0.4
        made.normalizer.action_half_range[9] = 0.04
        made.normalizer.action_centre[9] = 0.04
    else:
        made.normalizer.action_half_range[:] = torch.full((width,), 0.5)
    return made.eval()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def loss_of(made, *args, **kwargs):
    return made.loss_terms(*args, **kwargs)["denoising"]


def observation(seed=0, stamp_s=1.0):
    rng = np.random.default_rng(seed)
    images = {"front": rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)}
    return Observation(stamp_s, images, rng.normal(size=(2, 13)).astype(np.float32), stamp_s)


def batch(size=3, n_frames=4):
    g = generator(3)
    return Batch(
        images={"front": torch.randint(0, 256, (n_frames, 3, 16, 16), dtype=torch.uint8, generator=g)},
        frame_index=torch.tensor([[0, 1], [1, 2], [2, 3]])[:size],
        features=None,
        state=torch.randn(size, 2, 13, generator=g),
        actions=0.4 + 0.1 * torch.randn(size, 8, 10, generator=g),
        mask=torch.ones(size, 8, dtype=torch.bool),
    )


@pytest.mark.parametrize("kind", DENOISERS)
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_every_network_and_prediction_trains_and_acts(kind, prediction):
    made = policy(config(denoiser=DENOISERS[kind], prediction=prediction))
    loss = loss_of(made, batch(), generator(), noise_draws=2)
    loss.backward()
    assert torch.isfinite(loss)
    chunk = made.act(observation(), made.make_sampler("ddim-3"), generator())
    assert chunk.shape == (8, 10) and chunk.dtype == np.float32


def test_a_sampler_knows_its_name_and_the_noise_that_it_began_from_of_which_comes_the_same_chunk():
    made, seen = policy(), observation()
    sampler = made.make_sampler("ddim-3")
    chunk = made.act(seen, sampler, generator(4))
    latent = sampler.latent
    assert sampler.called == "ddim-3" and latent.shape == (1, made.config.horizon, made.config.action_dim)
    again = made.sample(made.observe(seen), sampler, generator(5), initial=latent)
    np.testing.assert_array_equal(again[0].detach().numpy(), chunk)


def test_the_same_noise_gives_the_same_chunk():
    made = policy()
    first, second = (made.act(observation(), made.make_sampler("ddim-3"), generator(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_features_of_all_steps_stand_before_the_normalised_states():
    made = policy()
    made.normalizer.state_centre[:] = 1.0
    made.normalizer.state_half_range[:] = 2.0
    features = torch.arange(18.0).view(3, 6)
    condition = made.condition(features, torch.tensor([[2, 0]]), torch.full((1, 2, 13), 2.0))
    assert condition.shape == (1, 2 * 6 + 2 * 13)
    assert condition[0, :12].tolist() == [12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5]
    assert condition[0, 12:].tolist() == [0.5] * 26  # (2 - 1) / 2


def test_acting_and_training_see_the_same_condition():
    made = policy()
    seen = observation()
    images = torch.from_numpy(seen.images["front"]).permute(0, 3, 1, 2).contiguous()
    features = made.encode_frames({"front": images})
    by_batch = made.condition(features, torch.tensor([[0, 1]]), torch.from_numpy(seen.state)[None])
    torch.testing.assert_close(made.observe(seen), by_batch)


def test_cached_features_give_the_same_loss_as_images():
    made = policy()
    given = batch()
    cached = dataclasses.replace(given, images={}, features=made.encode_frames(given.images).detach())
    torch.testing.assert_close(loss_of(made, given, generator()), loss_of(made, cached, generator()))


def test_invalid_steps_do_not_count():
    made = policy()
    given = batch()
    mask = torch.zeros(3, 8, dtype=torch.bool)
    mask[:, :4] = True
    masked = dataclasses.replace(given, mask=mask)
    # The mean over valid entries, worked out from the loss of each half.
    other = dataclasses.replace(given, mask=~mask)
    halves = (loss_of(made, masked, generator()) + loss_of(made, other, generator())) / 2.0
    torch.testing.assert_close(loss_of(made, given, generator()), halves)
    assert loss_of(made, dataclasses.replace(given, mask=mask & False), generator()) == 0.0


def test_more_noise_draws_average_the_same_loss_with_less_spread():
    made = policy()
    given = batch()
    with torch.no_grad():
        single = torch.stack([loss_of(made, given, generator(seed)) for seed in range(60)])
        many = torch.stack([loss_of(made, given, generator(seed), noise_draws=16) for seed in range(20)])
    assert many.mean().item() == pytest.approx(single.mean().item(), rel=0.1)
    assert many.std() < 0.6 * single.std()


def test_random_shift_changes_the_training_features_only_on_request():
    made = policy()
    given = batch()
    plain = made.encode_frames(given.images)
    assert torch.equal(plain, made.encode_frames(given.images, shift_px=0, generator=generator()))
    assert not torch.equal(plain, made.encode_frames(given.images, shift_px=3, generator=generator()))


def test_rotations_come_out_orthonormal():
    chunk = policy().act(observation(), policy().make_sampler("ddim-2"), generator())
    first, second = chunk[:, 3:6], chunk[:, 6:9]
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose((first * second).sum(axis=1), 0.0, atol=1e-5)


def test_gram_schmidt_keeps_the_first_direction():
    rotation = torch.tensor([[2.0, 0.0, 0.0, 1.0, 3.0, 0.0]])
    assert orthonormal_6d(rotation).tolist() == [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]


def test_chunks_stay_within_the_clipped_range_of_the_normaliser():
    made = policy()
    chunk = made.act(observation(), made.make_sampler("ddim-4"), generator())
    assert (np.abs(chunk[:, :3] - 0.4) <= 0.2 * 1.2 + 1e-6).all()


def test_joint_and_point_actions_are_left_as_they_are():
    made = policy(point_config())
    seen = Observation(0.0, {}, np.zeros((1, 2), dtype=np.float32), 0.0)
    assert made.act(seen, made.make_sampler("ddim-2"), generator()).shape == (8, 2)


def test_discrete_columns_come_out_at_an_extreme_and_are_trained_small():
    made = policy(config(discrete_columns=(9,)))
    chunk = made.act(observation(), made.make_sampler("ddim-3"), generator())
    assert np.isclose(chunk[:, 9, None], [0.0, 0.08], atol=1e-6).any(axis=1).all()
    raw = torch.zeros(1, 8, 10)
    assert made.normalize_actions(raw)[0, 0, 9].item() == pytest.approx(-0.1)


def test_a_prefix_in_raw_units_is_executed_as_it_is():
    made = policy()
    known = torch.from_numpy(made.act(observation(), made.make_sampler("ddim-3"), generator(1)))[None]
    prefix = Prefix(known, prefix_weights(imposed=3, overlap=3, horizon=8))
    chunk = made.act(observation(7), made.make_sampler("ddim-3"), generator(2), prefix=prefix)
    np.testing.assert_allclose(chunk[:3], known[0, :3], atol=1e-5)
    assert np.abs(chunk[3:] - known[0, 3:].numpy()).max() > 1e-3


def test_a_warm_started_sampler_shifts_by_observation_time():
    made = policy()
    sampler = made.make_sampler("rti-2")
    # An untrained network does not repeat itself.
    sampler.draft.warm = dataclasses.replace(sampler.draft.warm, chunk_jump=None)
    made.act(observation(stamp_s=1.0), sampler, generator())
    assert sampler.cold and sampler.latent is not None
    made.act(observation(stamp_s=1.2), sampler, generator())
    assert not sampler.cold and sampler.latent is None, "it began from the last chunk, not from noise"
    made.act(observation(stamp_s=9.0), sampler, generator())
    assert sampler.cold


def test_an_observation_that_is_not_finite_is_refused():
    made = policy()
    bad = observation()
    bad.state[1, 0] = np.nan
    with pytest.raises(NonFiniteError, match="the state must be finite"):
        made.act(bad, made.make_sampler("ddim-2"), generator())


def test_an_output_that_is_not_finite_is_refused():
    made = policy()
    with torch.no_grad():
        made.denoiser.leave.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match="the network's output must be finite"):
        made.act(observation(), made.make_sampler("ddim-2"), generator())


def test_images_of_another_camera_are_refused_by_name():
    made = policy()
    seen = dataclasses.replace(observation(), images={"side": np.zeros((2, 16, 16, 3), dtype=np.uint8)})
    with pytest.raises(ShapeError, match=r"camera 'front' must be \(2, 16, 16, 3\) uint8, got nothing"):
        made.act(seen, made.make_sampler("ddim-2"), generator())


def test_states_and_actions_of_the_wrong_shape_are_refused():
    made = policy()
    with pytest.raises(ShapeError, match=r"state must be \(B, 2, 13\), got \(1, 2, 12\)"):
        made.condition(torch.zeros(2, 6), torch.tensor([[0, 1]]), torch.zeros(1, 2, 12))
    short = dataclasses.replace(
        batch(), actions=torch.zeros(3, 7, 10), mask=torch.ones(3, 7, dtype=torch.bool)
    )
    with pytest.raises(ShapeError, match=r"actions must be \(B, 8, 10\), got \(3, 7, 10\)"):
        loss_of(made, short, generator())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"action_steps": 9}, "action_steps=9 must be at most horizon=8"),
        ({"action_dim": 7}, "action_dim=7 must be 10 for action_space='tcp_pose'"),
        ({"encoder": None}, r"must be given if and only if there are cameras=\['front'\]"),
        ({"discrete_columns": (10,)}, r"discrete_columns=\[10\] must lie in \[0, 9\]"),
        ({"held_actions": ((10, 0.5),)}, r"columns of held_actions=\[\(10, 0.5\)\] must lie in \[0, 9\]"),
        ({"prediction": "noise"}, "prediction"),
    ],
)
def test_contradictions_in_the_configuration_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
def test_a_trained_policy_finds_the_target_that_it_sees(prediction):
    # Actions go to twice the state: 300 training steps of a small network must bring the chunk close to that.
    torch.manual_seed(0)
    made = DiffusionPolicy(
        point_config(denoiser=MlpConfig(width=64, blocks=2, step_dim=16), prediction=prediction)
    )
    g = generator()
    state = torch.rand(512, 1, 2, generator=g) - 0.5
    actions = 2.0 * state.expand(-1, 8, -1)
    made.normalizer = Normalizer.fit(state, actions, torch.ones(512, 8, dtype=torch.bool), "point")
    optimizer = torch.optim.Adam(made.parameters(), lr=3e-3)
    rows = Batch({}, torch.zeros(512, 1, dtype=torch.long), None, state, actions, torch.ones(512, 8).bool())
    for _ in range(300):
        loss = loss_of(made, rows, g)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name in ("ddim-8", "dpm-8", "ddpm-100"):
        with torch.no_grad():
            condition = made.condition(torch.zeros(0), rows.frame_index[:64], state[:64])
            found = made.sample(condition, made.make_sampler(name), g)
        error = (found - actions[:64]).abs().mean()
        assert error < 0.1, (name, float(error))
