"""Our policies with the interface of LeRobot's. That its evaluation loop takes them: `make interop`."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_core.denoisers import MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.errors import ShapeError
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_formats.lerobot.adapter import LeRobotPolicy


@pytest.fixture
def policy() -> DiffusionPolicy:
    torch.manual_seed(0)
    return DiffusionPolicy(
        PolicyConfig(
            observation=ObservationSpec((CameraSpec("front", 16, 24),), 3, 2, 0.1),
            action_dim=2,
            action_space="point",
            horizon=8,
            action_steps=3,
            encoder=SmallCnnConfig(maps=4),
            denoiser=MlpConfig(width=16, blocks=1, step_dim=8),
        )
    ).eval()


def seen(number: int, count: int = 1) -> dict[str, torch.Tensor]:
    random = np.random.default_rng(number)
    picture = random.integers(0, 256, (count, 3, 16, 24), dtype=np.uint8)
    return {
        "observation.state": torch.from_numpy(random.normal(size=(count, 3)).astype(np.float32)),
        "observation.images.front": torch.from_numpy(picture).float() / 255.0,  # as LeRobot has them
        "task": ["walk"] * count,  # of no interest
    }


def as_bytes(picture: torch.Tensor) -> torch.Tensor:
    return (picture * 255).round().byte()


def acted(policy: DiffusionPolicy, generator: torch.Generator, *observations: dict) -> np.ndarray:
    """Return the chunk that the policy itself gives for one environment."""
    pictures = [
        (one["observation.images.front"][0] * 255).round().byte().permute(1, 2, 0) for one in observations
    ]
    observation = Observation(
        0.0,
        {"front": torch.stack(pictures).numpy()},
        torch.stack([one["observation.state"][0] for one in observations]).numpy(),
        0.0,
    )
    return policy.act(observation, policy.make_sampler("ddim-4"), generator)


def test_actions_are_those_of_the_policy_itself_a_new_chunk_after_so_many_steps(policy):
    adapter, generator = LeRobotPolicy(policy, "ddim-4", seed=5), torch.Generator().manual_seed(5)
    taken = [adapter.select_action(seen(number))[0].numpy() for number in range(4)]
    first = acted(policy, generator, seen(0), seen(0))  # there is nothing before the first observation
    second = acted(policy, generator, seen(2), seen(3))
    assert np.allclose(taken[:3], first[:3], atol=1e-6)
    assert np.allclose(taken[3], second[0], atol=1e-6)


def test_environments_of_a_batch_do_not_mix(policy):
    both, one = LeRobotPolicy(policy, "ddim-4"), LeRobotPolicy(policy, "ddim-4")
    pair = [{name: value for name, value in seen(number, 2).items() if name != "task"} for number in range(2)]
    chunk = [both.predict_action_chunk(batch) for batch in pair][1]
    assert chunk.shape == (2, 8, 2)
    alone = [
        one.policy.condition(
            one.policy.encode_frames(
                {
                    "front": (torch.stack([b["observation.images.front"][k] for b in pair]) * 255)
                    .round()
                    .byte()
                }
            ),
            torch.tensor([[0, 1]]),
            torch.stack([batch["observation.state"][k] for batch in pair])[None],
        )
        for k in range(2)
    ]
    with torch.no_grad():
        again = torch.Generator().manual_seed(0)
        policy.sample(
            torch.cat(alone), policy.make_sampler("ddim-4"), again
        )  # the draw of the first observation
        expected = policy.sample(torch.cat(alone), policy.make_sampler("ddim-4"), again)
    torch.testing.assert_close(chunk, expected, atol=1e-5, rtol=1e-5)


def test_a_warm_start_begins_where_the_executed_actions_end(policy, monkeypatch):
    policy.config = replace(policy.config, action_steps=2)
    adapter = LeRobotPolicy(policy, "rti-3")
    draft, guesses = adapter._sampler.draft, []
    guess = draft.guess
    monkeypatch.setattr(draft, "guess", lambda *given: guesses.append(guess(*given)) or guesses[-1])
    for _ in range(2):  # the second time after a reset
        adapter.select_action(seen(0))
        first = draft._last.chunk
        adapter.select_action(seen(0))
        adapter.select_action(seen(0))  # two of eight actions are over
        assert guesses[0] is None
        assert torch.equal(guesses[1][:, :6], first[:, 2:])
        assert torch.equal(guesses[1][:, 6:], first[:, -1:].expand(-1, 2, -1))
        adapter.reset()
        guesses.clear()


def test_a_reset_forgets_everything(policy):
    adapter = LeRobotPolicy(policy, "ddim-4")
    before = adapter.select_action(seen(0))
    adapter.select_action(seen(1))
    adapter.reset()
    assert torch.equal(adapter.select_action(seen(0)), before)


def test_what_is_missing_is_named(policy):
    with pytest.raises(ShapeError, match="must hold observation.images.front, has observation.state"):
        LeRobotPolicy(policy).select_action({"observation.state": torch.zeros(1, 3)})
