"""The diffusion policy: encoder, normaliser and denoiser around one noise schedule (arXiv 2303.04137).

Tensors are raw (SI units) outside and normalised inside. Names of axes as in `batch.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch
from drift_config.errors import ConfigError, DriftError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.denoisers import DenoiserConfig, Seen, make_denoiser
from drift_core.denoisers.windows import FutureWindows, Noise, Windows
from drift_core.drafts import DraftConfig, DraftNetwork, Room, make_draft
from drift_core.encoders import CameraEncoder, EncoderConfig
from drift_core.engines import Engine
from drift_core.engines.engine import EAGER
from drift_core.engines.parts import TRUNK
from drift_core.errors import ShapeError
from drift_core.noise import NoiseActor, NoiseActorConfig
from drift_core.observation.spec import Observation, ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.normalizer import ROTATION, Normalizer
from drift_core.samplers import DEFAULT_CLIP, Guide, Prefix, Sampler, Start, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.sampler import draw
from drift_core.share import Portion, alone

NOISE_ACTOR = "noise_actor."  # how the names of its tensors begin
Encode = Callable[[str, np.ndarray], Tensor]  # camera, image (H, W, 3) uint8 -> features (D,) of that camera


class NonFiniteError(DriftError, ArithmeticError):
    """The observation or the network's output is not finite; nothing of it may reach the arm."""


@dataclass(frozen=True, config=STRICT)
class PolicyConfig:
    """Everything that fixes the shape and meaning of a policy's weights; stored with them."""

    observation: ObservationSpec
    action_dim: Annotated[int, Field(gt=0)]  # A
    action_space: Literal["tcp_pose", "joint_position", "point"]
    horizon: Annotated[int, Field(gt=0)]  # steps that the network predicts
    action_steps: Annotated[int, Field(gt=0)]  # executed steps, <= T
    encoder: EncoderConfig | None  # None for a policy without cameras
    denoiser: DenoiserConfig
    prediction: Prediction = "epsilon"
    train_steps: Annotated[int, Field(ge=2)] = 100  # K, steps of the noise schedule
    clip: Annotated[float, Field(gt=0)] | None = DEFAULT_CLIP  # of normalised actions while sampling
    # Two-valued action columns (a gripper that opens or closes): trained at +- `discrete_scale`, so that even
    # the last denoising steps can still flip them, and put back to their extremes by sign ("scale" treatment,
    # arXiv 2508.05396).
    discrete_columns: tuple[int, ...] = ()
    discrete_scale: Annotated[float, Field(gt=0, le=1)] = 0.1
    drafts: tuple[DraftConfig, ...] = ()  # what samplers may begin from instead of noise; one of a kind
    # first of the predicted steps that are over at the time of the observation, as LeRobot's policies have
    # them: neither trained on nor handed out
    past_steps: Annotated[int, Field(ge=0)] = 0
    # action columns and their raw values: one that never changed in another's training has no scale, so that
    # it stays what it was, whatever the network says or a label is
    held_actions: tuple[tuple[int, Annotated[float, Field(allow_inf_nan=False)]], ...] = ()
    tasks: tuple[str, ...] = ()  # names of several that it has learned, the condition says which; (): of one
    noise: NoiseActorConfig | None = None  # that chooses the first latent; None: it is drawn from N(0, I)

    @property
    def chunk_steps(self) -> int:
        """T, steps of a chunk."""
        return self.horizon - self.past_steps

    def __post_init__(self) -> None:
        if self.action_steps > self.chunk_steps:
            raise ConfigError(
                f"action_steps={self.action_steps} must be at most horizon={self.horizon} less "
                f"past_steps={self.past_steps}"
            )
        if self.action_space == "tcp_pose" and self.action_dim != 10:
            raise ConfigError(f"action_dim={self.action_dim} must be 10 for action_space='tcp_pose'")
        if (self.encoder is None) != (not self.observation.cameras):
            cameras = [camera.name for camera in self.observation.cameras]
            raise ConfigError(
                f"encoder={self.encoder} must be given if and only if there are cameras={cameras}"
            )
        if any(not 0 <= column < self.action_dim for column in self.discrete_columns):
            raise ConfigError(
                f"discrete_columns={list(self.discrete_columns)} must lie in [0, {self.action_dim - 1}]"
            )
        if any(not 0 <= column < self.action_dim for column, _ in self.held_actions):
            raise ConfigError(
                f"columns of held_actions={list(self.held_actions)} must lie in [0, {self.action_dim - 1}]"
            )
        if len(self.tasks) == 1 or len(set(self.tasks)) < len(self.tasks):
            raise ConfigError(f"tasks={list(self.tasks)} must be several different ones, or none")
        kinds = [draft.kind for draft in self.drafts]
        if len(set(kinds)) != len(kinds):
            raise ConfigError(f"drafts of kind {kinds} must be one of a kind")


class DiffusionPolicy(nn.Module):
    """Denoise a chunk of actions (B, T, A), given what the cameras and joints have just shown."""

    discrete: Tensor

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        spec = config.observation
        self.config = config
        self.schedule = NoiseSchedule(config.train_steps)
        self.normalizer = Normalizer(spec.state_dim, config.action_dim, config.held_actions)
        self.encoder = None if config.encoder is None else CameraEncoder(config.encoder, spec.cameras)
        self.feature_dim = 0 if self.encoder is None else self.encoder.feature_dim  # D
        seen_dim = spec.observation_steps * (self.feature_dim + spec.state_dim)
        condition_dim = len(config.tasks) + seen_dim  # C
        cameras = tuple(camera.name for camera in spec.cameras)
        seen = Seen(self.feature_dim, spec.state_dim, cameras)
        sizes = (config.horizon, config.action_dim, condition_dim)
        self.denoiser = make_denoiser(config.denoiser, *sizes, seen)
        room = Room(*sizes, _pose_columns(config, condition_dim))
        self.drafts = nn.ModuleDict({draft.kind: make_draft(draft, room) for draft in config.drafts})
        self.noise_actor = None if config.noise is None else NoiseActor(config.noise, *sizes)
        discrete = torch.zeros(config.action_dim, dtype=torch.bool)
        discrete[list(config.discrete_columns)] = True
        self.register_buffer("discrete", discrete, persistent=False)
        self._engine: Engine | None = None
        self._encoder_engine: Engine | None = None
        self._task: int | None = None  # that it acts for, of several

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.normalizer.state_centre.device

    def serve(self, task: str) -> None:
        """Act for `task` from now on; a policy of one task does so anyway.

        ConfigError: it has learned several, and this is none of them.
        """
        if not self.config.tasks:
            return
        if task not in self.config.tasks:
            learned = ", ".join(self.config.tasks)
            raise ConfigError(f"task={task!r} must be one of those that the policy has learned: {learned}")
        self._task = self.config.tasks.index(task)

    def make_sampler(self, name: str) -> Sampler:
        """Return the sampler called `name` for this policy's schedule and prediction.

        ConfigError: there is none, it needs a draft that this policy does not have, or this policy has an
        actor for its noise, from which the chunks of that sampler do not follow.
        """
        sampler = make_sampler(name, self.schedule, self.config.prediction, self.config.clip)
        if self.noise_actor is not None and not sampler.determined:
            raise ConfigError(
                f"sampler={name!r} must be deterministic and begin from noise, such as ddim-8: the policy "
                "has an actor that chooses this noise"
            )
        sampler.begin_from({kind: draft for kind, draft in self._each_draft()})
        return sampler

    @torch.no_grad()
    def fit_drafts(self, state: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """Take from demonstrations what drafts do not learn by gradients; after the normaliser was fitted.

        `state` (N, To, S) and `actions` (N, T, A), raw, the latter valid where `mask` (N, T). DataError: too
        few.
        """
        columns = _state_columns(self.config)
        centre = self.normalizer.state_centre[columns]
        shift = self.normalize_actions(centre)
        scale = self.normalize_actions(centre + self.normalizer.state_half_range[columns]) - shift
        for _, draft in self._each_draft():
            draft.pose_scale.copy_(scale)
            draft.pose_shift.copy_(shift)
            pose = self.normalize_actions(state[:, -1, columns])
            draft.fit(self.normalize_actions(actions), mask, pose, generator)

    def with_noise_actor(self, config: NoiseActorConfig | None) -> "DiffusionPolicy":
        """Return a copy with a new actor that chooses N(0, I), or with none, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            policy = DiffusionPolicy(replace(self.config, noise=config))
        kept = {name: value for name, value in self.state_dict().items() if not name.startswith(NOISE_ACTOR)}
        policy.load_state_dict(policy.state_dict() | kept)
        return policy.to(self.device).eval()

    def use_engine(self, denoiser: Engine | None, encoder: Engine | None = None) -> None:
        """Let engines, made for this policy's networks, run them in `act`; None: PyTorch as it is."""
        self._engine, self._encoder_engine = denoiser, encoder

    def encode_frames(
        self,
        images: dict[str, Tensor],
        shift_px: int = 0,
        generator: torch.Generator | None = None,
        among: Portion | None = None,
    ) -> Tensor:
        """Return features (F, D) of `images`, by camera (F, 3, H, W) uint8; (0, 0) without cameras.

        `among`: which frames of a whole batch they are, as of `random_shift`.
        """
        if self.encoder is None:
            return torch.zeros(0, 0, device=self.device)
        return self.encoder(images, shift_px, generator, among)

    @torch.no_grad()
    def encode_frame(self, camera: str, image: np.ndarray) -> Tensor:
        """Return the features (D,) of one camera's `image` (H, W, 3) uint8, by the engine if there is one.

        Frames are encoded one by one: of a batch, the last bits depend on what else is in it.
        """
        if self.encoder is None:
            raise ShapeError(f"camera {camera!r}: this policy has no encoder")
        frame = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None]
        engine = self._encoder_engine
        run = self.encoder.network(camera) if engine is None else engine.checked_runs(self.encoder)[camera]
        features: Tensor = run(frame)[0]
        return features

    def condition(
        self, features: Tensor, frame_index: Tensor, state: Tensor, task: Tensor | None = None
    ) -> Tensor:
        """Return (B, C) from rows `frame_index` (B, To) of `features` (F, D), and raw `state` (B, To, S).

        `task` (B,): which one, of several; None: the one that it acts for. ConfigError: nobody said which.
        """
        spec = self.config.observation
        if tuple(state.shape[1:]) != (spec.observation_steps, spec.state_dim):
            raise ShapeError(
                f"state must be (B, {spec.observation_steps}, {spec.state_dim}), got {tuple(state.shape)}"
            )
        parts = [self.normalizer.normalize_state(state).flatten(1)]  # last: see `_pose_columns`
        if self.encoder is not None:
            if features.shape[-1] != self.feature_dim:
                raise ShapeError(f"features must be (F, {self.feature_dim}), got {tuple(features.shape)}")
            parts.insert(0, features[frame_index].flatten(1))
        if self.config.tasks:
            parts.insert(0, self._said(task, state))
        return torch.cat(parts, dim=1)

    def _said(self, task: Tensor | None, state: Tensor) -> Tensor:
        """Return (B, tasks), 1 for the task of each row."""
        if task is None:
            if self._task is None:
                raise ConfigError(
                    f"a policy that has learned {', '.join(self.config.tasks)} must be told for which to act"
                )
            task = torch.full((len(state),), self._task, device=state.device)
        return functional.one_hot(task, len(self.config.tasks)).to(state)

    def loss_terms(
        self, batch: Batch, generator: torch.Generator, noise_draws: int = 1, shift_px: int = 0
    ) -> dict[str, Tensor]:
        """Return the network's loss terms by name, with `noise_draws` noises per window.

        Of a share of a batch the terms are what it adds to those of the whole.
        """
        windows, share = self.windows(batch, generator, shift_px), batch.share
        among = None if share is None else share.windows
        noise = Noise(self.schedule, self.config.prediction, generator, noise_draws, among)
        terms = self.denoiser.loss_terms(windows, noise)
        for _, draft in self._each_draft():
            terms |= draft.loss_terms(windows, noise, self.denoiser)
        return terms

    def windows(self, batch: Batch, generator: torch.Generator, shift_px: int = 0) -> Windows:
        """Return the windows of `batch` as the network sees them.

        Cached `batch.features` are used where there are any, else the frames are encoded, each once.
        """
        config = self.config
        if tuple(batch.actions.shape[1:]) != (config.chunk_steps, config.action_dim):
            raise ShapeError(
                f"actions must be (B, {config.chunk_steps}, {config.action_dim}), "
                f"got {tuple(batch.actions.shape)}"
            )
        features, share = batch.features, batch.share
        if features is None:
            among = None if share is None else share.frames
            features = self.encode_frames(batch.images, shift_px, generator, among)
        return Windows(
            condition=self.condition(features, batch.frame_index, batch.state, batch.task),
            actions=self.with_past(self.normalize_actions(batch.actions)),
            mask=functional.pad(batch.mask, (config.past_steps, 0)),  # false
            future=self._future(features, batch),
            returns=batch.returns,
            total=alone if share is None else share.total,
        )

    def _future(self, features: Tensor, batch: Batch) -> FutureWindows | None:
        future = batch.future
        if future is None:
            return None
        index = future.frame_index
        shown = features.new_zeros(*index.shape, 0) if self.encoder is None else features[index]
        state = self.normalizer.normalize_state(future.state)
        return FutureWindows(shown, state, future.mask, index, batch.images)

    def sample(
        self,
        condition: Tensor,
        sampler: Sampler,
        generator: torch.Generator,
        initial: Tensor | None = None,
        start: Start | None = None,
        guide: Guide | None = None,
        prefix: Prefix | None = None,
    ) -> Tensor:
        """Return raw actions (B, T, A) for `condition` (B, C).

        `initial`, `start` and `guide` are in normalised units (`samplers/sampler.py`), `prefix` in raw ones.
        `initial` None: drawn, by the noise actor where there is one.
        """
        shape = (condition.shape[0], self.config.horizon, self.config.action_dim)
        engine = self._engine if shape[0] == 1 and not torch.is_grad_enabled() else None
        runs = {} if engine is None else engine.checked_runs(self.denoiser)
        # PyTorch runs the network as that does it best; for its parts alone there is nothing to gain.
        trunk = None if engine is None or engine.name == EAGER else runs[TRUNK]
        denoise = self.denoiser.hoist(condition, self.schedule.train_steps, trunk, generator)
        if prefix is not None:
            known = self.with_past(self.normalize_actions(prefix.known.to(condition)))
            prefix = Prefix(known, functional.pad(prefix.weight, (self.config.past_steps, 0)))  # 0: free
        device = condition.device
        if self.noise_actor is not None and initial is None and start is None:
            initial = self.noise_actor.latent(condition, draw(shape, generator).to(device))
        normal = sampler.sample(denoise, shape, generator, initial, start, guide, prefix, device, condition)
        return self.denormalize_actions(normal[:, self.config.past_steps :])

    def with_past(self, actions: Tensor) -> Tensor:
        """Return `actions` (B, T, A) with the first one also for the steps that are over."""
        return torch.cat([actions[:, :1].expand(-1, self.config.past_steps, -1), actions], dim=1)

    @torch.no_grad()
    def act(
        self,
        observation: Observation,
        sampler: Sampler,
        generator: torch.Generator,
        prefix: Prefix | None = None,
        encode: Encode | None = None,
    ) -> np.ndarray:
        """Return the chunk (T, A), float32, raw, whose step i is due at `t_ref_s + (i + 1) dt_s`.

        `encode` may remember frames, and is otherwise `encode_frame`. ShapeError: the observation does not
        fit; NonFiniteError: it, or what became of it, is not finite.
        """
        condition = self.observe(observation, encode)
        sampler.observe(observation.t_ref_s, self.config.observation.dt_s, condition)
        chunk = self.sample(condition, sampler, generator, prefix=prefix)[0].float().cpu().numpy()
        if not np.isfinite(chunk).all():
            raise NonFiniteError("the network's output must be finite, got NaN or infinity")
        return chunk

    @torch.no_grad()
    def observe(self, observation: Observation, encode: Encode | None = None) -> Tensor:
        """Return the condition (1, C) of one observation; `encode` as in `act`."""
        spec, encode = self.config.observation, encode or self.encode_frame
        if not np.isfinite(observation.state).all():
            raise NonFiniteError(f"the state must be finite, got {observation.state[-1].tolist()}")
        for camera in spec.cameras:
            frames = observation.images.get(camera.name)
            expected = (spec.observation_steps, camera.height, camera.width, 3)
            if frames is None or frames.shape != expected or frames.dtype != np.uint8:
                got = "nothing" if frames is None else f"{frames.shape} {frames.dtype}"
                raise ShapeError(f"images of camera {camera.name!r} must be {expected} uint8, got {got}")
        parts = [
            encode(camera.name, observation.images[camera.name][step])
            for step in range(spec.observation_steps)
            for camera in spec.cameras
        ]
        state = torch.from_numpy(np.asarray(observation.state, dtype=np.float32)).to(self.device)
        rows = torch.arange(spec.observation_steps, device=self.device)
        features = torch.cat(parts).view(spec.observation_steps, -1) if parts else state.new_zeros(0, 0)
        return self.condition(features, rows[None], state[None])

    def _each_draft(self) -> list[tuple[str, DraftNetwork]]:
        return [(kind, draft) for kind, draft in self.drafts.items() if isinstance(draft, DraftNetwork)]

    def normalize_actions(self, actions: Tensor) -> Tensor:
        """Return (B, T, A) as the network sees them."""
        normal = self.normalizer.normalize_action(actions)
        if self.config.discrete_columns:
            normal = torch.where(self.discrete, normal * self.config.discrete_scale, normal)
        return normal

    def denormalize_actions(self, normal: Tensor) -> Tensor:
        """Return raw actions (B, T, A); rotations orthonormal, discrete columns at an extreme."""
        if self.config.discrete_columns:
            normal = torch.where(self.discrete, torch.where(normal < 0.0, -1.0, 1.0), normal)
        actions = self.normalizer.denormalize_action(normal)
        if self.config.action_space != "tcp_pose":
            return actions
        rotation = orthonormal_6d(actions[..., ROTATION])
        return torch.cat([actions[..., : ROTATION.start], rotation, actions[..., ROTATION.stop :]], dim=-1)


def _state_columns(config: PolicyConfig) -> list[int]:
    """Return which entry of a state is what each action would be if the arm stayed, (A,)."""
    if config.action_space == "joint_position":  # joints, gripper; a state: pose, gripper, joints
        return [*range(10, 10 + config.action_dim - 1), 9]
    return list(range(config.action_dim))


def _pose_columns(config: PolicyConfig, condition_dim: int) -> tuple[int, ...]:
    """Return where these are in the condition, which ends with the newest state."""
    begin = condition_dim - config.observation.state_dim
    return tuple(begin + column for column in _state_columns(config))


def orthonormal_6d(rotation: Tensor) -> Tensor:
    """Return the 6-D `rotation` (..., 6), two columns of a matrix, made orthonormal by Gram-Schmidt."""
    first = functional.normalize(rotation[..., :3], dim=-1)
    second = rotation[..., 3:]
    second = second - (first * second).sum(dim=-1, keepdim=True) * first
    return torch.cat([first, functional.normalize(second, dim=-1)], dim=-1)
