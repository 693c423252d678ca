"""Pictures and joint states on their way into the loop; what is refused is named in the input watch."""

import numpy as np
from drift_config.errors import DriftError
from drift_control.freshness import picture_ahead
from drift_control.inputs import JointMessage
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import Robot
from drift_core.observation.assembler import Missing
from drift_core.observation.stamps import Ordering, StampOrder
from drift_core.policy.loop import PolicyLoop
from drift_ros.input_watch import JOINTS, InputWatch, camera_source

from drift_policy_node.camera_watch import CameraWatch
from drift_policy_node.config import PolicyNodeConfig


class Intake:
    """Believe a sample, or say why not; tell the loop when a clock was set back."""

    def __init__(self, config: PolicyNodeConfig, robot: Robot, loop: PolicyLoop, watch: InputWatch) -> None:
        self._loop, self._watch, self._stamps = loop, watch, StampOrder()
        self._merger = JointStateMerger(robot.config)
        self._cameras = CameraWatch(
            config.camera_repeat_s, config.camera_repeat_rad, config.camera_contrast_min
        )
        self._timeout_s = config.input_timeout_s

    def put_frame(
        self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float, ros_s: float
    ) -> None:
        """Take an RGB image; one of the wrong size, or that cannot be true, is named.

        `arrival_s` is steady time, `ros_s` the ROS time now.
        """
        source = camera_source(camera)
        objection = picture_ahead(stamp_s, self._loop.assembler.latency_s.get(camera, 0.0), ros_s)
        if objection := objection or self._cameras.objection(camera, image, arrival_s):
            self._watch.refused(source, objection)
            return
        if not self._in_order(source, stamp_s):
            return
        try:
            refused = self._loop.put_frame(camera, image, stamp_s, arrival_s)
        except DriftError as error:
            self._watch.refused(source, str(error))
            return
        if refused is None:
            self._watch.arrived(source, arrival_s)
        else:
            self._watch.refused(source, refused.reason)

    def put_joints(self, message: JointMessage, ros_s: float) -> None:
        """Take a whole or partial joint state; a joint that is missing or broken is named."""
        news = self._merger.merge(message, ros_s)
        if trouble := self._merger.trouble(message.arrival_s, self._timeout_s):
            self._watch.refused(JOINTS, trouble)
            return
        reading = self._merger.reading
        if not news or reading is None or not self._in_order(JOINTS, reading.stamp_s):
            return
        self._cameras.take_joints(reading.positions_rad)
        arrival_s = reading.arrival_s
        refused = self._loop.put_joints(reading.positions_rad, reading.gripper_m, reading.stamp_s, arrival_s)
        if refused is None:
            self._watch.arrived(JOINTS, arrival_s)
        else:
            self._watch.refused(JOINTS, refused.reason)

    def delayed(self, now_s: float, ros_s: float) -> str:
        """Name the cameras whose pictures were taken, or have come, too long ago; empty if there are none."""
        spec = self._loop.assembler.spec
        # The gate judges a chunk by its oldest input, which is that of the first observation step.
        allowed_s = self._timeout_s - (spec.observation_steps - 1) * spec.dt_s
        ages_s = {camera: ros_s - time_s for camera, time_s in self._loop.assembler.newest_s().items()}
        return "; ".join(
            f"{camera_source(camera)}: the newest picture is {age_s:.2f} s old, allowed: {allowed_s:.2f} s"
            for camera, age_s in ages_s.items()
            if age_s > allowed_s
        ) or self._arrived_long_ago(now_s)

    def _arrived_long_ago(self, now_s: float) -> str:
        """Name the cameras of whose pictures one that would be used came too long ago, whatever its stamp."""
        selection = self._loop.assembler.select()
        if isinstance(selection, Missing):
            return ""
        ages_s = {name: now_s - frames[0].arrival_s for name, frames in selection.frames.items()}
        return "; ".join(
            f"{camera_source(camera)}: a picture came {age_s:.2f} s ago, allowed: {self._timeout_s}"
            for camera, age_s in ages_s.items()
            if age_s > self._timeout_s
        )

    def _in_order(self, source: str, stamp_s: float) -> bool:
        order = self._stamps.take(source, stamp_s)
        if order is Ordering.LATE:
            behind_s = self._stamps.behind_s(source, stamp_s)
            self._watch.refused(source, f"the stamp is {behind_s:.1f} s older than the newest")
        if order is Ordering.SET_BACK:
            self._loop.clock_set_back()
        return order is not Ordering.LATE
