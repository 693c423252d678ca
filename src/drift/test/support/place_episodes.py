"""Short recorded episodes of the task `place`: what the tests of training share."""

import numpy as np
from drift_core.episodes import EpisodeMeta, EpisodeWriter, StepRecord
from drift_core.observation.spec import CameraSpec

KEPT = ("m0", "m1", "m2")  # none of them is held out
HOME_RAD = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
CAMERAS = (CameraSpec("front", 64, 64), CameraSpec("wrist", 64, 64))


def record(folder, name, task="place"):
    """The expert moves the Panda's set-point for 2 s, as if it were the task `place` (or `insert`)."""
    meta = EpisodeMeta(name, "panda", task, 0, "demonstration", CAMERAS, 0.1, 1000.0)
    writer = EpisodeWriter(folder, meta)
    for tick in range(100):
        stamp_s = 1000.0 + tick / 50
        writer.add_joints(HOME_RAD, 0.04, stamp_s, stamp_s)
        if tick % 5 == 0:
            for camera in CAMERAS:
                image = np.full((64, 64, 3), tick, np.uint8)
                writer.add_frame(camera.name, image, stamp_s, stamp_s)
        joints = np.append(HOME_RAD, 0.04)
        action = np.array([0.4 + tick / 1000, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.04])
        writer.add_step(StepRecord(stamp_s, tick, 2, 1, 1, 0, 0, -1.0, joints, joints, action, 0))
    writer.close("success")
