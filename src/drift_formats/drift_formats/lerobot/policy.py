"""LeRobot's diffusion policies (U-Net, ResNet-18) as ours: `config.json` and safetensors, never pickle.

Its network is ours under other names. FiLM there scales by what the layer gives, here by one more. The linear
layer on step and observation is here one on each. Features of a step stand there behind its state, here in
front of all states. Key points are there pairs of x and y, here all x and then all y. It predicts the action
of each observed step but the last, too: these are `past_steps`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from drift_config.errors import DriftError
from drift_core.denoisers import UNetConfig
from drift_core.encoders import KeypointResNetConfig
from drift_core.errors import CheckpointError
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from drift_formats.format import Cell
from drift_formats.lerobot import layout
from drift_formats.lerobot.scaling import ColumnStatistics, normalizer_step

Tensors = dict[str, Tensor]

_CONFIG, _MODEL, _PREPROCESSOR = "config.json", "model.safetensors", "policy_preprocessor.json"
_NOT_WEIGHTS = ("pool.pos_grid", "num_batches_tracked")


@dataclass(frozen=True)
class Brought:
    """A policy from elsewhere."""

    policy: DiffusionPolicy  # in evaluation mode
    remarks: tuple[str, ...]  # what is to be known of it, in words


def read_policy(folder: Path, cell: Cell) -> Brought:
    """Return the policy in `folder` for a robot and a task; CheckpointError names what does not fit."""
    path = folder / _CONFIG
    theirs = _Config(_json(path), path)
    weights = _tensors(folder / _MODEL)
    statistics = _statistics(folder)
    config, remarks = _policy_config(theirs, cell)
    state = statistics.scaling(layout.STATE, "STATE", torch.zeros(theirs.state_dim))
    action = statistics.scaling(layout.ACTION, "ACTION", torch.zeros(theirs.action_dim))
    held = tuple((n, value) for n, value in enumerate(action.value.tolist()) if value == value)  # no NaN
    remarks += [f"action {n} never changed there: it stays {value:g}, also in training" for n, value in held]
    policy = DiffusionPolicy(replace(config, held_actions=held))
    found = dict(_unet(weights, theirs, config))
    for camera in config.observation.cameras:
        found |= _encoder(weights, theirs, camera.name, statistics)
    for name, scaling in (("state", state), ("action", action)):
        found |= {
            f"normalizer.{name}_centre": scaling.centre,
            f"normalizer.{name}_half_range": scaling.spread,
        }
    unused = [name for name in weights if not name.endswith(_NOT_WEIGHTS)]
    if unused:
        raise CheckpointError(f"{folder / _MODEL}: holds weights of another network: {', '.join(unused[:3])}")
    try:
        policy.load_state_dict(found)
    except RuntimeError as error:  # of torch, which lists all names and shapes that do not fit
        raise CheckpointError(f"{folder / _MODEL}: does not fit {_CONFIG}: {error}") from error
    return Brought(policy.eval(), tuple(remarks))


class _Config:
    """What config.json says, looked up by name."""

    def __init__(self, said: dict[str, Any], path: Path) -> None:
        self._said, self.path = said, path
        self.must("type", "diffusion")
        self.must("vision_backbone", "resnet18")
        self.must("beta_schedule", "squaredcos_cap_v2")
        self.must("n_groups", 8)  # its last block always has 8
        inputs, outputs = self._features("input_features"), self._features("output_features")
        self.cameras = [name for name, (kind, _) in inputs.items() if kind == "VISUAL"]
        for name in inputs:
            if name not in self.cameras and name != layout.STATE:
                raise CheckpointError(f"{path}: input_features: {name} is not known, only state and pictures")
        if layout.STATE not in inputs:
            raise CheckpointError(f"{path}: input_features={list(inputs)} must hold {layout.STATE}")
        if list(outputs) != [layout.ACTION]:
            raise CheckpointError(f"{path}: output_features={list(outputs)} must be action")
        self.state_dim, self.action_dim = inputs[layout.STATE][1][0], outputs[layout.ACTION][1][0]
        self.sizes = {name: inputs[name][1][1:] for name in self.cameras}

    def __call__(self, key: str, kind: Any) -> Any:
        """Return a value; CheckpointError where it is missing or of another type."""
        value = self._said.get(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CheckpointError(f"{self.path}: {key}={value!r} must be there and be of {kind}")
        return value

    def _features(self, key: str) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return kind and shape of each."""
        found = {}
        for name, feature in self(key, dict).items():
            kind, shape = (
                (feature.get("type"), feature.get("shape")) if isinstance(feature, dict) else (None, None)
            )
            if not isinstance(kind, str) or not shape or not _are_counts(shape):
                raise CheckpointError(
                    f"{self.path}: {key}: {name}={feature!r} must be a mapping with type and shape"
                )
            found[name] = kind, tuple(shape)
        return found

    def must(self, key: str, wanted: object) -> None:
        """Refuse another value."""
        if self._said.get(key) != wanted:
            raise CheckpointError(f"{self.path}: {key}={self._said.get(key)!r} must be {wanted!r}")

    def size(self, key: str) -> tuple[int, int] | None:
        """Return a height and a width, None where there are none."""
        value = self._said.get(key)
        if value is None:
            return None
        if not _are_counts(value) or len(value) != 2:
            raise CheckpointError(f"{self.path}: {key}={value!r} must be height and width")
        return value[0], value[1]

    def camera(self, name: str) -> str:
        """Return the input that is the camera `name`."""
        for column in self.cameras:
            if column.removeprefix(layout.IMAGES) == name:
                return column
        raise CheckpointError(
            f"{self.path}: has no pictures of the camera {name}, only {', '.join(self.cameras) or 'none'}"
        )


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(count) is int and count > 0 for count in value)


def _policy_config(theirs: _Config, cell: Cell) -> tuple[PolicyConfig, list[str]]:
    task, joints = cell.task, 0 if cell.arm is None else cell.arm.n_joints
    steps, horizon = theirs("n_obs_steps", int), theirs("horizon", int)
    wanted = (
        ("n_obs_steps", steps, task.observation_steps),
        ("state", theirs.state_dim, task.state_dim(joints)),
        ("action", theirs.action_dim, task.action_dim(joints)),
        ("pictures", len(theirs.cameras), len(task.cameras)),
        *(
            (camera.name, theirs.sizes[theirs.camera(camera.name)], (camera.height, camera.width))
            for camera in task.cameras
        ),
    )
    for what, got, want in wanted:
        if got != want:
            raise CheckpointError(f"{theirs.path}: {what}={got} must be {want} for task {task.name}")
    group = theirs("use_group_norm", bool)
    try:
        config = PolicyConfig(
            observation=task.observation_spec(joints),
            action_dim=theirs.action_dim,
            action_space=task.action_space,
            horizon=horizon,
            action_steps=min(theirs("n_action_steps", int), horizon - steps + 1),
            encoder=KeypointResNetConfig(
                keypoints=theirs("spatial_softmax_num_keypoints", int),
                resize=theirs.size("resize_shape"),
                crop=theirs.size("crop_shape"),
                norm="group" if group else "frozen_batch",
            )
            if theirs.cameras
            else None,
            denoiser=UNetConfig(
                down_dims=tuple(theirs("down_dims", list)),
                kernel_size=theirs("kernel_size", int),
                step_dim=theirs("diffusion_step_embed_dim", int),
            ),
            prediction=theirs("prediction_type", str),
            train_steps=theirs("num_train_timesteps", int),
            clip=theirs("clip_sample_range", float) if theirs("clip_sample", bool) else None,
            past_steps=steps - 1,
        )
    except (DriftError, ValueError) as error:
        raise CheckpointError(f"{theirs.path}: {error}") from error
    remarks = []
    if config.chunk_steps != task.horizon:
        remarks.append(
            f"to train it further, horizon of task {task.name} must be {config.chunk_steps}, "
            f"is {task.horizon}"
        )
    return config, remarks


def _unet(weights: Tensors, theirs: _Config, config: PolicyConfig) -> Iterator[tuple[str, Tensor]]:
    """Yield our tensors of the denoiser, and take theirs out of `weights`."""
    unet, levels = "diffusion.unet.", len(theirs("down_dims", list))
    for one, other in (
        ("diffusion_step_encoder.1", "embedding.first"),
        ("diffusion_step_encoder.3", "embedding.second"),
    ):
        yield from _both(weights, f"{unet}{one}", f"denoiser.{other}")
    blocks = [f"down_modules.{level}.{n}" for level in range(levels) for n in (0, 1)]
    blocks += [f"mid_modules.{n}" for n in (0, 1)]
    blocks += [f"up_modules.{level}.{n}" for level in range(levels - 1) for n in (0, 1)]
    columns = _condition_columns(theirs, config)
    step_dim, scaled = theirs("diffusion_step_embed_dim", int), theirs("use_film_scale_modulation", bool)
    for number, block in enumerate(blocks):
        for one, other in (("conv1", "first"), ("conv2", "second")):
            yield from _both(
                weights, f"{unet}{block}.{one}.block.0", f"denoiser.blocks.{number}.{other}.conv"
            )
            yield from _both(
                weights, f"{unet}{block}.{one}.block.1", f"denoiser.blocks.{number}.{other}.norm"
            )
        if f"{unet}{block}.residual_conv.weight" in weights:
            yield from _both(weights, f"{unet}{block}.residual_conv", f"denoiser.blocks.{number}.residual")
        film = _take(weights, f"{unet}{block}.cond_encoder.1.weight")
        bias = _take(weights, f"{unet}{block}.cond_encoder.1.bias")
        if scaled:
            bias = torch.cat([bias[: len(bias) // 2] - 1.0, bias[len(bias) // 2 :]])
        else:
            film, bias = torch.cat([torch.zeros_like(film), film]), torch.cat([torch.zeros_like(bias), bias])
        if film.shape[1] != step_dim + len(columns):
            raise CheckpointError(
                f"{theirs.path}: {block} sees {film.shape[1]} numbers, must see {step_dim + len(columns)}"
            )
        yield f"denoiser.films.{number}.step.weight", film[:, :step_dim].contiguous()
        yield f"denoiser.films.{number}.step.bias", bias
        yield f"denoiser.films.{number}.condition.weight", film[:, step_dim:][:, columns].contiguous()
    for level in range(levels - 1):
        yield from _both(weights, f"{unet}down_modules.{level}.2", f"denoiser.downsample.{level}")
        yield from _both(weights, f"{unet}up_modules.{level}.2", f"denoiser.upsample.{level}")
    yield from _both(weights, f"{unet}final_conv.0.block.0", "denoiser.leave.conv")
    yield from _both(weights, f"{unet}final_conv.0.block.1", "denoiser.leave.norm")
    yield from _both(weights, f"{unet}final_conv.1", "denoiser.to_action")


def _condition_columns(theirs: _Config, config: PolicyConfig) -> list[int]:
    """Return which of their numbers of the observation each of ours is."""
    spec = config.observation
    features = 2 * theirs("spatial_softmax_num_keypoints", int)
    of_step = spec.state_dim + features * len(theirs.cameras)
    columns: list[int] = []
    for step in range(spec.observation_steps):
        for camera in spec.cameras:
            number = theirs.cameras.index(theirs.camera(camera.name))
            begin = step * of_step + spec.state_dim + features * number
            columns += range(begin, begin + features)
    for step in range(spec.observation_steps):
        columns += range(step * of_step, step * of_step + spec.state_dim)
    return columns


def _encoder(
    weights: Tensors, theirs: _Config, camera: str, statistics: ColumnStatistics
) -> Iterator[tuple[str, Tensor]]:
    """Return our tensors of one camera's encoder; a shared one is copied for each."""
    column = theirs.camera(camera)
    separate = theirs("use_separate_rgb_encoder_per_camera", bool)
    prefix = (
        f"diffusion.rgb_encoder.{theirs.cameras.index(column)}." if separate else "diffusion.rgb_encoder."
    )
    names = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
    last = separate or column == theirs.camera(theirs.cameras[-1].removeprefix(layout.IMAGES))
    points = theirs("spatial_softmax_num_keypoints", int)
    ours = f"encoder.networks.{camera}."
    for name in [name for name in weights if name.startswith(prefix)]:
        rest = name.removeprefix(prefix)
        value = weights.pop(name) if last else weights[name]
        if rest.endswith(_NOT_WEIGHTS):
            continue
        if rest.startswith("backbone."):
            _, number, inner = rest.split(".", 2)
            yield f"{ours}{names.get(number, number)}.{inner}", value
        elif rest == "out.weight":
            order = [*range(0, 2 * points, 2), *range(1, 2 * points, 2)]
            yield f"{ours}out.weight", value[:, order].contiguous()
        else:
            yield f"{ours}{rest.replace('pool.nets', 'to_maps')}", value
    scaling = statistics.scaling(column, "VISUAL", torch.zeros(3, 1, 1))
    yield f"{ours}mean", scaling.centre
    yield f"{ours}std", scaling.spread


def _statistics(folder: Path) -> ColumnStatistics:
    path = folder / _PREPROCESSOR
    if not path.is_file():
        raise CheckpointError(
            f"{path}: is not there: the normalisation of a policy of lerobot before 0.4 is not read; "
            "migrate it with lerobot's processor migration first"
        )
    modes, file = normalizer_step(_json(path), path)
    return ColumnStatistics(file, modes, _tensors(file))


def _both(weights: Tensors, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "bias"):
        yield f"{ours}.{part}", _take(weights, f"{theirs}.{part}")


def _take(weights: Tensors, name: str) -> Tensor:
    if name not in weights:
        raise CheckpointError(f"{_MODEL}: lacks {name}, which {_CONFIG} asks for")
    return weights.pop(name)


def _tensors(path: Path) -> Tensors:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise CheckpointError(f"{path}: must hold a mapping, got {str(said)[:40]!r}")
    return said
