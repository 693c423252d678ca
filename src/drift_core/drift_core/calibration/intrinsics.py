"""How a camera projects: the pinhole model with OpenCV's distortion."""

from dataclasses import dataclass

import cv2
import numpy as np

from drift_core.errors import CalibrationError

MODELS = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8),
}  # numbers of distortion by name in camera_info


@dataclass(frozen=True, eq=False)
class Intrinsics:
    """What sensor_msgs/CameraInfo says of the raw picture."""

    width: int  # [pixel]
    height: int
    matrix: np.ndarray  # (3, 3) K
    distortion: np.ndarray  # (D,)
    model: str = "plumb_bob"

    def check(self, camera: str) -> None:
        """Raise CalibrationError unless `camera` is calibrated, by a model that is known here."""
        how = (
            "calibrate it with camera_calibration (cameracalibrator), and have its driver publish the result"
        )
        if self.model not in MODELS:
            raise CalibrationError(
                f"camera {camera}: distortion_model={self.model!r} of camera_info must be one of "
                f"{', '.join(MODELS)}: {how}"
            )
        k = self.matrix
        if k.shape != (3, 3) or not np.isfinite(k).all() or k[0, 0] <= 0.0 or k[1, 1] <= 0.0:
            raise CalibrationError(
                f"camera {camera} is not calibrated: K of its camera_info is {k.ravel().tolist()}; {how}"
            )
        if len(self.distortion) not in MODELS[self.model]:
            raise CalibrationError(
                f"camera {camera}: {self.model} must have {' or '.join(map(str, MODELS[self.model]))} "
                "numbers, "
                f"d of its camera_info has {len(self.distortion)}; {how}"
            )

    def project(self, points_m: np.ndarray, board: np.ndarray) -> np.ndarray:
        """Return where points (N, 3) of a board at a pose (4, 4) in the optical frame are seen (N, 2)."""
        turn = cv2.Rodrigues(board[:3, :3])[0]
        return np.asarray(
            cv2.projectPoints(points_m, turn, board[:3, 3], self.matrix, self.distortion)[0]
        ).reshape(-1, 2)
