import numpy as np
import pytest
from board_poses import frame
from drift_core.calibration.samples import FILE, SampleFolder, SampleSet
from drift_core.calibration.sampling import is_new, is_still
from drift_core.errors import DataError

EMPTY = SampleSet(
    "ur5e",
    "wrist",
    "wrist_optical_frame",
    4,
    3,
    "plumb_bob",
    (1.0, 0.0, 2.0, 0.0, 1.0, 1.5, 0.0, 0.0, 1.0),
    (),
)


def test_samples_are_read_back_as_they_were_taken(tmp_path):
    folder, grey = SampleFolder(tmp_path / "new"), np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert not folder.filled
    taken = folder.add(folder.add(EMPTY, grey, np.zeros(6)), grey + 1, np.ones(6))
    assert folder.filled and folder.read() == taken and len(taken.samples) == 2
    assert (folder.picture(taken.samples[1]) == grey + 1).all()
    assert taken.intrinsics.matrix[1].tolist() == [0.0, 1.0, 1.5]


def test_a_picture_outside_of_the_folder_or_missing_is_refused(tmp_path):
    folder = SampleFolder(tmp_path)
    taken = folder.add(EMPTY, np.zeros((3, 4), np.uint8), np.zeros(6))
    (tmp_path / "000.png").unlink()
    with pytest.raises(DataError, match=r"000\.png: cannot be read as a picture"):
        folder.picture(taken.samples[0])
    path = tmp_path / FILE
    path.write_text(path.read_text().replace("000.png", "../secret.png"))
    with pytest.raises(DataError, match="picture"):
        folder.read()


def test_the_arm_must_have_rested_before_and_since_the_picture():
    time_s = np.arange(0.0, 3.0, 0.01)
    joints = np.where(time_s < 1.0, time_s, 1.0)[:, None] * np.ones(6)  # it comes to rest at 1 s
    assert [is_still(time_s, joints, stamp_s) for stamp_s in (0.5, 1.5, 1.8, 2.9)] == [
        False,
        False,
        True,
        True,
    ]
    joints[-1, 3] += 0.01  # and starts again
    assert not is_still(time_s, joints, 1.8)


def test_a_pose_is_new_four_centimetres_or_eight_degrees_away():
    taken = [np.eye(4)]
    assert not is_new(frame((0.0, 0.0, 0.1), (0.03, 0.0, 0.0)), taken)
    assert is_new(frame((0.0, 0.0, 0.15), (0.0, 0.0, 0.0)), taken)
    assert is_new(frame((0.0, 0.0, 0.0), (0.0, 0.041, 0.0)), taken)
