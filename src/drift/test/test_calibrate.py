"""`drift calibrate`, as a user meets it."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from board_poses import hands, truth
from drift.changed_file import change_file
from drift.cli import app
from drift.commands.calibrate import camera_latency, hand_eye
from drift.configuration import config_file
from drift.errors import UserError
from drift_config.errors import DriftError
from drift_config.loader import load_yaml
from drift_control.robot import ik
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_core.calibration.board import Board, BoardFinder
from drift_core.calibration.camera_place import load_camera_place
from drift_core.calibration.samples import SampleFolder, SampleSet
from drift_core.task import load_task
from drift_sim.board_scene import BoardScene
from typer.testing import CliRunner


def run(*words: object):
    return CliRunner().invoke(app, ["calibrate", *map(str, words)])


def test_the_printed_board_has_its_true_size_and_is_found(tmp_path):
    done = run("board", "--file", tmp_path / "board.png")
    assert done.exit_code == 0 and "266 x 190 mm; a square must measure 38 mm" in done.output
    board = load_yaml(config_file("board", "a4"), Board)
    sighting = BoardFinder(board).find(cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE))
    ids = sighting.ids.tolist()
    first, last = (sighting.corners_px[ids.index(i)] for i in (0, board.columns - 2))
    # five squares of 38 mm at 300 dots per inch
    assert last - first == pytest.approx([5 * 38.0 / 25.4 * 300.0, 0.0], abs=1.0)
    assert run("board", "--file", tmp_path / "board.pdf").exit_code == 0
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")


def test_a_board_is_written_as_pdf_or_png_only(tmp_path):
    assert "must end in .pdf or .png" in str(run("board", "--file", tmp_path / "board.jpg").exception)


def test_a_file_is_changed_only_when_told_and_keeps_its_link(tmp_path, capsys):
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("a: 1\n")
    link.symlink_to(real)
    assert not change_file(link, "a: 2\n", write=False, dry_run=True)
    assert not change_file(link, "a: 2\n", write=False, dry_run=False)  # nobody to ask
    assert real.read_text() == "a: 1\n"
    assert change_file(link, "a: 2\n", write=True, dry_run=False)
    assert link.is_symlink() and real.read_text() == "a: 2\n"
    assert "-a: 1\n+a: 2\n" in capsys.readouterr().out
    assert not change_file(link, "a: 2\n", write=True, dry_run=False)


def test_a_latency_is_written_into_the_task_and_leaves_the_rest(tmp_path, monkeypatch):
    task = tmp_path / "place.yaml"
    task.write_text(config_file("task", "place").read_text())
    estimate = type("Estimate", (), {"latency_s": 0.03456, "low_s": 0.031, "high_s": 0.038})()
    found = {"wrist": (estimate, None)}
    text = camera_latency._with_latencies(task, load_task(task), found)
    task.write_text(text)
    assert load_task(task).latency_s == {"front": 0.0, "wrist": 0.0346}
    front, wrist = load_task(task).cameras
    assert (wrist.latency_measured, wrist.latency_error_s) == (date.today(), 0.0035)
    assert front.latency_measured is None
    assert "# Pick up the red cube" in text and "# policy step [s]" in text


def test_wrong_words_are_refused_before_anything_is_measured(tmp_path):
    latency = ("camera-latency", "--robot", "ur5e")
    for words, said in (
        ((*latency, "--write", "--dry-run"), "--write and --dry-run"),
        ((*latency, "--camera", "side"), "camera=side must be one of task place: front, wrist"),
        ((*latency, "--figure", tmp_path / "no" / "a.png"), "must be a .png in a folder that exists"),
        ((*latency, "--episodes", tmp_path / "none"), "episode.json: cannot be read"),
        (
            ("hand-eye", "--robot", "ur5e", "--camera", "side", "--mount", "hand"),
            "camera=side must be one of",
        ),
    ):
        assert said in str(run(*words).exception)


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    """A folder as `drift calibrate hand-eye` fills it: rendered pictures at joints that the arm can take."""
    board, arm = load_yaml(config_file("board", "a4"), Board), load_robot(config_file("robot", "ur5e"))
    scene, (camera, place) = BoardScene(board), truth("hand")
    k = scene.intrinsics
    taken = SampleSet(
        "ur5e",
        "wrist",
        "wrist_optical_frame",
        k.width,
        k.height,
        k.model,
        tuple(k.matrix.ravel().tolist()),
        (0.0,) * 5,
    )
    folder = SampleFolder(tmp_path_factory.mktemp("samples"))
    for hand in hands("hand", 12, np.random.default_rng(1), (20.0, 20.0, 20.0)):
        q = arm.home
        for _ in range(5):
            q = ik.solve(arm, Pose(hand[:3, 3], hand[:3, :3]), q).q
        view = np.linalg.inv(camera) @ np.linalg.inv(hand_eye.hand_frame(arm, q)) @ place
        taken = folder.add(taken, cv2.cvtColor(scene.render(view), cv2.COLOR_RGB2GRAY), q)
    scene.close()
    return folder.root


def calibrate(folder: Path, *words: str):
    return run(
        "hand-eye", "--robot", "ur5e", "--camera", "wrist", "--mount", "hand", "--samples", folder, *words
    )


def test_a_folder_of_samples_becomes_a_file_and_a_command(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(hand_eye, "calibration_folder", lambda: tmp_path / "calibration")
    assert calibrate(samples, "--dry-run").exit_code == 0 and not (tmp_path / "calibration").exists()
    done = calibrate(samples, "--write")
    assert done.exit_code == 0, done.output
    place = load_camera_place(tmp_path / "calibration" / "ur5e_wrist.yaml")
    assert place.measured == date.today() and 0.0 < place.reprojection_px < 0.5
    assert 0.0 < max(place.std_m) < 1e-3 and 0.0 < max(place.std_deg) < 0.1
    found = place.transform
    assert (found.parent_frame, found.child_frame) == ("hand_tcp", "wrist_optical_frame")
    assert found.translation_m == pytest.approx(truth("hand")[0][:3, 3], abs=0.002)
    assert "static_transform_publisher --x 0.0" in done.output and "standard deviation" in done.output


def test_pictures_of_another_board_or_camera_say_so(samples, tmp_path):
    saved = json.loads((samples / "samples.json").read_text())
    for changes, said in (
        ({"k": [0.0] * 9}, "camera wrist is not calibrated"),
        ({"width": 320}, "is of 640x480, camera_info of 320x480"),
        ({"robot": "panda"}, "is of robot panda and camera wrist, not of ur5e and wrist"),
    ):
        other = tmp_path / said[:8]
        other.mkdir()
        for picture in samples.glob("*.png"):
            (other / picture.name).symlink_to(picture)
        (other / "samples.json").write_text(json.dumps({**saved, **changes}))
        assert said in str(calibrate(other, "--dry-run").exception)


def test_a_print_of_another_size_than_the_file_says_is_refused(samples, monkeypatch):
    board = load_yaml(config_file("board", "a4"), Board)
    larger = replace(board, square_m=0.040, marker_m=0.0295)
    monkeypatch.setattr("drift_config.loader.load_yaml", lambda path, kind: larger)
    error = calibrate(samples, "--dry-run").exception
    assert isinstance(error, DriftError | UserError) and re.search(
        r"a square measures 3(7\.9|8\.0)", str(error)
    )
