"""Pictures for people: where points are seen, what is drawn, and films that are whole."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drift.configuration import config_file
from drift.driver_colours import rgb
from drift.errors import UserError
from drift.film import FilmFile, check_film, write_film
from drift.picture.cell import draw_ways
from drift.picture.path import PlannedPath, Trail, planned_path
from drift.picture.screen import Screen, has_display
from drift.picture.sheet import HEIGHT, WIDTH, Moment, sheet
from drift.picture.view import View, fitted
from drift_control.robot.robot import load_robot
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.episodes import StepSource
from drift_core.observation.fit import fit

# 100 pixels a metre at 1 m; it hangs 2 m above the base and looks straight down, right in its picture is x
DOWN = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 2.0], [0.0, 0.0, 0.0, 1.0]])
LENS = Intrinsics(200, 100, np.array([[100.0, 0.0, 99.5], [0.0, 100.0, 49.5], [0.0, 0.0, 1.0]]), np.zeros(5))


def test_a_point_is_seen_where_the_pinhole_says_and_one_behind_the_lens_nowhere() -> None:
    seen = View(LENS, DOWN).pixels(np.array([[0.0, 0.0, 0.0], [0.4, 0.2, 1.0], [0.0, 0.0, 2.5]]))
    # 0.4 m to the right and 0.2 m to the left of the picture's top, 1 m away: 40 right, 20 up
    assert seen[:2] == pytest.approx(np.array([[99.5, 49.5], [139.5, 29.5]]))
    assert np.isnan(seen[2]).all()


def test_a_picture_that_was_made_to_fit_is_drawn_on_at_the_same_spot() -> None:
    # 200x100 made to fit 50x50: the middle 100x100 is kept, then halved
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[20:24, 120:124] = 255  # around (121.5, 21.5)
    small = fit(picture, 50, 50)
    rows, columns = np.nonzero(small[..., 0])
    point = np.array([[0.22, 0.28, 1.0]])
    assert View(LENS, DOWN).pixels(point)[0] == pytest.approx([121.5, 21.5])
    seen = View(fitted(LENS, 50, 50), DOWN).pixels(point)[0]
    assert seen == pytest.approx([35.5, 10.5]) == [columns.mean() - 0.0, rows.mean()]


def test_of_a_plan_only_what_is_still_to_come_is_drawn_with_rings_where_the_hand_is_open() -> None:
    points = np.array([[-0.4, 0.0, 1.0], [0.0, 0.0, 1.0], [0.4, 0.0, 1.0]])
    # due at 10.1, 10.2, 10.3 s; at 10.15 s the first is over
    plan = PlannedPath(points, np.array([0.08, 0.08, 0.0]), 10.0, 0.1)
    assert plan.left(10.15).tolist() == [False, True, True]
    picture = np.full((100, 200, 3), 90, np.uint8)
    draw_ways(picture, View(LENS, DOWN), Trail(), plan, 10.15)
    blue = rgb(StepSource.POLICY)
    assert picture[50, 60].tolist() == [90] * 3  # where the first was
    assert picture[50, 100].tolist() == [255] * 3  # an open hand: a ring
    assert picture[50, 140].tolist() == list(blue)  # a closed one: a dot
    assert picture[50, 120].tolist() == list(blue)  # the way between


def test_what_was_done_keeps_the_colours_of_who_did_it() -> None:
    trail = Trail(length_s=2.0)
    for step, source in enumerate([StepSource.POLICY] * 3 + [StepSource.EXPERT] * 2):
        trail.add(10.0 + step, np.array([0.1 * step, 0.0, 1.0]), source)
    # at 14 s what is older than 12 s is forgotten: the policy's last, and the expert's two
    (policy, first), (expert, second) = trail.parts()
    assert (policy, expert) == (StepSource.POLICY, StepSource.EXPERT)
    assert first[:, 0] == pytest.approx([0.2]) and second[:, 0] == pytest.approx([0.2, 0.3, 0.4])
    trail.add(3.0, np.zeros(3), StepSource.HOLD)  # a clock that was set back
    assert [len(points) for _, points in trail.parts()] == [1]


def test_a_chunk_of_joints_is_drawn_where_the_arm_would_be_and_a_strange_one_not_at_all() -> None:
    robot = load_robot(config_file("robot", "panda"))
    joints = np.append(robot.home, 0.04)[None]
    plan = planned_path(robot, joints, "joint_position", 1.0, 0.1)
    assert plan is not None and plan.points_m[0] == pytest.approx([0.45, 0.0, 0.25], abs=1e-3)
    assert planned_path(robot, joints, "tcp_pose", 1.0, 0.1) is None  # eight numbers, not ten
    assert planned_path(robot, np.full((2, 10), np.nan), "tcp_pose", 1.0, 0.1) is None
    assert planned_path(robot, np.zeros((2, 2)), "point", 1.0, 0.1) is None


def test_a_sheet_is_framed_in_the_drivers_colour_and_never_grows() -> None:
    colour = rgb(StepSource.EXPERT)
    insets = {name: np.full((64, 64, 3), 7, np.uint8) for name in ("front", "wrist", "third", "fourth")}
    moment = Moment(
        np.full((48, 64, 3), 120, np.uint8), colour, "EXPERT drives", "§" * 500, insets, ["x"] * 40
    )
    page = sheet(moment)
    assert page.shape == (HEIGHT, WIDTH, 3) and HEIGHT % 2 == WIDTH % 2 == 0
    assert (page[-6:] == colour).all() and (page[:, :6] == colour).all() and (page[:5] == colour).all()
    assert page[200, 200].tolist() == [120] * 3
    assert page[40 + 80, 6 + 640 + 80].tolist() == [7] * 3


def test_a_film_shows_each_picture_at_its_time(tmp_path: Path) -> None:
    pictures = [np.full((64, 96, 3), shade, np.uint8) for shade in (20, 120, 220)]
    with FilmFile(tmp_path / "film.mp4") as film:
        assert not film.begun
        for picture, at_s in zip(pictures, (0.0, 0.1, 1.5), strict=True):
            film.add(picture, at_s)
        film.add(pictures[0], 1.5)  # not later than the last: left out
    assert times_and_shades(tmp_path / "film.mp4") == [(0.0, 20), (0.1, 120), (1.5, 220)]


def test_of_a_film_that_a_kill_broke_off_what_was_written_in_whole_parts_can_be_seen(
    tmp_path: Path,
) -> None:
    with FilmFile(tmp_path / "film.mp4") as film:
        for number in range(120):
            film.add(np.full((32, 32, 3), 2 * number, np.uint8), number / 10)
        (tmp_path / "killed.mp4").write_bytes((tmp_path / "film.mp4").read_bytes())
    assert len(times_and_shades(tmp_path / "killed.mp4")) >= 50
    assert len(times_and_shades(tmp_path / "film.mp4")) == 120


def test_a_film_of_equal_frames_lasts_as_long_as_they_do(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", [np.full((32, 32, 3), shade, np.uint8) for shade in (0, 200)], 500)
    assert [at_s for at_s, _ in times_and_shades(tmp_path / "film.mp4")] == [0.0, 0.5, 0.999]
    write_film(tmp_path / "film.gif", [np.full((32, 32, 3), 9, np.uint8)] * 3, 100)
    durations_ms = list(cv2.imreadanimation(str(tmp_path / "film.gif"))[1].durations)
    assert (
        durations_ms[:3] == [100] * 3 and sum(durations_ms) <= 400
    )  # readers show the last one a moment longer


def times_and_shades(film: Path) -> list[tuple[float, int]]:
    with av.open(str(film)) as container:
        frames = [(round(f.time or 0.0, 3), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    return [(at_s, round(float(frame.mean()) / 20) * 20) for at_s, frame in frames]


def test_what_cannot_be_shown_or_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"video=.*film.avi must end in .mp4 and lie in a folder"):
        check_film(tmp_path / "film.avi", (".mp4",))
    with pytest.raises(UserError, match=r"nowhere/film.mp4 must end in"):
        check_film(tmp_path / "nowhere" / "film.mp4")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for display in ("", "nowhere:99"):  # none, and one that is gone, on which Qt ends the process that asks
        monkeypatch.setenv("DISPLAY", display)
        assert not has_display()
        with pytest.raises(UserError, match=r"a window needs a display that .* --video FILE.mp4 needs none"):
            Screen(True, None)
