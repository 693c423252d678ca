"""Takes a sample whenever the arm rests at a new pose before the board."""

from collections.abc import Callable

import cv2
import numpy as np
from drift_control.robot.robot import Robot
from drift_core.calibration.board import Board, BoardFinder
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.calibration.samples import SampleFolder, SampleSet
from drift_core.calibration.sampling import is_new, is_still
from drift_core.errors import CalibrationError


class SampleTaker:
    """Is told pictures, and asked to look from time to time."""

    def __init__(
        self,
        folder: SampleFolder,
        arm: Robot,
        camera: str,
        board: Board,
        hand_frame: Callable[[Robot, np.ndarray], np.ndarray],
    ) -> None:
        self._folder, self._arm, self._camera, self._hand_frame = folder, arm, camera, hand_frame
        self._finder = BoardFinder(board)
        self._picture: tuple[float, np.ndarray, str] | None = None  # stamp, grey, frame_id
        self._intrinsics: Intrinsics | None = None
        self._set: SampleSet | None = None
        self._hands: list[np.ndarray] = []
        self.problem = "the arm never rested at a new pose"

    @property
    def count(self) -> int:
        """Samples so far."""
        return len(self._hands)

    def on_picture(self, camera: str, stamp_s: float, rgb: np.ndarray, frame_id: str) -> None:
        """Keep the newest picture."""
        self._picture = stamp_s, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), frame_id

    def begin(self, infos: dict[str, Intrinsics]) -> None:
        """Check camera_info; CalibrationError names a camera that cannot be used, with the remedy."""
        if self._camera not in infos:
            raise CalibrationError(
                f"camera {self._camera}: no camera_info beside its images: calibrate it with "
                "camera_calibration "
                "(cameracalibrator), and have its driver publish the result"
            )
        self._intrinsics = infos[self._camera]
        self._intrinsics.check(self._camera)

    def look(self, joint_s: np.ndarray, joints_rad: np.ndarray, now: bool) -> None:
        """Take a sample if the arm rests, at a new pose or because the person wants it `now`."""
        if self._picture is None or self._intrinsics is None:
            return
        stamp_s, grey, frame_id = self._picture
        if not is_still(joint_s, joints_rad, stamp_s):
            if now:
                print("not taken: the arm moves, or has rested for less than a second", flush=True)
            return
        joints = joints_rad[-1]
        hand = self._hand_frame(self._arm, joints)
        if not now and not is_new(hand, self._hands):
            return
        self._picture = None
        camera = self._intrinsics
        if grey.shape != (camera.height, camera.width):
            raise CalibrationError(
                f"camera {self._camera}: pictures of {grey.shape[1]}x{grey.shape[0]}, but camera_info of "
                f"{camera.width}x{camera.height}"
            )
        sighting = self._finder.find(grey)
        if sighting.problem:
            self._say(self._finder.explain(grey))
            return
        so_far = self._set or SampleSet(
            self._arm.name,
            self._camera,
            frame_id or f"{self._camera}_optical_frame",
            camera.width,
            camera.height,
            camera.model,
            tuple(float(value) for value in camera.matrix.ravel()),
            tuple(float(value) for value in camera.distortion),
        )
        self._set = self._folder.add(so_far, grey, joints)
        self._hands.append(hand)
        print(f"sample {self.count}: {len(sighting.ids)} corners", flush=True)

    def _say(self, problem: str) -> None:
        """Say each problem once in a row."""
        if problem != self.problem:
            print(f"not taken: {problem}", flush=True)
        self.problem = problem
