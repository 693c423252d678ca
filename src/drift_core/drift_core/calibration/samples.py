"""Pictures of a board with the joints of the arm, in a folder: enough to calibrate again without the arm."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.calibration.intrinsics import Intrinsics
from drift_core.calibration.transform import FrameName
from drift_core.errors import DataError

FILE = "samples.json"


@dataclass(frozen=True, config=STRICT)
class Sample:
    """One picture, taken while the arm stood still."""

    picture: Annotated[str, Field(pattern=r"^[0-9]{3}\.png$")]  # grey
    joints_rad: tuple[float, ...]


@dataclass(frozen=True, config=STRICT)
class SampleSet:
    """What samples.json says."""

    robot: str
    camera: str
    camera_frame: FrameName  # frame_id of the pictures
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    distortion_model: str  # as in camera_info
    k: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    d: tuple[float, ...]
    samples: tuple[Sample, ...] = ()

    @property
    def intrinsics(self) -> Intrinsics:
        """The camera's projection."""
        matrix = np.array(self.k).reshape(3, 3)
        return Intrinsics(self.width, self.height, matrix, np.array(self.d), self.distortion_model)


class SampleFolder:
    """A folder of samples that is being filled, or was."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def filled(self) -> bool:
        """Whether there are samples."""
        return (self.root / FILE).is_file()

    def read(self) -> SampleSet:
        """Return what was taken; DataError names what is wrong with it."""
        path = self.root / FILE
        try:
            return parse(json.loads(path.read_text(encoding="utf-8")), SampleSet, str(path))
        except (OSError, ValueError, ConfigError) as error:
            raise DataError(
                str(error) if str(path) in str(error) else f"{path}: cannot be read: {error}"
            ) from error

    def picture(self, sample: Sample) -> np.ndarray:
        """Return the picture of a sample (H, W) uint8."""
        path = self.root / sample.picture
        data = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else np.empty(0, np.uint8)
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
        if grey is None:
            raise DataError(f"{path}: cannot be read as a picture")
        return np.asarray(grey)

    def add(self, so_far: SampleSet, grey: np.ndarray, joints_rad: np.ndarray) -> SampleSet:
        """Write another sample, picture first, and return the set with it."""
        self.root.mkdir(parents=True, exist_ok=True)
        sample = Sample(f"{len(so_far.samples):03d}.png", tuple(float(q) for q in joints_rad))
        (self.root / sample.picture).write_bytes(cv2.imencode(".png", grey)[1].tobytes())
        longer = replace(so_far, samples=(*so_far.samples, sample))
        part = self.root / f".{FILE}.part"
        part.write_text(json.dumps(to_plain(longer), indent=1), encoding="utf-8")
        os.replace(part, self.root / FILE)
        return longer
