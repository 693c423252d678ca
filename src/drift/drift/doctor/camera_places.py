"""What config/calibration says of where cameras are mounted."""

from datetime import date
from pathlib import Path

from drift_config.errors import ConfigError

from drift.configuration import calibration_folder, choices
from drift.doctor.finding import Finding, failure, good, warning

_MEASURE = "drift calibrate hand-eye (docs/calibration.md)"


def camera_places(folder: Path | None = None, today: date | None = None) -> Finding:
    """Each file with its age and error; one that cannot be read, or is of no robot here, is named."""
    from drift_core.calibration.camera_place import load_camera_place  # with OpenCV

    folder, today = folder or calibration_folder(), today or date.today()
    said, wrong = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            place = load_camera_place(path)
        except ConfigError as error:
            wrong.append(str(error))
            continue
        if place.robot.partition("+")[0] not in choices("robot"):
            wrong.append(f"{path}: robot={place.robot} must be one of: {', '.join(choices('robot'))}")
        said.append(f"{path.stem}: {place.worth(today)}")
    if wrong:
        return failure("; ".join(wrong), f"mend or remove the file; {_MEASURE} writes it anew")
    if not said:
        return warning(
            "none measured", f"{_MEASURE}, for tools that use the cameras' frames; policies do not"
        )
    return good("; ".join(said))
