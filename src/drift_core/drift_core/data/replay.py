"""A recorded episode once more, sample by sample, through what judges and joins samples in a live run.

A stamp that is late is not used, and a clock that was set back begins everything anew.
"""

from collections.abc import Iterator

import numpy as np

from drift_core.episodes.record import Episode
from drift_core.observation.assembler import Assembler, Selection
from drift_core.observation.stamps import Ordering, StampOrder

JOINTS = "joint_states"


class Replay:
    """Put recorded samples into an assembler in the order of their arrival, and count what is not used."""

    def __init__(self, episode: Episode, assembler: Assembler) -> None:
        self._episode, self._assembler = episode, assembler
        self.set_backs = 0  # of the clock
        self.unused: dict[str, int] = {}  # late, twice or broken samples by source
        self.missing = ""  # why there was no observation when there last was none

    def run(self) -> Iterator[tuple[int, Selection]]:
        """Yield each observation when it first was complete, with the number of set-backs before it."""
        episode, assembler, stamps = self._episode, self._assembler, StampOrder()
        sources: list[str | None] = [None, *(camera.name for camera in assembler.spec.cameras)]
        samples = [episode.joints if name is None else episode.frames[name] for name in sources]
        arrival_s = np.concatenate([sample.arrival_s for sample in samples])
        which = np.concatenate([np.full(len(sample), n) for n, sample in enumerate(samples)]).astype(int)
        index = np.concatenate([np.arange(len(sample)) for sample in samples])
        done_s = -np.inf
        order = np.argsort(arrival_s, kind="stable")
        for position, event in enumerate(order):
            name, at = sources[which[event]], int(index[event])
            source, stamp_s = name or JOINTS, float(samples[which[event]].stamp_s[at])
            in_order = stamps.take(source, stamp_s)
            if in_order is Ordering.SET_BACK:
                assembler.reset()
                self.set_backs, done_s = self.set_backs + 1, -np.inf
            if in_order is Ordering.LATE or not self._put(name, at):
                self.unused[source] = self.unused.get(source, 0) + 1
            if position + 1 < len(order) and arrival_s[order[position + 1]] == arrival_s[event]:
                continue  # what arrives at the same instant is seen together
            t_ref_s = assembler.t_ref_s()
            if t_ref_s is None or t_ref_s > done_s:
                selection = assembler.select()
                if isinstance(selection, Selection):
                    done_s = selection.t_ref_s
                    yield self.set_backs, selection
                else:
                    self.missing = selection.reason

    def _put(self, camera: str | None, at: int) -> bool:
        """Hand a frame, or without `camera` a joint sample, to the assembler; whether it was kept."""
        if camera is None:
            joints = self._episode.joints
            joint_sample = joints.positions_rad[at], joints.gripper_m[at], joints.stamp_s[at]
            return self._assembler.put_joints(*joint_sample, joints.arrival_s[at]) is None
        frames = self._episode.frames[camera]
        frame = frames.image(at), frames.stamp_s[at], frames.arrival_s[at]
        return self._assembler.put_frame(camera, *frame) is None
