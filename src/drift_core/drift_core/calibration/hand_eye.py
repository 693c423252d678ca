"""Where a camera is mounted, from pictures of a board and the poses of the hand.

With the camera in the hand and the board fixed, or the other way round, one equation holds:

    C_i = X⁻¹ · M_i · Y        C_i  board in the camera, as seen in picture i
                               X    camera in what carries it (hand or base): wanted
                               Y    board in the other of the two: unknown, too
                               M_i  that other one in what carries the camera, from the joints

A closed form (Shah 2013: the largest singular vectors of Σ R_C ⊗ R_M; then a linear system) starts the
method of Levenberg and Marquardt on the distances in the pictures. It is written out here, because OpenCV 5
has lost its own, which moreover says nothing when the poses cannot determine an answer. Frames are (4, 4),
metres; a camera's is its optical frame (x right, y down, z forward).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from drift_core.calibration.board import Board
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.errors import CalibrationError

Mount = Literal["hand", "base"]

VIEWS_MIN = 8
SPREAD_MIN_DEG = 5.0  # standard deviation of the turns about the second axis
REPROJECTION_MAX_PX = 3.0
SCALE_MAX = 0.005  # the sides of the squares may be wrong by so much

_ITERATIONS = 30
_STEP = 1e-6  # of the numerical derivatives [m, rad]


@dataclass(frozen=True, eq=False)
class View:
    """One picture of the board, and where the hand was."""

    hand: np.ndarray  # (4, 4) TCP in the base
    ids: np.ndarray  # (N,) corners of the board
    corners_px: np.ndarray  # (N, 2)


@dataclass(frozen=True, eq=False)
class HandEye:
    """The result, and how far it can be trusted."""

    camera: np.ndarray  # (4, 4) X: optical frame in hand or base
    board: np.ndarray  # (4, 4) Y: board in base or hand
    reprojection_px: np.ndarray  # (V,) root mean square in each picture
    distance_m: float  # root mean square between the board as seen in each picture, and as X and Y say
    angle_rad: float
    std_m: np.ndarray  # (3,) of X, by leaving out each picture in turn (jackknife)
    std_rad: np.ndarray  # (3,) about the axes of the optical frame
    pixel_std_m: np.ndarray  # (3,) what the noise in the pictures alone would give (covariance of the fit)
    scale: float  # of the board, as the arm measures it: 1 if square_m is right
    scale_std: float
    spread_deg: np.ndarray  # (3,) standard deviation of the turns about their three main axes, largest first

    @property
    def rms_px(self) -> float:
        """Root mean square distance in all pictures, which count alike [pixel]."""
        return float(np.sqrt(np.mean(self.reprojection_px**2)))


@dataclass(frozen=True, eq=False)
class _Unknowns:
    camera: np.ndarray
    board: np.ndarray
    scale: float = 1.0

    def moved(self, by: np.ndarray) -> "_Unknowns":
        """Return them turned [rad] and shifted [m] in their own frames by (12,), or (13,) with the scale."""
        camera, board = self.camera @ _frame(by[:3], by[3:6]), self.board @ _frame(by[6:9], by[9:12])
        return _Unknowns(camera, board, self.scale * float(np.exp(by[12])) if len(by) > 12 else self.scale)


def calibrate_hand_eye(views: Sequence[View], board: Board, intrinsics: Intrinsics, mount: Mount) -> HandEye:
    """Return where the camera is; CalibrationError says which number is not good enough."""
    if len(views) < VIEWS_MIN:
        raise CalibrationError(f"{len(views)} samples, at least {VIEWS_MIN} are needed")
    spread_deg = _spread_deg([view.hand for view in views])
    if spread_deg[1] < SPREAD_MIN_DEG:
        raise CalibrationError(
            f"the poses turn about one axis only: by {spread_deg[0]:.1f}° (standard deviation) about it, "
            f"and by {spread_deg[1]:.1f}° "
            f"about the next, at least {SPREAD_MIN_DEG:g}° are needed: tilt the hand by 20° and more, "
            "forwards and sideways"
        )
    seen = [_seen(view, board, intrinsics) for view in views]
    fit = _Fit(views, board, intrinsics, mount)
    start = _closed_form(fit.between, seen)
    free, errors_px = _refine(fit.residuals, start, 13)
    scale_std = float(np.sqrt(_covariance(fit.residuals, free, 13)[12, 12]))
    rms_px = float(np.sqrt(np.mean(fit.per_view_px(free) ** 2)))
    if rms_px > REPROJECTION_MAX_PX:
        raise CalibrationError(_why_so_far(fit, views, free, mount))
    if abs(free.scale - 1.0) > max(SCALE_MAX, 4.0 * scale_std):
        raise CalibrationError(
            "the board's scale is wrong: by the motion of the arm, a square measures "
            f"{1000 * free.scale * board.square_m:.2f} mm "
            f"(± {1000 * scale_std * board.square_m:.2f}), its file says square_m={board.square_m}: "
            "measure the print. If it is right, "
            "the focal length in camera_info or tcp_offset_m of the gripper's file is not"
        )
    best, _ = _refine(fit.residuals, _Unknowns(free.camera, free.board), 12)
    std = _jackknife(views, board, intrinsics, mount, best)
    pairs = [np.linalg.inv(c) @ fit.board_in_camera(best, m) for c, m in zip(seen, fit.between, strict=True)]
    return HandEye(
        camera=best.camera,
        board=best.board,
        reprojection_px=fit.per_view_px(best),
        distance_m=_rms([float(np.linalg.norm(pair[:3, 3])) for pair in pairs]),
        angle_rad=_rms([float(np.linalg.norm(_turn(pair))) for pair in pairs]),
        std_m=std[3:],
        std_rad=std[:3],
        pixel_std_m=np.sqrt(np.diag(_covariance(fit.residuals, best, 12))[3:6]),
        scale=free.scale,
        scale_std=scale_std,
        spread_deg=spread_deg,
    )


class _Fit:
    """The distances in all pictures as a function of the unknowns."""

    def __init__(self, views: Sequence[View], board: Board, intrinsics: Intrinsics, mount: Mount) -> None:
        self.between = [np.linalg.inv(view.hand) if mount == "hand" else view.hand for view in views]  # M_i
        self._views, self._intrinsics = views, intrinsics
        self._points = [board.corners_m(view.ids) for view in views]

    def board_in_camera(self, unknowns: _Unknowns, between: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.inv(unknowns.camera) @ between @ unknowns.board)

    def residuals(self, unknowns: _Unknowns) -> np.ndarray:
        """Return seen less foretold [pixel], all corners of all pictures in a row."""
        parts = zip(self._views, self._points, self.between, strict=True)
        return np.concatenate(
            [
                (
                    view.corners_px
                    - self._intrinsics.project(unknowns.scale * points, self.board_in_camera(unknowns, m))
                ).ravel()
                for view, points, m in parts
            ]
        )

    def per_view_px(self, unknowns: _Unknowns) -> np.ndarray:
        """Return the root mean square distance in each picture (V,)."""
        ends = np.cumsum([2 * len(view.ids) for view in self._views])[:-1]
        return np.array(
            [
                _rms(np.linalg.norm(part.reshape(-1, 2), axis=1))
                for part in np.split(self.residuals(unknowns), ends)
            ]
        )


def _seen(view: View, board: Board, intrinsics: Intrinsics) -> np.ndarray:
    """Return C_i (4, 4) of one picture by itself."""
    points = board.corners_m(view.ids)
    _, turn, shift = cv2.solvePnP(points, view.corners_px, intrinsics.matrix, intrinsics.distortion)
    return _frame(turn.ravel(), shift.ravel())


def _closed_form(between: Sequence[np.ndarray], seen: Sequence[np.ndarray]) -> _Unknowns:
    """Solve M_i Y = X C_i, with the board's scale unknown, too."""
    both = sum(np.kron(c[:3, :3], m[:3, :3]) for m, c in zip(between, seen, strict=True))
    u, _, vt = np.linalg.svd(both)
    camera, board = (column.reshape(3, 3, order="F") for column in (u[:, 0], vt[0]))
    if np.linalg.det(camera) < 0.0:  # singular vectors have no sign of their own
        camera, board = -camera, -board
    camera, board = _nearest_rotation(camera), _nearest_rotation(board)
    rows = np.concatenate(
        [
            np.column_stack([m[:3, :3], -np.eye(3), -(camera @ c[:3, 3])])
            for m, c in zip(between, seen, strict=True)
        ]
    )  # R_M t_Y - t_X - scale · R_X t_C = -t_M
    found = np.linalg.lstsq(rows, -np.concatenate([m[:3, 3] for m in between]), rcond=None)[0]
    return _Unknowns(_join(camera, found[3:6]), _join(board, found[:3]), float(max(found[6], 0.1)))


def _refine(
    residuals: Callable[[_Unknowns], np.ndarray], at: _Unknowns, size: int
) -> tuple[_Unknowns, np.ndarray]:
    """Return the least-squares unknowns near `at` and their residuals (Levenberg and Marquardt)."""
    damping, errors = 1e-3, residuals(at)
    for _ in range(_ITERATIONS):
        jacobian = _jacobian(residuals, at, size)
        square, slope = jacobian.T @ jacobian, jacobian.T @ errors
        while damping < 1e9:
            step = -np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-12), slope)
            there = at.moved(step)
            errors_there = residuals(there)
            if errors_there @ errors_there < errors @ errors:
                break
            damping *= 10.0
        else:
            return at, errors
        at, errors, damping = there, errors_there, damping / 10.0
        if np.abs(step).max() < 1e-9:
            break
    return at, errors


def _jacobian(residuals: Callable[[_Unknowns], np.ndarray], at: _Unknowns, size: int) -> np.ndarray:
    steps = _STEP * np.eye(size)
    return np.column_stack(
        [(residuals(at.moved(step)) - residuals(at.moved(-step))) / (2.0 * _STEP) for step in steps]
    )


def _covariance(residuals: Callable[[_Unknowns], np.ndarray], at: _Unknowns, size: int) -> np.ndarray:
    """Return the covariance (size, size) of the unknowns if the errors in the pictures were all there is."""
    jacobian, errors = _jacobian(residuals, at, size), residuals(at)
    variance = float(errors @ errors) / max(len(errors) - size, 1)
    return np.asarray(variance * np.linalg.inv(jacobian.T @ jacobian))


def _jackknife(
    views: Sequence[View], board: Board, intrinsics: Intrinsics, mount: Mount, best: _Unknowns
) -> np.ndarray:
    """Return the standard deviation (6,) of X, turn [rad] and shift [m], leaving out each view in turn."""
    changes = []
    for i in range(len(views)):
        fit = _Fit([*views[:i], *views[i + 1 :]], board, intrinsics, mount)
        without, _ = _refine(fit.residuals, best, 12)
        change = np.linalg.inv(best.camera) @ without.camera
        changes.append(np.concatenate([_turn(change), change[:3, 3]]))
    n = len(views)
    return np.asarray(
        np.sqrt((n - 1) / n * ((np.array(changes) - np.mean(changes, axis=0)) ** 2).sum(axis=0))
    )


def _why_so_far(fit: _Fit, views: Sequence[View], found: _Unknowns, mount: Mount) -> str:
    per_view_px = fit.per_view_px(found)
    worst = int(per_view_px.argmax())
    return (
        f"pictures and arm contradict each other: the corners are {_rms(per_view_px):.1f} px from where "
        "they should be, at most "
        f"{REPROJECTION_MAX_PX:g} px are allowed; worst in sample {worst + 1} of {len(views)}, "
        f"{per_view_px[worst]:.1f} px. The board moved, the "
        f"camera is not on the {mount}, a picture was taken in motion, or camera_info is of another size "
        "or lens"
    )


def _spread_deg(hands: Sequence[np.ndarray]) -> np.ndarray:
    """Return the standard deviations (3,) of the turns about their main axes, largest first [deg]."""
    mean = _nearest_rotation(np.sum([hand[:3, :3] for hand in hands], axis=0))
    turns = np.array([cv2.Rodrigues(mean.T @ hand[:3, :3])[0].ravel() for hand in hands])
    return np.degrees(np.linalg.svd(turns, compute_uv=False)) / np.sqrt(len(hands))


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(matrix)
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)


def _frame(turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the frame (4, 4) of axis times angle (3,) and a shift (3,)."""
    return _join(np.asarray(cv2.Rodrigues(np.asarray(turn, dtype=float))[0]), shift)


def _join(rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = rotation, shift
    return frame


def _turn(frame: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.Rodrigues(frame[:3, :3])[0]).ravel()


def _rms(values: Sequence[float] | np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
