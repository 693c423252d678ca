"""The services trainer/read_checkpoint and trainer/read_episode, for who does not see this disk."""

from pathlib import Path

from drift_core.episodes import EpisodeStore
from drift_core.episodes.handout import Handout
from drift_core.pieces import Piece
from drift_core.policy.pieces import read_piece
from drift_interfaces.srv import ReadCheckpoint, ReadEpisode
from drift_ros.piece_server import PieceServer
from rclpy.node import Node

from trainer_node.jobs import Jobs


def serve_checkpoints(node: Node, folder: Path, jobs: Jobs) -> None:
    """Hand out the checkpoints of a folder."""

    def read(asked: ReadCheckpoint.Request) -> Piece:
        return read_piece(folder, asked.name, asked.offset, asked.length)

    PieceServer(node, ReadCheckpoint, "trainer/read_checkpoint", read, jobs.ask)


def serve_episodes(node: Node, store: EpisodeStore, jobs: Jobs) -> None:
    """Hand out the finished episodes of a store, and the corrections of the open one; `jobs`: one thread."""
    handout = Handout(store)

    def read(asked: ReadEpisode.Request) -> Piece:
        return handout(asked.episode, asked.file, asked.offset, asked.length)

    PieceServer(node, ReadEpisode, "trainer/read_episode", read, jobs.ask)
