"""The trainer as a ROS node: records and runs episodes, supervises the training worker.

On two machines one node does the first beside the robot, under the name `recorder`, and another the second.
"""

import sys

from drift_control.robot.robot import load_robot
from drift_core.episodes import EpisodeStore
from drift_core.task import load_task
from drift_ros.clock import steady_clock
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from rclpy.node import Node

from trainer_node.config import TrainerConfig
from trainer_node.following import claim_to_follow
from trainer_node.jobs import Jobs
from trainer_node.ros.recording import Recording
from trainer_node.ros.training import Training, recorder_follower

_TICK_S = 0.05  # of the timer that moves episodes and training on
_HANDING_OUT_NICENESS = 5  # of files, to other machines: recording comes first


class TrainerNode(Node):
    """One timer moves the episode and the training round on."""

    def __init__(self) -> None:
        super().__init__("trainer")
        config = load_parameters(self, TrainerConfig)
        robot, task = load_robot(config.robot_file), load_task(config.task_file)
        store = EpisodeStore(config.episode_folder)
        log = self.get_logger()
        apart = config.role == "train"
        self._claim = claim_to_follow(store, log.info) if apart else store.claim()
        self._jobs = Jobs(2, log.error)
        self._handing_out = Jobs(1, log.error, _HANDING_OUT_NICENESS)
        self._recording = self._training = self._follower = None
        if not apart:
            self._recording = Recording(self, config, robot, task, store, self._jobs, self._handing_out)
        elif self._claim is not None:
            self._follower = recorder_follower(self, store, config.fetch_mb_s)
            self._jobs.run(self._follower.follow)
        if config.role != "record":
            self._training = Training(self, config, self._handing_out, self._follower)
        self._halves = [half for half in (self._recording, self._training) if half is not None]
        self._diagnostics = Diagnostics(self, self._report)
        self.create_timer(_TICK_S, self._on_tick, clock=steady_clock())

    def begin_stop(self) -> None:
        """Stop the arm if an episode runs, and the worker; the run loop spins on until `stopped`."""
        if self._recording is not None:
            self._recording.begin_stop()
        if self._follower is not None:
            self._follower.stop()
        if self._training is not None:
            self._training.quit()

    def stopped(self) -> bool:
        """Whether the arm was told to stop and the open episode is dropped."""
        return self._recording is None or not self._recording.running

    def destroy_node(self) -> None:
        """End the worker, drop an open episode, finish one that is being written."""
        if self._follower is not None:
            self._follower.stop()
        if self._training is not None:
            self._training.stop()
        if self._recording is not None:
            self._recording.abort()
        self._jobs.close()
        self._handing_out.close()
        if self._recording is not None:
            self._recording.close()
        if self._claim is not None:
            self._claim.close()
        super().destroy_node()

    def _on_tick(self) -> None:
        for half in reversed(self._halves):
            half.tick()

    def _report(self) -> Report:
        trouble = [text for half in self._halves for text in half.trouble()]
        values = {key: value for half in self._halves for key, value in half.values().items()}
        return Report(WARN if trouble else OK, "; ".join(trouble), values)


def main() -> int:
    """Run the trainer until it is told to stop; see `run_node` for exit codes."""
    return run_node(TrainerNode)


if __name__ == "__main__":
    sys.exit(main())
