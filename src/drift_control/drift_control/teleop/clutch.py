"""Clutches: where the arm is when enable is pressed belongs to where the device is then."""

import numpy as np

from drift_control.robot.pose import Array, Pose, rotation_from_vector, rotation_vector
from drift_control.teleop.command import JointLead, TcpLead


class PoseClutch:
    """The TCP repeats what a thing has done since the press: its way, scaled, and its turn."""

    def __init__(self, tcp: Pose, lead: TcpLead) -> None:
        self.take(tcp, lead)

    def take(self, tcp: Pose, lead: TcpLead) -> None:
        """Let the pose `tcp` belong to where the thing is now."""
        self._anchor, self._origin = tcp, lead.pose

    def coast(self, way_m: Array, turn_rad: Array) -> None:
        """Move what belongs to the thing's pose by (3,) and (3,), in the base."""
        rotation = rotation_from_vector(turn_rad) @ self._anchor.rotation
        self._anchor = Pose(self._anchor.position + way_m, rotation)

    def goal(self, lead: TcpLead) -> Pose:
        """Return where the TCP belongs; exactly where it was when nothing has moved."""
        thing, origin, anchor = lead.pose, self._origin, self._anchor
        way = thing.position - origin.position
        if lead.frame == "base":
            turn = lead.axes @ rotation_vector(thing.rotation @ origin.rotation.T)
            way = lead.axes @ way * lead.scale
            return Pose(anchor.position + way, rotation_from_vector(turn) @ anchor.rotation)
        turn = lead.axes @ rotation_vector(origin.rotation.T @ thing.rotation)
        way = anchor.rotation @ (lead.axes @ (origin.rotation.T @ way)) * lead.scale
        return Pose(anchor.position + way, anchor.rotation @ rotation_from_vector(turn))


class JointClutch:
    """The joints repeat what the leader's have done since the press."""

    def __init__(self, q: Array, lead: JointLead) -> None:
        self.take(q, lead)

    def take(self, q: Array, lead: JointLead) -> None:
        """Let the joint positions (J,) [rad] belong to where the leader is now."""
        self._anchor, self._origin = q, lead.positions_rad

    def coast(self, turn_rad: Array) -> None:
        """Move what belongs to the leader's positions by (J,)."""
        self._anchor = self._anchor + turn_rad

    def goal(self, lead: JointLead) -> Array:
        """Return where the joints (J,) [rad] belong; those that nobody leads stay."""
        return self._anchor + np.where(lead.led, lead.positions_rad - self._origin, 0.0)
