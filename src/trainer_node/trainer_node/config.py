"""The trainer's parameters; values in config/nodes.yaml, section `trainer`."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from trainer_node.episode_runner import EpisodeTiming
from trainer_node.worker_messages import WorkerJob
from trainer_node.worker_process import RestartPolicy

if TYPE_CHECKING:
    from drift_core.episodes import ImageEncoding

Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class TrainerConfig:
    """Flat, because ROS parameters are; the methods group what belongs together."""

    role: Literal["all", "record", "train"]
    """record: episodes only, beside the robot; train: only, on what a recorder on another machine writes"""
    robot_file: Path
    """the arm: config/robots/<robot>.yaml, or <robot>+<gripper>.yaml"""
    task_file: Path
    """config/tasks/<task>.yaml"""
    train_file: Path
    """config/train/<name>.yaml"""
    episode_folder: Path
    """where episodes are written and trained on"""
    checkpoint_folder: Path
    """where checkpoints and LATEST are written"""
    fetch_mb_s: Positive
    """at most, of episodes from the recorder's machine, in MB/s; with role train"""
    image_transport: Literal["raw", "compressed"]
    """of the topics of the cameras"""
    image_format: Literal["png", "jpeg"]
    """of the pictures on disk: png, which loses nothing, or jpeg, which is smaller and faster to read"""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]
    """of image_format jpeg"""
    image_encoders: Annotated[int, Field(ge=1, le=16)]
    """threads that encode pictures"""
    # training worker
    device: str
    """where the worker trains: cpu or cuda"""
    seed: Annotated[int, Field(ge=0)]
    """of batches and noise in training"""
    worker_threads: Annotated[int, Field(ge=0)]
    """of torch; 0: as the train_file says"""
    worker_save_s: Positive
    """between two saved states of a running round"""
    worker_niceness: Annotated[int, Field(ge=0, le=19)]
    """of the training worker"""
    restart_wait_s: Positive
    """before the first restart of the worker; doubled for each further one"""
    restart_longest_wait_s: Positive
    """longest wait before a restart"""
    restart_attempts: Annotated[int, Field(ge=0)]
    """restarts of the worker for one request"""
    worker_silence_s: Positive
    """a busy worker that says nothing for so long is restarted"""
    # episodes
    control_rate_hz: Positive
    """of the gate; tells which control ticks are late"""
    tail_s: Annotated[float, Field(ge=0)]
    """recorded after a success, so that labels reach the end"""
    policy_timeout_s: Positive
    """for a policy to become active"""
    home_timeout_s: Positive
    """for the arm to come home"""
    service_timeout_s: Positive
    """for an answer to stop, arm or reset"""
    person_timeout_s: Positive
    """for a person to reset the objects and arm"""
    gate_timeout_s: Positive
    """an episode without gate/state for so long ends"""
    input_timeout_s: Positive
    """an episode ends when a camera, joint_states or gate/step is not recorded for so long"""

    # bags
    record_bag: bool
    """whether a bag of rosbag2 is recorded beside each episode, in the folder bags beside the episodes"""
    bag_topics: tuple[str, ...]
    """recorded into it beside what the episode is made of, where they are there"""
    bag_queue_mb: Positive
    """messages of a bag that may wait to be written; more are left out, counted and said"""

    @property
    def bag_folder(self) -> Path:
        """Where bags are written, one folder for each episode."""
        return self.episode_folder.parent / "bags"

    def image_encoding(self) -> "ImageEncoding":
        """Return how pictures are stored."""
        # brings OpenCV, which changes the environment of whoever reads parameter files only
        from drift_core.episodes import ImageEncoding

        return ImageEncoding(self.image_format, self.jpeg_quality)

    def timing(self) -> EpisodeTiming:
        """Return how long the phases of an episode may take."""
        return EpisodeTiming(**{field.name: getattr(self, field.name) for field in fields(EpisodeTiming)})

    def job(self) -> WorkerJob:
        """Return what the training worker is told at its start."""
        return WorkerJob(
            robot_file=str(self.robot_file),
            task_file=str(self.task_file),
            train_file=str(self.train_file),
            episode_folder=str(self.episode_folder),
            checkpoint_folder=str(self.checkpoint_folder),
            log_folder=str(self.checkpoint_folder.parent / "tensorboard"),
            device=self.device,
            seed=self.seed,
            threads=self.worker_threads,
            save_every_s=self.worker_save_s,
            niceness=self.worker_niceness,
        )

    def restarts(self) -> RestartPolicy:
        """Return how a worker that ended is started again."""
        return RestartPolicy(
            first_wait_s=self.restart_wait_s,
            longest_wait_s=self.restart_longest_wait_s,
            attempts=self.restart_attempts,
            silence_s=self.worker_silence_s,
        )
