"""A running stack as a person sees it, moment by moment; nothing is published."""

import numpy as np
from drift_control.gate.state import State
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import Robot
from drift_core.episodes import StepSource
from drift_core.task import TaskConfig
from drift_interfaces.msg import ActionChunk, GateState, PolicyState, Step
from drift_ros import qos
from drift_ros.camera_input import ImageTransport
from drift_ros.chunk_message import to_chunk
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.errors import SessionError
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.polling import Polled
from drift_ros.session import SessionClient

from drift.driver_colours import FAULT_HEX, TITLES, parts, rgb
from drift.picture.cell import draw_ways
from drift.picture.path import PlannedPath, Trail, planned_path, tcp
from drift.picture.sheet import Moment
from drift.ros.camera_pictures import CameraPictures
from drift.ros.eyes import Arm, Eye

_SILENT_S = 2.0  # without gate/state: nobody knows who drives
_LOOK_S = 0.01  # joint states are looked at so often
_LISTEN_S = 0.02  # at least, between two pictures
_SOURCES = {
    State.HOLD: StepSource.HOLD,
    State.HOMING: StepSource.HOMING,
    State.POLICY: StepSource.POLICY,
    State.EXPERT: StepSource.EXPERT,
    State.GUIDED: StepSource.EXPERT,
}


class StackAtWork:
    """Listens on the node of a client, and says what is to be seen now.

    Everything is taken in at once when it is looked at: one callback a message would fall behind.
    """

    def __init__(
        self, client: SessionClient, robot: Robot, task: TaskConfig, transport: ImageTransport, eye: Eye
    ) -> None:
        self._client, self._robot, self._eye = client, robot, eye
        self._topics = JointStateTopics(client.node, robot.config.joint_state_topics)
        self._merger = JointStateMerger(robot.config)
        self._trail = Trail()
        self._plan: PlannedPath | None = None
        self._chunk: ActionChunk | None = None
        self._now = (0.0, steady_s())  # ROS time of the newest control step, and when it came
        node = client.node
        self._gate: GateState | None = None
        self._gate_s = 0.0  # when it came
        self._policy: PolicyState | None = None
        self._gates = Polled(node, GateState, "gate/state", qos.LATCHED)
        self._policies = Polled(node, PolicyState, "policy/state", qos.LATCHED)
        self._steps = Polled(node, Step, "gate/step", qos.PROVENANCE)
        self._chunks = Polled(node, ActionChunk, "action_chunk", qos.CHUNKS)
        self._cameras = [
            CameraPictures(node, camera, transport) for camera in task.cameras if camera.name != eye.name
        ]

    def wait(self, limit_s: float) -> None:
        """Listen until the gate speaks; SessionError when it does not within the limit."""
        end_s = steady_s() + limit_s
        while self._gate is None:
            if steady_s() >= end_s:
                raise SessionError(f"no gate/state after {limit_s:g} s; is the stack up (drift up)?")
            self.listen_until(steady_s() + 0.1)

    def listen_until(self, until_s: float) -> None:
        """Listen until a steady time, and for a moment even when it has come."""
        until_s = max(until_s, steady_s() + _LISTEN_S)
        while steady_s() < until_s:
            self._client.spin(max(0.001, min(until_s - steady_s(), _LOOK_S)))
            self._take()

    def moment(self) -> Moment:
        """Return what is to be seen now."""
        self._take()
        reading = self._merger.reading
        arm = None if reading is None else Arm(reading.positions_rad, reading.gripper_m)
        main, view = self._eye.look(arm)
        if view is not None:
            draw_ways(main, view, self._trail, self._plan, self._now[0] + steady_s() - self._now[1])
        colour, title, reason = self._who()
        insets = {camera.name: camera.newest for camera in self._cameras if camera.newest is not None}
        return Moment(main, colour, title, reason, insets, self._notes())

    def _who(self) -> tuple[tuple[int, int, int], str, str]:
        """Return colour, title and reason."""
        gate, silent_s = self._gate, steady_s() - self._gate_s
        if gate is None or silent_s > _SILENT_S:
            return rgb(StepSource.HOLD), "NO GATE", f"silent for {silent_s:.0f} s"
        if gate.state == GateState.FAULT:
            return parts(FAULT_HEX), "FAULT: held", gate.text
        source = _SOURCES[State(gate.state)]
        return rgb(source), TITLES[source], gate.text

    def _notes(self) -> list[str]:
        gate, policy, chunk = self._gate, self._policy, self._chunk
        version = policy.version if policy is not None else 0
        notes = [f"policy: version {version}" if version else "policy: none"]
        if gate is not None:
            notes.append(f"take-overs: {gate.intervention_id}")
        if chunk is not None:
            notes.append(f"chunk {chunk.id}: {chunk.inference_ms:.0f} ms")
        if gate is not None and gate.dry_run:
            notes.append("dry run")
        return [*notes, *filter(None, (self._eye.trouble, *(camera.trouble for camera in self._cameras)))]

    def _take(self) -> None:
        """Take in what has come: all that waits, so that nothing is shown late on a busy machine."""
        now_s = ros_s(self._client.node.get_clock())
        for message in self._topics.take():
            self._merger.merge(message, now_s)
        if (gate := self._gates.newest()) is not None:
            self._gate, self._gate_s = gate, steady_s()
        self._policy = self._policies.newest() or self._policy
        for step in self._steps.messages():
            self._add(step)
        if (chunk := self._chunks.newest()) is not None:
            self._note(chunk)
        for camera in self._cameras:
            camera.take()

    def _add(self, msg: Step) -> None:
        stamp_s = to_seconds(msg.header.stamp)
        self._now = stamp_s, steady_s()
        measured = np.array(msg.measured)
        if len(measured) == self._robot.n_joints + 1:
            self._trail.add(stamp_s, tcp(self._robot, measured), StepSource(msg.source))

    def _note(self, msg: ActionChunk) -> None:
        chunk = to_chunk(msg, steady_s())
        self._chunk = msg
        self._plan = planned_path(self._robot, chunk.data, chunk.action_space, chunk.stamp_s, chunk.dt_s)
