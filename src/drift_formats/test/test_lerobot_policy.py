"""LeRobot's diffusion policies as ours, with made-up weights; `make interop` judges how they act."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from drift_core.errors import CheckpointError
from drift_core.policy.batch import Batch
from drift_core.policy.checkpoint import load_checkpoint, save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.task import CameraConfig
from drift_formats.format import Cell
from drift_formats.lerobot.policy import read_policy
from recorded import PANDA, PLACE, WALK
from safetensors.torch import save_file

CONFIG = {
    "type": "diffusion",
    "n_obs_steps": 2,
    "input_features": {"observation.state": {"type": "STATE", "shape": [2]}},
    "output_features": {"action": {"type": "ACTION", "shape": [2]}},
    "horizon": 8,
    "n_action_steps": 4,
    "vision_backbone": "resnet18",
    "resize_shape": None,
    "crop_shape": None,
    "use_group_norm": True,
    "spatial_softmax_num_keypoints": 3,
    "use_separate_rgb_encoder_per_camera": True,
    "down_dims": [16, 32],
    "kernel_size": 3,
    "n_groups": 8,
    "diffusion_step_embed_dim": 8,
    "use_film_scale_modulation": True,
    "num_train_timesteps": 50,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "epsilon",
    "clip_sample": True,
    "clip_sample_range": 1.0,
}
POINT = replace(WALK, task=replace(WALK.task, observation_steps=2, horizon=7))
SEES = replace(
    PLACE,
    task=replace(
        PLACE.task,
        observation_steps=2,
        cameras=tuple(CameraConfig(name, name, 32, 32, 0.0) for name in ("front", "wrist")),
    ),
)


def unet(action: int, condition: int, scaled: bool = True) -> dict[str, torch.Tensor]:
    """Weights of LeRobot's U-Net with channels 16 and 32, kernel 3 and an embedding of 8."""
    found: dict[str, torch.Tensor] = {}

    def layer(name: str, out: int, *rest: int) -> None:
        found[f"diffusion.unet.{name}.weight"] = torch.randn(out, *rest)
        found[f"diffusion.unet.{name}.bias"] = torch.randn(out)

    def block(name: str, into: int, out: int) -> None:
        for conv, channels in (("conv1", into), ("conv2", out)):
            layer(f"{name}.{conv}.block.0", out, channels, 3)
            layer(f"{name}.{conv}.block.1", out)
        layer(f"{name}.cond_encoder.1", 2 * out if scaled else out, 8 + condition)
        if into != out:
            layer(f"{name}.residual_conv", out, into, 1)

    layer("diffusion_step_encoder.1", 32, 8)
    layer("diffusion_step_encoder.3", 8, 32)
    for name, into, out in (("0.0", action, 16), ("0.1", 16, 16), ("1.0", 16, 32), ("1.1", 32, 32)):
        block(f"down_modules.{name}", into, out)
    block("mid_modules.0", 32, 32)
    block("mid_modules.1", 32, 32)
    block("up_modules.0.0", 64, 16)
    block("up_modules.0.1", 16, 16)
    layer("down_modules.0.2", 16, 16, 3)
    layer("up_modules.0.2", 16, 16, 4)
    layer("final_conv.0.block.0", 16, 16, 3)
    layer("final_conv.0.block.1", 16)
    layer("final_conv.1", action, 16, 1)
    return found


def write(
    folder: Path, weights: dict[str, torch.Tensor], statistics: dict[str, list[float]], **changed: object
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changed))
    save_file(weights, folder / "model.safetensors")
    save_file(
        {name: torch.tensor(value) for name, value in statistics.items()}, folder / "step_3.safetensors"
    )
    norm = {"VISUAL": "MEAN_STD", "STATE": "MIN_MAX", "ACTION": "MIN_MAX"}
    step = {
        "registry_name": "normalizer_processor",
        "config": {"norm_map": norm},
        "state_file": "step_3.safetensors",
    }
    (folder / "policy_preprocessor.json").write_text(json.dumps({"steps": [step]}))
    return folder


def change_step(folder: Path, **changed: object) -> None:
    """Change the step of the preprocessor that normalises."""
    path = folder / "policy_preprocessor.json"
    step = json.loads(path.read_text())["steps"][0]
    path.write_text(json.dumps({"steps": [step | changed]}))


STATISTICS = {
    f"{column}.{name}": value
    for column in ("observation.state", "action")
    for name, value in (
        ("mean", [0.0, 0.0]),
        ("std", [1.0, 1.0]),
        ("min", [1.0, 0.5]),
        ("max", [3.0, 0.5]),
    )
}


def test_film_and_the_observation_are_taken_apart(tmp_path):
    theirs = unet(2, 4)
    policy = read_policy(write(tmp_path / "p", dict(theirs), STATISTICS), POINT).policy
    ours, name = policy.state_dict(), "diffusion.unet.down_modules.0.0.cond_encoder.1"
    assert torch.equal(ours["denoiser.films.0.step.weight"], theirs[f"{name}.weight"][:, :8])
    assert torch.equal(ours["denoiser.films.0.condition.weight"], theirs[f"{name}.weight"][:, 8:])
    assert torch.equal(
        ours["denoiser.films.0.step.bias"][:16], theirs[f"{name}.bias"][:16] - 1.0
    )  # ours: 1 + it
    assert torch.equal(ours["denoiser.films.0.step.bias"][16:], theirs[f"{name}.bias"][16:])


def test_without_a_scale_films_only_shift(tmp_path):
    folder = write(tmp_path / "p", unet(2, 4, scaled=False), STATISTICS, use_film_scale_modulation=False)
    ours = read_policy(folder, POINT).policy.state_dict()
    assert (
        not ours["denoiser.films.0.step.weight"][:16].any()
        and not ours["denoiser.films.0.step.bias"][:16].any()
    )
    assert ours["denoiser.films.0.step.weight"][16:].any()


def test_what_never_changed_enters_as_there_and_goes_out_as_it_was(tmp_path):
    normalizer = read_policy(write(tmp_path / "p", unet(2, 4), STATISTICS), POINT).policy.normalizer
    state = normalizer.normalize_state(torch.tensor([[1.0, 0.5], [3.0, 0.5], [2.0, 0.6]]))
    # 1 to 3 become -1 to 1; the second never left 0.5: LeRobot's 2 * 0 / 1e-8 - 1, and 0.6 is no 20,000,000
    torch.testing.assert_close(state, torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, -0.9]]))
    action = normalizer.denormalize_action(torch.tensor([[1.0, 0.7]]))
    torch.testing.assert_close(action, torch.tensor([[3.0, 0.5]]))
    # in a prefix or a label it is what LeRobot trained with, one float32 beside 0.5 and far from it
    told = torch.tensor([[3.0, 0.5], [1.0, 0.5 + 2.0**-24], [2.0, 0.9]])
    torch.testing.assert_close(
        normalizer.normalize_action(told), torch.tensor([[1.0, -1.0], [-1.0, -1.0], [0.0, -1.0]])
    )


def test_what_never_changed_is_said_and_stays_in_the_checkpoint(tmp_path):
    brought = read_policy(write(tmp_path / "p", unet(2, 4), STATISTICS), POINT)
    assert brought.remarks == ("action 1 never changed there: it stays 0.5, also in training",)
    info = CheckpointInfo("walk", "none", 1, 0, 1.0, 1.0, 0, None, "", 0.0)
    save_checkpoint(checkpoint_path(tmp_path, 1), brought.policy, info)
    policy = load_checkpoint(checkpoint_path(tmp_path, 1)).policy
    assert policy.config.held_actions == ((1, 0.5),)
    assert policy.denormalize_actions(torch.tensor([[[0.0, 0.7]]])).tolist() == [[[2.0, 0.5]]]


def test_a_standard_deviation_of_zero_blows_nothing_up(tmp_path):
    statistics = STATISTICS | {f"{column}.std": [2.0, 0.0] for column in ("observation.state", "action")}
    statistics |= {f"{column}.mean": [1.0, 0.5] for column in ("observation.state", "action")}
    folder = write(tmp_path / "p", unet(2, 4), statistics)
    change_step(folder, config={"norm_map": {"STATE": "MEAN_STD", "ACTION": "MEAN_STD"}})
    normalizer = read_policy(folder, POINT).policy.normalizer
    seen = torch.tensor([[3.0, 0.5], [1.0, 0.6]])  # LeRobot: (0.6 - 0.5) / 1e-8
    torch.testing.assert_close(normalizer.normalize_state(seen), torch.tensor([[1.0, 0.0], [0.0, 0.1]]))
    torch.testing.assert_close(normalizer.normalize_action(seen), torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    action = normalizer.denormalize_action(torch.tensor([[1.0, 0.7]]))  # there: value * 0 + mean
    torch.testing.assert_close(action, torch.tensor([[3.0, 0.5]]))


@pytest.mark.parametrize(
    ("lacks", "mode"),
    [("action.max", "MIN_MAX"), ("action.q01", "QUANTILES"), ("observation.state.std", "MEAN_STD")],
)
def test_a_statistic_that_is_not_there_is_named(tmp_path, lacks, mode):
    statistics = {name: value for name, value in STATISTICS.items() if name != lacks}
    folder = write(tmp_path / "p", unet(2, 4), statistics)
    kind = "ACTION" if lacks.startswith("action") else "STATE"
    change_step(folder, config={"norm_map": {kind: mode}})
    with pytest.raises(
        CheckpointError, match=f"step_3.safetensors: {lacks} must be 2 finite numbers, got no"
    ):
        read_policy(folder, POINT)


def test_minimum_and_maximum_need_no_mean(tmp_path):
    statistics = {name: value for name, value in STATISTICS.items() if not name.endswith((".mean", ".std"))}
    normalizer = read_policy(write(tmp_path / "p", unet(2, 4), statistics), POINT).policy.normalizer
    assert normalizer.denormalize_action(torch.tensor([1.0, -1.0])).tolist() == [3.0, 0.5]
    assert normalizer.normalize_state(torch.tensor([3.0, 0.5])).tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"config": {}}, "normalizer_processor: config: norm_map=None must be a mapping"),
        ({"config": None}, "normalizer_processor: config: norm_map=None must be a mapping"),
        ({"state_file": "../a.safetensors"}, "state_file='../a.safetensors' must be a file beside it"),
        ({"registry_name": "other"}, "has no step normalizer_processor"),
    ],
)
def test_a_preprocessor_that_lacks_something_is_named_with_the_key(tmp_path, changed, said):
    folder = write(tmp_path / "p", unet(2, 4), STATISTICS)
    change_step(folder, **changed)
    with pytest.raises(CheckpointError, match=f"policy_preprocessor.json: {said}"):
        read_policy(folder, POINT)


def test_steps_that_are_over_are_neither_handed_out_nor_trained_on(tmp_path, monkeypatch):
    policy = read_policy(write(tmp_path / "p", unet(2, 4), STATISTICS), POINT).policy
    assert (policy.config.horizon, policy.config.past_steps, policy.config.chunk_steps) == (8, 1, 7)
    noise = torch.randn(1, 8, 2, generator=torch.Generator().manual_seed(1))
    sampler, condition = policy.make_sampler("ddim-4"), torch.zeros(1, 4)
    with torch.no_grad():
        chunk = policy.sample(condition, sampler, torch.Generator(), initial=noise)
        whole = sampler.sample(policy.denoiser.hoist(condition, 50), (1, 8, 2), torch.Generator(), noise)
    assert torch.equal(chunk, policy.denormalize_actions(whole)[:, 1:])

    seen = []
    monkeypatch.setattr(policy.denoiser, "loss_terms", lambda windows, noise: seen.append(windows))
    batch = Batch(
        images={},
        features=None,
        frame_index=torch.zeros(1, 2, dtype=torch.long),
        state=torch.zeros(1, 2, 2),
        actions=torch.arange(14.0).reshape(1, 7, 2),
        mask=torch.ones(1, 7, dtype=torch.bool),
    )
    policy.loss_terms(batch, torch.Generator())
    assert seen[0].mask.tolist() == [[False] + [True] * 7]
    assert torch.equal(seen[0].actions[:, 1:], policy.normalize_actions(batch.actions))


def encoder(number: int, batch_norm: bool = False) -> dict[str, torch.Tensor]:
    """Weights of one camera's encoder, most of them zero."""
    found = {}

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", *(("running_mean", "running_var") if batch_norm else ())):
            found[f"{name}.{part}"] = torch.full((channels,), float(number))
        if batch_norm:
            found[f"{name}.num_batches_tracked"] = torch.tensor(7)

    found["backbone.0.weight"] = torch.zeros(64, 3, 7, 7)
    norm("backbone.1", 64)
    into = 64
    for layer, out in ((4, 64), (5, 128), (6, 256), (7, 512)):
        for n in (0, 1):
            name = f"backbone.{layer}.{n}"
            found[f"{name}.conv1.weight"] = torch.zeros(out, into, 3, 3)
            found[f"{name}.conv2.weight"] = torch.zeros(out, out, 3, 3)
            norm(f"{name}.bn1", out)
            norm(f"{name}.bn2", out)
            if n == 0 and layer > 4:
                found[f"{name}.downsample.0.weight"] = torch.zeros(out, into, 1, 1)
                norm(f"{name}.downsample.1", out)
            into = out
    found["pool.pos_grid"] = torch.zeros(1, 2)
    found["pool.nets.weight"], found["pool.nets.bias"] = torch.zeros(3, 512, 1, 1), torch.zeros(3)
    found["out.weight"] = torch.arange(6.0).expand(6, 6).contiguous()
    found["out.bias"] = torch.zeros(6)
    return {f"diffusion.rgb_encoder.{number}.{name}": value for name, value in found.items()}


@pytest.mark.parametrize("batch_norm", [False, True])
def test_cameras_go_to_their_names_and_key_points_to_their_places(tmp_path, batch_norm):
    inputs = {
        "observation.state": {"type": "STATE", "shape": [17]},
        "observation.images.wrist": {"type": "VISUAL", "shape": [3, 32, 32]},
        "observation.images.front": {"type": "VISUAL", "shape": [3, 32, 32]},
    }
    changed = {
        "input_features": inputs,
        "output_features": {"action": {"type": "ACTION", "shape": [10]}},
        "use_group_norm": not batch_norm,
    }
    theirs = unet(10, 2 * (17 + 12)) | encoder(0, batch_norm) | encoder(1, batch_norm)
    film = theirs["diffusion.unet.mid_modules.0.cond_encoder.1.weight"]
    film[:] = torch.arange(66.0)
    statistics = {
        "observation.images.front.mean": torch.tensor([0.1, 0.2, 0.3])[:, None, None].tolist(),
        "observation.images.front.std": torch.tensor([0.5, 0.5, 0.5])[:, None, None].tolist(),
    }
    brought = read_policy(write(tmp_path / "p", theirs, statistics, **changed), SEES)
    assert brought.remarks == ("to train it further, horizon of task place must be 7, is 8",)
    ours = brought.policy.state_dict()
    assert ours["encoder.networks.wrist.bn1.weight"][0] == 0.0  # its first camera
    assert ours["encoder.networks.front.bn1.weight"][0] == 1.0
    # there x y x y x y, here x x x y y y
    assert ours["encoder.networks.front.out.weight"][0].tolist() == [0, 2, 4, 1, 3, 5]
    assert ours["encoder.networks.front.mean"].flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert ours["encoder.networks.wrist.std"].flatten().tolist() == [1, 1, 1]  # nothing is known of it
    # there: 8 of the step, then 17 of the state, 6 of the wrist, 6 of the front, and again
    seen = ours["denoiser.films.4.condition.weight"][0].tolist()
    assert seen[:6] == [31, 32, 33, 34, 35, 36] and seen[6:12] == [25, 26, 27, 28, 29, 30]
    assert seen[12] == 60 and seen[24:26] == [8, 9] and seen[-1] == 53


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "act"}, "config.json: type='act' must be 'diffusion'"),
        ({"vision_backbone": "resnet34"}, "vision_backbone='resnet34' must be 'resnet18'"),
        ({"beta_schedule": "linear"}, "beta_schedule='linear' must be 'squaredcos_cap_v2'"),
        ({"n_obs_steps": 1}, "n_obs_steps=1 must be 2 for task walk"),
        ({"horizon": "8"}, "horizon='8' must be there"),
        (
            {"down_dims": [16, 32, 64]},
            "lacks diffusion.unet.down_modules.2.0.conv1.block.0.weight",
        ),
        ({"down_dims": [16]}, "lacks|holds weights of another network"),
        ({"kernel_size": 5}, "model.safetensors: does not fit config.json"),
        (
            {"input_features": {"observation.environment_state": {"type": "ENV", "shape": [2]}}},
            "observation.environment_state is not known",
        ),
        ({"input_features": {}}, r"config.json: input_features=\[\] must hold observation.state"),
        (
            {"input_features": {"observation.state": 2}},
            "input_features: observation.state=2 must be a mapping",
        ),
        (
            {"output_features": {"action": {"type": "ACTION", "shape": "2"}}},
            "config.json: output_features: action={.*} must be a mapping with type and shape",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changed, said):
    with pytest.raises(CheckpointError, match=said):
        read_policy(write(tmp_path / "p", unet(2, 4), STATISTICS, **changed), POINT)


def test_other_files_are_refused(tmp_path):
    folder = write(tmp_path / "p", unet(2, 4), STATISTICS)
    with pytest.raises(CheckpointError, match="state=2 must be 17 for task place"):
        read_policy(folder, replace(SEES, task=replace(SEES.task, cameras=())))
    (folder / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(CheckpointError, match="model.safetensors: cannot be read"):
        read_policy(folder, POINT)
    (folder / "policy_preprocessor.json").unlink()
    with pytest.raises(CheckpointError, match="cannot be read|policy_preprocessor.json: is not there"):
        read_policy(folder, POINT)
    assert isinstance(Cell(PANDA, PLACE.task), Cell)


def test_a_crop_that_is_no_height_and_width_is_named(tmp_path):
    cameras = {
        f"observation.images.{name}": {"type": "VISUAL", "shape": [3, 32, 32]} for name in ("front", "wrist")
    }
    changed = {
        "input_features": {"observation.state": {"type": "STATE", "shape": [17]}} | cameras,
        "output_features": {"action": {"type": "ACTION", "shape": [10]}},
        "crop_shape": 84,
    }
    with pytest.raises(CheckpointError, match="config.json: crop_shape=84 must be height and width"):
        read_policy(write(tmp_path / "p", {"a": torch.zeros(1)}, {}, **changed), SEES)
