"""The settings of training, as in config/train/*.yaml: one `TrainFile` with the policy, the rank and both
kinds of round."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from drift_core.denoisers import DenoiserConfig
from drift_core.denoisers.seen import LooksAhead
from drift_core.drafts import DraftConfig
from drift_core.encoders import EncoderConfig
from drift_core.objectives import DENOISING, D3poObjective, ObjectiveConfig, PairObjectiveConfig
from drift_core.policy.policy import PolicyConfig
from drift_core.preferences.marks import PairSource
from drift_core.rank import Form, RankPolicy, Subspace
from drift_core.rank.schedule import ScheduleConfig
from drift_core.samplers.noise_schedule import Prediction
from drift_core.task import TaskConfig
from drift_core.training.branches.config import B2Config
from drift_core.training.dsrl.config import DsrlConfig

Share = Annotated[float, Field(ge=0.0, le=1.0)]
_NEVER_S = 1e9


@dataclass(frozen=True, config=STRICT)
class TrainConfig:
    """One round of training: the offline bootstrapping, or one online round."""

    steps: Annotated[int, Field(ge=1)]  # gradient steps, the length of the learning-rate schedule
    batch_size: Annotated[int, Field(ge=1)]  # windows per step
    noise_draws: Annotated[int, Field(ge=1)]  # noises per window, so that an encoded frame is used that often
    lr: Annotated[float, Field(gt=0.0)]  # peak learning rate
    warmup_steps: Annotated[int, Field(ge=0)]  # linear from 0 to `lr`, then half a cosine down to lr_end
    weight_decay: Annotated[
        float, Field(ge=0.0)
    ]  # of AdamW; on weight matrices only, never on factors of one
    clip_norm: Annotated[float, Field(gt=0.0)]  # largest norm of the gradient
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)]  # per step, after warm-up
    threads: Annotated[
        int, Field(ge=1)
    ]  # of torch, while training; results repeat to the bit at the same number
    lr_end: Annotated[float, Field(ge=0.0)] = 0.0  # learning rate at the last step
    ema_power: Annotated[float, Field(gt=0.0, le=1.0)] = (
        0.75  # decay at step t of a round <= 1 - (1 + t)^-power
    )
    autocast: bool = False  # run the network in bfloat16 where torch's autocast does
    freeze_encoder: bool = False  # keep the image encoder as it is; batches then carry cached features
    shift_px: Annotated[int, Field(ge=0)] = 0  # random shift of the images, when frames are encoded
    feature_views: Annotated[int, Field(ge=1)] = (
        1  # cached encodings per frame, each with its own random shift
    )
    online_share: Share = 0.0  # share of online data in a batch
    # How often windows in which the expert stands still are drawn, as a share of the others; 0: never. 1 by
    # default: standing still at the end belongs to a task, and only a person can tell a pause from that.
    idle_weight: Share = 1.0

    def __post_init__(self) -> None:
        if self.warmup_steps >= self.steps:
            raise ConfigError(f"warmup_steps={self.warmup_steps} must be less than steps={self.steps}")
        if self.lr_end > self.lr:
            raise ConfigError(f"lr_end={self.lr_end} must be at most lr={self.lr}")
        if self.feature_views > 1 and not (self.freeze_encoder and self.shift_px):
            raise ConfigError(
                f"feature_views={self.feature_views} must be 1 unless freeze_encoder and shift_px are set"
            )


@dataclass(frozen=True, config=STRICT)
class ContinuousConfig:
    """Training without rounds (docs/drift.md §7); what does not stand here is as in the online round."""

    steps_per_label: Annotated[float, Field(gt=0.0)] = 8.0  # gradient steps that a new label is worth,
    # but fewer where those that wait would take longer than this.
    behind_s: Annotated[float, Field(gt=0.0)] = 5.0
    new_share: Share = 0.5  # of the interventions in a batch: drawn from corrections that are owed steps
    candidate_steps: Annotated[int, Field(ge=1)] = 200  # a candidate after so many steps since the last one,
    candidate_s: Annotated[float, Field(gt=0.0)] = (
        10.0  # or after so long, or when all labels had their share
    )
    slice_s: Annotated[float, Field(gt=0.0)] = 0.2  # of steps between two looks at the disk
    # By this share may the held-out loss of a candidate exceed that of the last version; by up to twice as
    # much where the windows differ so much that it may be noise.
    canary_tolerance: Annotated[float, Field(ge=0.0)] = 0.1
    # Memory of the averaged weights, as a share of the steps that were owed when the newest labels came.
    ema_share: Annotated[float, Field(gt=0.0, le=0.5)] = 0.25
    lr_share: Annotated[float, Field(gt=0.0)] = 0.5  # of the online round's rate: constant after its warm-up
    keep_versions: Annotated[int, Field(ge=2)] = 100  # of one stream on disk; older ones are deleted

    def unhurried(self) -> "ContinuousConfig":
        """Return the same without a clock: steps alone say when to look at the disk, and when a candidate is
        due, and no label gets fewer because it would take long."""
        return replace(self, behind_s=_NEVER_S, candidate_s=_NEVER_S, slice_s=_NEVER_S)

    def train_config(self, online: TrainConfig) -> TrainConfig:
        """Return the settings of the steps, of an online round whose rate stays after the warm-up."""
        lr = self.lr_share * online.lr
        return replace(online, lr=lr, lr_end=lr)


@dataclass(frozen=True, config=STRICT)
class PreferencesConfig:
    """A round on preferences (docs/related.md); what does not stand here is as in the online round."""

    objective: PairObjectiveConfig = D3poObjective()
    sources: Annotated[tuple[PairSource, ...], Field(min_length=1)] = ("take_overs", "marks")
    steps: Annotated[int, Field(ge=1)] = 600
    lr: Annotated[float, Field(gt=0.0)] = 5e-4
    # A version whose held-out loss is larger than its parent's by more than this share is not written.
    canary_tolerance: Annotated[float, Field(ge=0.0)] = 4.0

    def train_config(self, online: TrainConfig) -> TrainConfig:
        """Return the settings of the round, of the online one."""
        warmup_steps = min(online.warmup_steps, self.steps - 1)
        lr_end = min(online.lr_end, self.lr)
        return replace(online, steps=self.steps, lr=self.lr, warmup_steps=warmup_steps, lr_end=lr_end)


@dataclass(frozen=True, config=STRICT)
class RankConfig:
    """Which layers are rank-modulated, and how (docs/drift.md)."""

    form: Form = "left"
    policy: RankPolicy = "fast"
    part: Literal["denoiser", "encoder", "all"] = "denoiser"  # of the policy
    kinds: tuple[Literal["Linear", "Conv1d", "Conv2d", "ConvTranspose1d"], ...] = (
        "Linear",
        "Conv1d",
        "Conv2d",
        "ConvTranspose1d",
    )
    subspace: Subspace = "top"
    bfloat16: bool = False  # compute the frozen part in bfloat16, where the processor has it
    moments: Literal["carry", "reset"] = "carry"  # Adam's moments when the rank of a layer changes
    # The averaged weights then: completed with what was averaged before, or begun anew at the present ones.
    averages: Literal["carry", "restart"] = "carry"
    # Learning rate of factors: raised so that a step changes the weight as much as a dense one would, or as
    # it is.
    factor_lr: Literal["matched", "same"] = "matched"

    def where(self, name: str, layer: nn.Module) -> bool:
        """Return whether the layer called `name` is to be modulated."""
        inside = self.part == "all" or name == self.part or name.startswith(f"{self.part}.")
        return inside and type(layer).__name__.removeprefix("Modulated") in self.kinds


@dataclass(frozen=True, config=STRICT)
class PolicySection:
    """The part of PolicyConfig that does not follow from the task and the robot."""

    encoder: EncoderConfig | None
    denoiser: DenoiserConfig
    prediction: Prediction
    sampler: str  # for evaluation, e.g. ddim-8
    train_steps: Annotated[int, Field(ge=2)] = 100
    discrete_columns: tuple[int, ...] = ()  # action columns with two values; [9]: the gripper of tcp_pose
    drafts: tuple[DraftConfig, ...] = ()  # for the samplers draft-<steps> and anchored-<steps>


@dataclass(frozen=True, config=STRICT)
class Ranks:
    """Rank modulation and its two schedules."""

    modulation: RankConfig
    offline: ScheduleConfig
    online: ScheduleConfig


@dataclass(frozen=True, config=STRICT)
class TrainFile:
    """One file of config/train."""

    policy: PolicySection
    rank: Ranks
    offline: TrainConfig
    online: TrainConfig
    continuous: ContinuousConfig = ContinuousConfig()
    preferences: PreferencesConfig = PreferencesConfig()
    dsrl: DsrlConfig = DsrlConfig()
    b2: B2Config = B2Config()
    objective: ObjectiveConfig = DENOISING
    # Decoded frames of the episodes that are kept in memory; the others are decoded each time they are drawn.
    image_memory_mb: Annotated[int, Field(ge=0)] = 4096

    def __post_init__(self) -> None:
        network, objective = self._network_steps, self.objective.future_steps
        if network and objective and network != objective:
            raise ConfigError(
                f"objective.future_steps={list(objective)} must be those of the denoiser, {list(network)}, "
                "or left out"
            )
        if self.objective.unlabelled and not self.future_steps:
            raise ConfigError(
                "objective.unlabelled=true needs future_steps: nothing else is learned without labels"
            )

    @property
    def future_steps(self) -> tuple[int, ...]:
        """Observations to come that batches carry, in policy steps from the newest one."""
        return self._network_steps or self.objective.future_steps

    @property
    def _network_steps(self) -> tuple[int, ...]:
        network = self.policy.denoiser
        return network.future_steps if isinstance(network, LooksAhead) else ()

    def policy_config(self, task: TaskConfig, n_joints: int) -> PolicyConfig:
        """Return the policy for `task` on an arm with `n_joints`; without encoder for a task without
        cameras."""
        return PolicyConfig(
            observation=task.observation_spec(n_joints),
            action_dim=task.action_dim(n_joints),
            action_space=task.action_space,
            horizon=task.horizon,
            action_steps=task.action_steps,
            encoder=self.policy.encoder if task.cameras else None,
            denoiser=self.policy.denoiser,
            prediction=self.policy.prediction,
            train_steps=self.policy.train_steps,
            discrete_columns=self.policy.discrete_columns,
            drafts=self.policy.drafts,
            tasks=task.names if len(task.names) > 1 else (),
        )


def load_train_file(path: Path | str) -> TrainFile:
    """Read one file of config/train."""
    return load_yaml(path, TrainFile)
