"""The policy node: camera images and joint states in, time-stamped chunks of set-points out."""

import math
import sys
import traceback
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from drift_config.errors import DriftError
from drift_control.gate.state import wants_chunks
from drift_control.inputs import Chunk
from drift_control.robot.robot import load_robot
from drift_core.errors import EncodingError
from drift_core.policy.loop import MadeChunk
from drift_core.task import load_task
from drift_interfaces.msg import ActionChunk, Checkpoint, GateState, PolicyState
from drift_interfaces.srv import LoadCheckpoint, ReadCheckpoint, Rollback
from drift_ros import qos
from drift_ros.camera_input import CameraInput
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import ros_s, steady_clock, steady_s, to_seconds
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.input_watch import camera_source
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.parameters import load_parameters
from drift_ros.piece_client import PieceClient
from drift_ros.run import run_node
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image

from drift_policy_node.config import PolicyNodeConfig
from drift_policy_node.exchange import LoadResult
from drift_policy_node.runtime import PolicyRuntime
from drift_policy_node.status import PolicyStatus

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
_SUPERVISE_S = 0.1  # how often threads and inputs are looked after when nothing arrives
_JOINTS_S = 0.01  # between two looks at the joint states, which are interpolated
_STATE_S = 1.0  # policy/state is repeated with new latencies


class PolicyNode(LifecycleNode):
    """Configure: look for a checkpoint. Activate: publish chunks. Deactivate: none (the gate then holds)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("policy", **kwargs)
        self._config = load_parameters(self, PolicyNodeConfig)
        self._robot = load_robot(self._config.robot_file)
        self._task = load_task(self._config.task_file)
        torch.set_num_threads(self._config.torch_threads)
        self._wake = self.create_guard_condition(self._step)
        trainer = PieceClient(self, ReadCheckpoint, "trainer/read_checkpoint", "trainer")
        self._runtime = PolicyRuntime(
            self._config,
            self._robot,
            self._task,
            self._wake.trigger,
            lambda name, offset, length: trainer(name=name, offset=offset, length=length),
        )
        self._crash: Exception | None = None  # what nobody expected of the last configuring
        self._shown: PolicyStatus | None = None
        self._shown_s = 0.0
        self._create_entities()
        self._show()
        if self._config.autostart:
            if self.trigger_configure() != SUCCESS:
                self._runtime.close()  # its threads would keep the half-built node in the graph
                if self._crash is not None:  # not a matter of configuration: another start may help
                    raise RuntimeError("the node could not be configured") from self._crash
                raise DriftError(self._runtime.exchange.refusal or "the node could not be configured")
            self.trigger_activate()

    def _create_entities(self) -> None:
        # plain publishers and our own flag: a lifecycle publisher would drop messages without a word
        self._chunks = self.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self._state = self.create_publisher(PolicyState, "policy/state", qos.LATCHED)
        for camera in self._task.cameras:
            source = CameraInput(camera, self._config.image_transport, self.get_logger().warning)
            on_image = partial(self._on_image, camera.name, source)
            self.create_subscription(source.message_type, source.topic, on_image, source.qos)
        self._joint_topics = JointStateTopics(self, self._robot.config.joint_state_topics)
        self.create_timer(_JOINTS_S, self._look_at_joints, clock=steady_clock())
        self.create_subscription(GateState, "gate/state", self._on_gate, qos.LATCHED)
        self.create_subscription(Checkpoint, "trainer/checkpoint", self._on_checkpoint, qos.LATCHED)
        # a group of its own: while the answer is awaited, the default group would let nothing else run
        waiting = MutuallyExclusiveCallbackGroup()
        self.create_service(LoadCheckpoint, "policy/load_checkpoint", self._on_load, callback_group=waiting)
        self.create_service(Rollback, "policy/rollback", self._on_rollback)
        self.create_timer(_SUPERVISE_S, self._on_supervise, clock=steady_clock())
        Diagnostics(self, self._report)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to load the checkpoint that is there; without one the node waits for the first announcement.

        One that is asked for by name is loaded now: nothing else would do.
        """
        self._crash = None
        try:
            self._begin_with(self._config.checkpoint_file)
        except DriftError as error:
            self.get_logger().error(f"checkpoint refused: {error}")
            if self._config.checkpoint_file:
                return FAILURE
        except Exception as error:  # rclpy would drop it without a word
            self.get_logger().error(traceback.format_exc())
            self._crash = error
            return FAILURE
        self._runtime.configured = True
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish chunks from now on."""
        self._runtime.active = True
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish no more chunks."""
        self._runtime.active = False
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget that a checkpoint was looked for; configure looks again."""
        self._runtime.configured = False
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish no more chunks; the process stays and makes none until it is started anew."""
        self._runtime.active = self._runtime.configured = False
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish no more chunks, whatever went wrong in which transition; configure begins anew."""
        self._runtime.active = self._runtime.configured = False
        return SUCCESS

    def destroy_node(self) -> None:
        """End the threads first."""
        self._runtime.close()
        super().destroy_node()

    def _begin_with(self, file: str) -> None:
        exchange = self._runtime.exchange
        if file:
            exchange.load_now(Path(file), "")
            self.get_logger().info(f"running {file}, sampler {self._config.sampler}")
            return
        path, sha256 = exchange.first()
        if path is None:
            self.get_logger().info(f"no checkpoint in {self._config.checkpoint_folder} yet, waiting for one")
        else:  # beside everything else: services answer meanwhile, and the node can be stopped
            self.get_logger().info(f"loading {path}, sampler {self._config.sampler}")
            exchange.request(path, sha256, True, self._log_answer)

    def _on_image(self, camera: str, source: CameraInput, msg: Image | CompressedImage) -> None:
        arrival_s = steady_s()
        try:
            image = source.picture(msg)
        except EncodingError as error:
            self._runtime.watch.refused(camera_source(camera), str(error))
            return
        self._runtime.intake.put_frame(camera, image, to_seconds(msg.header.stamp), arrival_s, self._ros_s())
        self._step()

    def _look_at_joints(self) -> None:
        messages = self._joint_topics.take()
        for message in messages:
            self._runtime.intake.put_joints(message, self._ros_s())
        if messages:
            self._step()

    def _on_gate(self, msg: GateState) -> None:
        self._runtime.put_gate(msg.epoch, wants_chunks(msg.state, msg.armed), steady_s())
        self._step()

    def _on_checkpoint(self, msg: Checkpoint) -> None:
        self._runtime.exchange.request(Path(msg.path), msg.sha256, True, self._log_answer)
        self._step()

    async def _on_load(
        self, request: LoadCheckpoint.Request, response: LoadCheckpoint.Response
    ) -> LoadCheckpoint.Response:
        answered = Future()
        self._runtime.exchange.request(Path(request.path), request.sha256, False, answered.set_result)
        self._step()
        answer = await answered
        self._log_answer(answer)
        response.error_code = int(answer.fault or LoadCheckpoint.Response.NONE)
        response.error_msg, response.version = answer.message, answer.version
        return response

    def _on_rollback(self, request: Rollback.Request, response: Rollback.Response) -> Rollback.Response:
        if not self._runtime.roll_back():
            response.error_code = Rollback.Response.NOTHING_TO_ROLL_BACK_TO
            response.error_msg = "no other checkpoint has run since the start"
        elif self._runtime.exchange.unremembered:
            response.error_msg = self._runtime.exchange.unremembered
            self.get_logger().error(response.error_msg)
        response.version = self._runtime.exchange.version
        self._show()
        return response

    def _on_supervise(self) -> None:
        self._step()
        now_s = steady_s()
        if now_s - self._shown_s > _STATE_S or self._runtime.status(now_s).differs(self._shown):
            self._show()

    def _step(self) -> None:
        chunk = self._runtime.step(steady_s(), self._ros_s())
        for crash in self._runtime.take_crashes():
            if self._runtime.exchange.current is None:  # there is nothing to go on with: start anew
                raise RuntimeError(f"the first checkpoint could not be loaded:\n{crash}")
            self.get_logger().error(f"a thread died and is restarted:\n{crash}")
        if chunk is not None:
            self._publish(chunk)

    def _ros_s(self) -> float:
        return ros_s(self.get_clock())

    def _publish(self, made: MadeChunk) -> None:
        chunk = Chunk(
            made.id, made.epoch, made.t_ref_s, self._task.dt_s, made.data, self._task.action_space,
            made.version, made.oldest_input_s, arrival_s=0.0,
        )  # fmt: skip
        frame, inference_ms = self._robot.config.base_frame, 1000.0 * made.inference_s
        self._chunks.publish(
            to_chunk_message(chunk, frame, inference_ms, made.sampler, made.seed, made.latent)
        )

    def _log_answer(self, answer: LoadResult) -> None:
        if answer.fault is None:
            self.get_logger().info(answer.message or f"swapped in version {answer.version}")
        else:
            self.get_logger().error(f"checkpoint refused ({answer.fault.name}): {answer.message}")
        self._show()

    def _show(self) -> None:
        self._shown, self._shown_s = self._runtime.status(steady_s()), steady_s()
        error = math.nan if self._shown.future_error is None else self._shown.future_error
        changed = {"state": int(self._shown.state), "future_error": error}
        msg = PolicyState(**(asdict(self._shown) | changed))
        msg.header.stamp = self.get_clock().now().to_msg()
        self._state.publish(msg)

    def _report(self) -> Report:
        now_s = steady_s()
        text = self._runtime.status(now_s).text
        return Report(WARN if text else OK, text or "chunks are made", self._runtime.figures(now_s))


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    return run_node(PolicyNode)


if __name__ == "__main__":
    sys.exit(main())
