"""From a checkpoint file to a policy that may drive, or the reason why it may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from drift_config.errors import ConfigError, DriftError
from drift_core.engines import EngineError, make_engine
from drift_core.errors import CheckpointError
from drift_core.observation.spec import Observation, ObservationSpec
from drift_core.origin import Origin
from drift_core.policy.canary import blank_observation, check_fits, run_canary
from drift_core.policy.checkpoint import Base, HashMismatchError, load_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.policy.delta import BaseError, DigestMismatchError, WrongBaseError
from drift_core.policy.foresight import check_foresees
from drift_core.policy.loop import Actor
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import TaskConfig


class CandidateFault(IntEnum):
    """What is wrong with a candidate; the values of LoadCheckpoint.srv."""

    NOT_FOUND = 1
    HASH_MISMATCH = 2
    INVALID = 3
    INCOMPATIBLE = 4
    CANARY_FAILED = 5
    ROLLED_BACK = 6  # of announcements alone, no answer of the service
    NOT_FETCHED = 7  # likewise: the trainer's file cannot be brought over, or not be written here


@dataclass(frozen=True, eq=False)
class ActivePolicy(Actor):
    """A verified policy with a sampler and engines of its own."""

    engine: str  # of the denoiser
    encoder_engine: str  # empty without cameras
    sha256: str
    path: Path
    base: Base  # whole, on which the next delta may rest


class RefusedError(DriftError):
    """A candidate that may not drive; `fault` says why in a number, the message in words.

    `wanted`: names of the files, the candidate's own last, with which it might.
    """

    def __init__(self, fault: CandidateFault, message: str, wanted: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fault, self.wanted = fault, wanted


@dataclass(frozen=True)
class PolicySlot:
    """Where a policy is to work: it must have been trained for this robot and task."""

    robot: str
    task: TaskConfig
    n_joints: int

    @property
    def spec(self) -> ObservationSpec:
        """The observation that is assembled here."""
        return self.task.observation_spec(self.n_joints)

    def check(self, policy: DiffusionPolicy, info: CheckpointInfo) -> None:
        """Refuse a policy of another robot or task, or with other inputs or outputs, naming what differs.

        One that has learned several tasks is told which one it is here.
        """
        if objection := Origin(self.robot, self.task.name).objection(info):
            raise CheckpointError(f"the checkpoint does not fit: {objection}")
        check_fits(policy.config, self.spec, self.task.action_space)
        policy.serve(self.task.name)


@dataclass(frozen=True)
class Execution:
    """How a policy is run, by the names of config.py; `device` is "cpu" or "cuda"."""

    sampler: str
    engine: str
    device: str
    foresight: bool = False  # the policy must foresee


def load_candidate(
    path: Path,
    sha256: str,
    place: PolicySlot,
    execution: Execution,
    stored: Observation | None,
    running: Sequence[ActivePolicy] = (),
) -> ActivePolicy:
    """Load, verify and try a checkpoint, off the inference path; RefusedError if it may not drive.

    `sha256` is the announced hash, "" for none; `stored` an observation for the forward pass.
    `running`: what runs, newest first. Their bases are at hand for a delta, and where PyTorch was the faster
    engine for the same network or encoder, no other one is built to find that out again.
    """
    if not path.is_file():
        raise RefusedError(CandidateFault.NOT_FOUND, f"{path}: no such file", (path.name,))
    wanted: tuple[str, ...] = ()
    fault = CandidateFault.INVALID
    try:
        loaded = load_checkpoint(path, sha256 or None, [policy.base for policy in running])
        fault = CandidateFault.INCOMPATIBLE
        place.check(loaded.policy, loaded.info)
        sampler = loaded.policy.make_sampler(execution.sampler)
        if execution.foresight:
            check_foresees(loaded.policy)
        fault = CandidateFault.CANARY_FAILED
        policy = loaded.policy.to(execution.device)
        engine, encoder_engine = _use_engines(policy, execution.engine, running)
        run_canary(policy, stored or blank_observation(place.spec), execution.sampler)
    except (CheckpointError, ConfigError, EngineError) as error:
        text = str(error) if str(path) in str(error) else f"{path}: {error}"
        if isinstance(error, HashMismatchError | DigestMismatchError):
            fault = CandidateFault.HASH_MISMATCH
        elif isinstance(error, WrongBaseError):
            fault = CandidateFault.INCOMPATIBLE
        if isinstance(error, HashMismatchError):
            wanted = (path.name,)
        elif isinstance(error, BaseError):
            wanted = (checkpoint_path(path.parent, error.base_version).name, path.name)
        raise RefusedError(fault, text, wanted) from error
    return ActivePolicy(
        policy,
        sampler,
        loaded.info.version,
        engine,
        encoder_engine,
        loaded.sha256,
        path,
        loaded.base,
    )


def _use_engines(policy: DiffusionPolicy, name: str, running: Sequence[ActivePolicy]) -> tuple[str, str]:
    """Let engines run the networks of `policy`; return their names, that of the encoder empty without one."""
    network, camera_network = policy.config.denoiser, policy.config.encoder
    name_of_encoder = name
    if name == "auto" and running:
        before = running[0]
        if before.engine == "eager" and before.policy.config.denoiser == network:
            name = "eager"
        if before.encoder_engine == "eager" and before.policy.config.encoder == camera_network:
            name_of_encoder = "eager"
    engine = make_engine(name, policy.denoiser)
    encoder_engine = None if policy.encoder is None else make_engine(name_of_encoder, policy.encoder)
    policy.use_engine(engine, encoder_engine)
    return engine.name, "" if encoder_engine is None else encoder_engine.name
