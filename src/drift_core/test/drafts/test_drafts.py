"""Networks that draft a chunk: at the present pose, learned beside the denoiser, saved with the policy."""

import dataclasses
import json

import pytest
import torch
from drift_core.denoisers import MlpConfig
from drift_core.drafts import DRAFTS, AnchorsConfig, GruConfig, MlpDraftConfig, ZerosConfig
from drift_core.errors import CheckpointError, DataError
from drift_core.observation.spec import ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.checkpoint import load_checkpoint, save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.schedule import ConstantRank
from drift_core.samplers import Prefix
from drift_core.training.config import RankConfig, TrainConfig
from drift_core.training.trainer import Trainer
from safetensors.torch import load, save

HORIZON = 8
RAMP = torch.linspace(0.1, 0.8, HORIZON)[:, None]  # how far one goes in a chunk [m]
LEFT, RIGHT = torch.cat([RAMP, RAMP], 1), torch.cat([RAMP, -RAMP], 1)  # (T, 2)
ALL = (AnchorsConfig(modes=2, width=16), GruConfig(width=16), MlpDraftConfig(width=16), ZerosConfig())
INFO = CheckpointInfo("fork", "point", 1, 0, 1.0, 1.0, 1, None, "test", 1.0)


def demonstrations(count=200, left=60, seed=0):
    """Chunks from points on a line: of `count`, the first `left` go left and the others right."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.cat([torch.zeros(count, 1), torch.rand(count, 1, generator=generator) - 0.5], dim=1)
    moves = torch.stack([LEFT if row < left else RIGHT for row in range(count)])
    jitter = 0.01 * torch.randn(count, HORIZON, 2, generator=generator)
    index, mask = torch.zeros(count, 1, dtype=torch.long), torch.ones(count, HORIZON, dtype=torch.bool)
    return Batch({}, index, None, start[:, None], start[:, None] + moves + jitter, mask)


def policy(drafts=ALL, batch=None, **changes):
    torch.manual_seed(0)
    spec = ObservationSpec((), state_dim=2, observation_steps=1, dt_s=0.1)
    config = PolicyConfig(spec, 2, "point", HORIZON, 4, None, MlpConfig(width=64, blocks=2, step_dim=16),
                          prediction="sample", drafts=drafts, **changes)  # fmt: skip
    made, batch = DiffusionPolicy(config), batch or demonstrations()
    made.normalizer.load_state_dict(
        Normalizer.fit(batch.state, batch.actions, batch.mask, "point").state_dict()
    )
    made.fit_drafts(batch.state, batch.actions, batch.mask, torch.Generator().manual_seed(0))
    return made


@pytest.fixture(scope="module")
def trained():
    """One policy that has learned the demonstrations, by the trainer, at half of its rank."""
    batch, made = demonstrations(), policy()
    config = TrainConfig(300, 64, 1, 5e-3, 20, 0.0, 1.0, 0.98, threads=1)
    modulation = RankConfig(part="all", policy="exact")
    trainer = Trainer(made, config, ConstantRank(0.5), torch.Generator().manual_seed(0), modulation)

    def next_batch(generator):
        rows = torch.randint(batch.size, (64,), generator=generator)
        parts = (batch.state[rows], batch.actions[rows], batch.mask[rows])
        return Batch({}, torch.zeros(64, 1, dtype=torch.long), None, *parts)

    report = trainer.run(next_batch)
    assert {"denoising", "modes", "anchored", "gru", "mlp"} <= report.mean_terms.keys()
    return trainer.averaged()[0].eval()


def chunks(made, sampler, count=1000, y=0.2, prefix=None):
    """Draw `count` chunks relative to the point (0, y)."""
    start = torch.tensor([0.0, y])
    condition = made.condition(
        torch.zeros(0, 0), torch.zeros(count, 1, dtype=torch.long), start.expand(count, 1, 2)
    )
    with torch.no_grad():
        return (
            made.sample(
                condition, made.make_sampler(sampler), torch.Generator().manual_seed(1), prefix=prefix
            )
            - start
        )


def test_both_ways_stay_as_often_as_they_were_shown_and_none_between_them(trained):
    found = chunks(trained, "anchored-2")
    end = found[:, -1, 1]  # 0.8 to the left, -0.8 to the right
    assert (end > 0.0).float().mean().item() == pytest.approx(0.3, abs=0.06)  # 60 of 200
    ways = torch.where((end > 0.0)[:, None, None], LEFT, RIGHT)
    assert (found - ways).abs().mean() < 0.03
    assert (end.abs() < 0.6).float().mean() < 0.02


def test_anchors_are_relative_to_the_present_pose(trained):
    for y in (-0.4, 0.4):
        ends = chunks(trained, "anchored-2", 100, y)[:, -1, 0]
        assert ends.mean().item() == pytest.approx(0.8, abs=0.08)
    draft = trained.drafts["anchors"]
    raw = draft.anchors * trained.normalizer.action_half_range
    ordered = raw[raw[:, -1, 1].argsort(descending=True)]
    torch.testing.assert_close(ordered, torch.stack([LEFT, RIGHT]), rtol=0, atol=0.01)


def test_a_running_chunk_says_which_way_its_successor_goes(trained):
    weight = torch.tensor([1.0] * 3 + [0.0] * 5)
    for way in (LEFT, RIGHT):
        prefix = Prefix((way + torch.tensor([0.0, 0.2]))[None].expand(200, -1, -1), weight)
        ends = chunks(trained, "anchored-2", 200, prefix=prefix)[:, -1, 1]
        assert (ends.sign() == way[-1, 1].sign()).float().mean() > 0.97  # 0.3 or 0.7 without it


def test_drafts_without_a_choice_lie_between_the_ways_and_polishing_does_not_leave_them_there(trained):
    # The mean of 30 % left and 70 % right: 0.8 (0.3 - 0.7) = -0.32; from there the noise must reach a way.
    for kind in ("gru", "mlp"):
        condition = trained.condition(
            torch.zeros(0, 0), torch.zeros(1, 1, dtype=torch.long), torch.tensor([[[0.0, 0.2]]])
        )
        with torch.no_grad():
            raw = trained.denormalize_actions(trained.drafts[kind](condition))
        assert raw[0, -1, 1].item() - 0.2 == pytest.approx(-0.32, abs=0.1)
        assert raw[0, -1, 0].item() == pytest.approx(0.8, abs=0.1)
    between = chunks(trained, "draft-3")[:, -1, 1].abs() < 0.4
    assert between.float().mean() < 0.3


def test_a_draft_moves_with_the_condition_alone_and_its_encoder_gets_no_gradient():
    made, batch = policy(), demonstrations()
    terms = made.loss_terms(batch, torch.Generator().manual_seed(0))
    terms["gru"].backward()
    touched = {name.split(".")[1] for name, p in made.named_parameters() if p.grad is not None}
    assert touched == {"gru"}


@pytest.mark.parametrize("config", [config for config in ALL], ids=lambda config: config.kind)
def test_every_kind_gives_a_chunk_and_is_saved_and_loaded_with_the_policy(config, tmp_path):
    made = policy((config,)).eval()
    path = tmp_path / "policy_000001.safetensors"
    save_checkpoint(path, made, INFO)
    again = load_checkpoint(path).policy
    sampler = "anchored-2" if config.kind == "anchors" else "draft-3"
    assert again.config.drafts == (config,)
    torch.testing.assert_close(chunks(again, sampler, 5), chunks(made, sampler, 5), rtol=0, atol=0)
    assert chunks(made, sampler, 5).shape == (5, HORIZON, 2)


def test_every_registered_kind_is_covered_here():
    assert {type(config) for config in ALL} == set(DRAFTS)


@pytest.mark.parametrize("shape, found", [((2, 6, 2), "(2, 6, 2)"), ((2, 8, 3), "(2, 8, 3)")])
def test_anchors_of_another_horizon_or_action_size_are_refused_by_name(tmp_path, shape, found):
    path = tmp_path / "policy_000001.safetensors"
    save_checkpoint(path, policy((ALL[0],)), INFO)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    tensors = load(data) | {"drafts.anchors.anchors": torch.zeros(shape)}
    path.write_bytes(save(tensors, metadata=header))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert f"'drafts.anchors.anchors' must be (2, 8, 2) torch.float32, got {found}" in str(caught.value)


def test_fewer_whole_chunks_than_anchors_are_refused():
    with pytest.raises(
        DataError, match="modes=16 anchors need as many labels with a whole chunk, there are 10"
    ):
        policy((AnchorsConfig(modes=16),), demonstrations(10, 5))


def test_two_drafts_of_one_kind_are_refused():
    with pytest.raises(ValueError, match=r"drafts of kind \['gru', 'gru'\] must be one of a kind"):
        policy((GruConfig(width=8), GruConfig(width=16)))


def test_labels_beyond_the_mask_do_not_choose_the_anchor():
    made, batch = policy((ALL[0],)), demonstrations(4, 2)
    poisoned = batch.actions.clone()
    poisoned[:, 4:] = 9.0
    half = batch.mask.clone()
    half[:, 4:] = False
    masked = dataclasses.replace(batch, actions=poisoned, mask=half)
    one, other = (made.loss_terms(b, torch.Generator().manual_seed(0))["modes"] for b in (batch, masked))
    torch.testing.assert_close(one, other)


def test_joint_actions_begin_at_the_joints():
    # State: pose (9), gripper, 3 joints; actions: 3 joints, gripper.
    spec = ObservationSpec((), state_dim=13, observation_steps=2, dt_s=0.1)
    config = PolicyConfig(
        spec,
        4,
        "joint_position",
        4,
        2,
        None,
        MlpConfig(width=16, blocks=1, step_dim=8),
        drafts=(ZerosConfig(),),
    )
    made = DiffusionPolicy(config)
    made.normalizer.state_centre[:], made.normalizer.state_half_range[:] = 0.3, 2.0
    made.normalizer.action_centre[:], made.normalizer.action_half_range[:] = -0.1, 0.5
    state = torch.randn(3, 2, 13, generator=torch.Generator().manual_seed(0))
    made.fit_drafts(state, torch.zeros(3, 4, 4), torch.ones(3, 4, dtype=torch.bool), torch.Generator())
    pose = made.drafts["zeros"].pose(
        made.condition(torch.zeros(0, 0), torch.zeros(3, 2, dtype=torch.long), state)
    )
    torch.testing.assert_close(made.denormalize_actions(pose[:, None])[:, 0], state[:, 1, [10, 11, 12, 9]])
