"""Both parts of DRIFT-DAgger's training on one episode store: the offline bootstrapping, then online rounds.

Each round writes one checkpoint; the next online round starts from the one that LATEST names. Without ROS and
without processes, so that the worker, the command line and experiments run the very same thing.
"""

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from drift_config.errors import DriftError
from drift_config.loader import to_plain

from drift_core.arm import POINT, ArmModel
from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import batches, mixed_batches
from drift_core.data.training_data import FeatureCache, TrainingData
from drift_core.episodes import EpisodeStore
from drift_core.policy.batch import Batch
from drift_core.policy.checkpoint import (
    CheckpointInfo,
    LoadedCheckpoint,
    checkpoint_path,
    load_latest,
    next_version,
    read_latest,
    save_checkpoint,
)
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank.schedule import RankSchedule
from drift_core.task import TaskConfig
from drift_core.training.config import TrainConfig, TrainFile
from drift_core.training.state import check_architecture, load_trainer_state, save_trainer_state
from drift_core.training.trainer import Progress, Trainer, held_out_loss

_SAVE_SHARE = 0.02  # of the time may go into saving the state of a round
_ONLINE = re.compile(r"^online round (\d+)$")


class NoDataError(DriftError):
    """There is nothing to train on, or nothing to start from."""


class CancelledError(DriftError):
    """The round was given up on request; nothing was written."""


@dataclass(frozen=True)
class Hooks:
    """What a round tells, and asks, while it runs."""

    on_text: Callable[[str], None] = lambda text: None  # what is being prepared
    on_progress: Callable[[Progress], None] = lambda progress: None  # after each gradient step
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise CancelledError if it was asked for."""
        if self.cancelled():
            raise CancelledError("cancelled before the first step")


@dataclass(frozen=True)
class RoundReport:
    """What a round made."""

    path: Path
    sha256: str
    info: CheckpointInfo
    episodes: int  # trained on
    expert_labels: int  # in the whole store


class Rounds:
    """Train round after round. Episodes are read and decoded once, cached features computed once."""

    def __init__(
        self,
        arm: ArmModel | None,
        task: TaskConfig,
        train_file: TrainFile,
        store: EpisodeStore,
        checkpoint_folder: Path,
        device: str = "cpu",
        seed: int = 0,
        threads: int = 0,
        save_every_s: float = 10.0,
    ) -> None:
        """`arm` is None for a task without arm; `threads` 0: as `train_file` says.

        The state of a round is saved every `save_every_s`, more rarely if that took long.
        """
        self._robot_name = POINT if arm is None else arm.name
        self._task, self._file, self._folder = task, train_file, checkpoint_folder
        self._device, self._seed, self._threads = device, seed, threads
        self._save_every_s = save_every_s
        self._config = train_file.policy_config(task, 0 if arm is None else arm.n_joints)
        self._data = TrainingData(store, WindowCutter(store, arm, task))
        self._cache = FeatureCache((self._data.offline, self._data.online))

    def offline(self, hooks: Hooks | None = None, steps: int = 0, round_id: str = "") -> RoundReport:
        """Train a new policy on the demonstrations, its rank falling from full as scheduled.

        `steps` 0: as configured. With a `round_id` the state is saved on the way, and a second call with the
        same one goes on from there.
        """
        hooks = hooks or Hooks()
        self._update_data(hooks)
        data = self._data
        if not len(data.offline):
            raise NoDataError(f"no demonstration with an expert label in {data.folder}")
        config, schedule = self._shortened(self._file.offline, self._file.rank.offline, steps)
        trainer = self._trainer(self._new_policy(), config, schedule)
        self._cache.forget()
        stream = batches(data.offline, trainer.generator, config.batch_size)
        self._run(trainer, lambda generator: next(stream).to(self._device), hooks, round_id)
        return self._save(trainer, None, "offline", hooks, round_id)

    def online_round(self, hooks: Hooks | None = None, steps: int = 0, round_id: str = "") -> RoundReport:
        """Train the newest policy on, at the minimum rank, on demonstrations and interventions."""
        hooks = hooks or Hooks()
        self._update_data(hooks)
        data = self._data
        if not len(data.offline) and not len(data.online):
            raise NoDataError(f"no expert label in {data.folder}")
        parent = self._newest_checkpoint()
        config, schedule = self._shortened(self._file.online, self._file.rank.online, steps)
        trainer = self._trainer(parent.policy.to(self._device), config, schedule)
        stream = mixed_batches(
            data.offline, data.online, trainer.generator, config.batch_size, config.online_share
        )
        views = config.feature_views if config.freeze_encoder and self._config.encoder is not None else 0
        if views:
            hooks.on_text("encoding the new frames")
            self._cache.encode(trainer.policy, views, config.shift_px, self._seed, hooks.check)
        else:
            self._cache.forget()

        def next_batch(generator: torch.Generator) -> Batch:
            if views > 1:
                self._cache.choose(int(torch.randint(views, (), generator=generator)))
            return next(stream).to(self._device)

        self._run(trainer, next_batch, hooks, round_id)
        number = _ONLINE.match(parent.info.reason)
        reason = f"online round {int(number[1]) + 1 if number else 1}"
        return self._save(trainer, parent.info, reason, hooks, round_id)

    @property
    def threads(self) -> int:
        """Threads of torch outside the training loop."""
        return self._threads or self._file.online.threads

    def newest(self) -> tuple[Path, LoadedCheckpoint] | None:
        """Return the checkpoint that LATEST names, None before the first."""
        latest = read_latest(self._folder)
        return None if latest is None else (self._folder / latest.file, load_latest(self._folder))

    def _update_data(self, hooks: Hooks) -> None:
        with closing(self._data.update()) as texts:
            for text in texts:
                hooks.on_text(text)
                hooks.check()

    def _newest_checkpoint(self) -> LoadedCheckpoint:
        newest = self.newest()
        if newest is None:
            raise NoDataError(f"no checkpoint in {self._folder} to start from: train offline first")
        check_architecture(to_plain(newest[1].policy.config), to_plain(self._config), str(newest[0]))
        return newest[1]

    def _new_policy(self) -> DiffusionPolicy:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            policy = DiffusionPolicy(self._config)
        data = self._data.offline
        fitted = Normalizer.fit(data.state, data.actions, data.mask, self._task.action_space)
        policy.normalizer.load_state_dict(fitted.state_dict())
        return policy.to(self._device)

    def _trainer(self, policy: DiffusionPolicy, config: TrainConfig, schedule: RankSchedule) -> Trainer:
        generator = torch.Generator().manual_seed(self._seed + 1000 * next_version(self._folder))
        return Trainer(policy, config, schedule, generator, self._file.rank.modulation)

    def _shortened(
        self, config: TrainConfig, schedule: RankSchedule, steps: int
    ) -> tuple[TrainConfig, RankSchedule]:
        """Return both for a round of `steps`, the decay of the rank in proportion."""
        config = replace(config, threads=self._threads or config.threads)
        if steps in (0, config.steps):
            return config, schedule
        share = steps / config.steps
        warmup_steps = min(round(share * config.warmup_steps), steps - 1)
        return replace(config, steps=steps, warmup_steps=warmup_steps), schedule.scaled(share)

    def _run(self, trainer: Trainer, next_batch: Callable, hooks: Hooks, round_id: str) -> None:
        state = self._state_file(round_id)
        for other in self._folder.glob("resume_*.safetensors"):
            if other != state:
                other.unlink()
        if state is not None and state.is_file():
            trainer.load_state_dict(load_trainer_state(state))
            hooks.on_text(f"going on from step {trainer.round_step} of {trainer.config.steps}")
        save_due_s = time.monotonic() + self._save_every_s

        def on_step(progress: Progress) -> bool:
            nonlocal save_due_s
            hooks.on_progress(progress)
            if state is not None and time.monotonic() >= save_due_s:
                began_s = time.monotonic()
                save_trainer_state(state, trainer.state_dict())
                now_s = time.monotonic()
                save_due_s = now_s + max(self._save_every_s, (now_s - began_s) / _SAVE_SHARE)
            return hooks.cancelled()

        if trainer.run(next_batch, on_step=on_step).stopped:
            if state is not None:
                state.unlink(missing_ok=True)
            raise CancelledError(f"cancelled at step {trainer.round_step} of {trainer.config.steps}")

    def _save(
        self, trainer: Trainer, parent: CheckpointInfo | None, reason: str, hooks: Hooks, round_id: str
    ) -> RoundReport:
        hooks.on_text("evaluating on the held-out episodes")
        policy = trainer.merged_policy()
        held_out = self._data.held_out_batches(self._device)
        info = CheckpointInfo(
            task=self._task.name,
            robot=self._robot_name,
            version=next_version(self._folder),
            parent=0 if parent is None else parent.version,
            rank=trainer.rank,
            effective_rank=trainer.effective_rank,
            step=trainer.step + (0 if parent is None else parent.step),
            loss=held_out_loss(policy, held_out, self._seed) if held_out else None,
            reason=reason,
            created_s=time.time(),
        )
        path = checkpoint_path(self._folder, info.version)
        sha256 = save_checkpoint(path, policy, info)
        state = self._state_file(round_id)
        if state is not None:
            state.unlink(missing_ok=True)
        used = (self._data.offline,) if parent is None else (self._data.offline, self._data.online)
        episodes = sum(len(data.episode_ids) for data in used)
        return RoundReport(path, sha256, info, episodes, self._data.expert_labels)

    def _state_file(self, round_id: str) -> Path | None:
        """Where the state of a round is kept while it runs."""
        return self._folder / f"resume_{round_id}.safetensors" if round_id else None
