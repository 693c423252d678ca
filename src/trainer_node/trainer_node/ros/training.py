"""What a node needs to train: the worker behind an action, and checkpoints for other machines."""

import time

from drift_core.episodes import EpisodeStore
from drift_core.episodes.source import RemoteSource
from drift_interfaces.srv import ReadEpisode
from drift_ros.piece_client import PieceClient
from rclpy.node import Node

from trainer_node.config import TrainerConfig
from trainer_node.following import StoreFollower
from trainer_node.jobs import Jobs
from trainer_node.ros.hand_out import serve_checkpoints
from trainer_node.ros.train import BEHIND_S, TrainServer
from trainer_node.worker_process import WorkerProcess, worker_command, worker_environment

_WORKER_STOP_S = 0.6


class Training:
    """`tick`, called by a timer, moves the training round on."""

    def __init__(
        self, node: Node, config: TrainerConfig, handing_out: Jobs, follower: StoreFollower | None
    ) -> None:
        """`follower`: of the recorder's store, where that is on another machine."""
        warn = node.get_logger().warning
        self._follower = follower
        self._worker = WorkerProcess(
            worker_command(config.job()), worker_environment(), config.restarts(), warn
        )
        self._worker.start()  # it imports torch for seconds
        in_step = (lambda since_s: True) if follower is None else follower.in_step
        self._rounds = TrainServer(node, self._worker, in_step)
        serve_checkpoints(node, config.checkpoint_folder, handing_out)

    def tick(self) -> None:
        """Pass on what the worker has said."""
        self._rounds.tick()

    def quit(self) -> None:
        """Ask the worker to end."""
        self._worker.quit()

    def stop(self) -> None:
        """End the worker."""
        self._worker.stop(_WORKER_STOP_S)

    def trouble(self) -> list[str]:
        """Return in words what is wrong."""
        trouble = ["no training worker"] if self._worker.pid is None else []
        backlog = self._rounds.backlog
        if backlog.behind_s > BEHIND_S:
            waiting = f"{backlog.labels} labels wait, none is dropped"
            trouble.append(f"training is {backlog.behind_s:.0f} s behind: {waiting}")
        if self._follower is not None and (text := self._follower.trouble()):
            trouble.append(text)
        return trouble

    def values(self) -> dict[str, object]:
        """Return what diagnostics say of it."""
        newest, backlog = self._rounds.newest, self._rounds.backlog
        values: dict[str, object] = {
            "training": self._rounds.status,
            "training_backlog_labels": backlog.labels,
            "training_behind_s": backlog.behind_s,
            "training_steps_per_label": backlog.steps_per_label,
            "checkpoint_version": 0 if newest is None else newest.version,
            "checkpoint_age_s": 0.0 if newest is None else time.time() - newest.created_s,
        }
        if self._follower is not None:
            values |= {
                "episodes_followed": self._follower.episodes,
                "corrections_followed": self._follower.corrections,
            }
        return values


def recorder_follower(node: Node, store: EpisodeStore, limit_mb_s: float) -> StoreFollower:
    """Return what keeps a claimed store in step with that of the recorder on the robot's machine."""
    ask = PieceClient(node, ReadEpisode, "trainer/read_episode", "recorder")
    source = RemoteSource(
        lambda episode, file, offset, length: ask(episode=episode, file=file, offset=offset, length=length)
    )
    return StoreFollower(source, store, limit_mb_s * 1e6, node.get_logger().warning)
