"""The time from exposure to stamp of a camera, by comparing what moves in its pictures with the joints.

Between two exposures the joints go from q to q', and the picture moves by about A·(f(q') - f(q)), where
f(q) are the joints and their products in pairs (so that A·df/dq follows the pose). For every latency on a
grid, A is fitted by least squares; the latency at which the joints explain most of the image motion is the
camera's. The fit needs neither the arm's kinematics nor the place of the camera.

Two things make it exact. It uses the direction of motion: speeds are never negative and look alike half a
period later (in the simulation, that costs up to 80 ms). And it compares changes of velocity: starts and
turning points tell the time, while slow motion fits at any latency and only carries the error of A (without
it, up to 20 ms).

The interval comes from the bootstrap: stretches of three seconds are drawn again and again, with
replacement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drift_core.errors import CalibrationError

LATENCY_MAX_S = 1.0  # as far as a task's file allows, to both sides
MOTION_MIN_S = 10.0
EXPLAINED_MIN = 0.5
RIVAL = 0.9  # another peak this high, relative to the highest, is as good
INTERVAL_MAX_S = 0.010  # half of the 95 % interval

_GRID_S = 0.010
_NEAR_S = 0.15  # around the peak, where the bootstrap looks
_PEAK_POINTS = 3  # of the grid to each side of the highest, through which a parabola is laid
_RIVAL_AWAY_S = 0.1
_STRETCH_S = 3.0
_GAP_S = 0.5  # two pictures that are further apart are not compared
_MOVING_RAD_S = 0.03  # slower joints stand still
_RIDGE = 1e-4  # of the mean square of Δq: joints that hardly moved explain nothing
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Footage:
    """Pictures of one camera and joints of the arm over the same time; stamps rise strictly."""

    frame_s: np.ndarray  # (K,) stamps of the pictures
    motion: np.ndarray  # (K, 2) image motion since the picture before [pixel]; the first row means nothing
    joint_s: np.ndarray  # (M,)
    joints_rad: np.ndarray  # (M, J)

    @classmethod
    def of(
        cls, frame_s: np.ndarray, motion: np.ndarray, joint_s: np.ndarray, joints_rad: np.ndarray
    ) -> "Footage":
        """Return what was recorded, without joints whose stamp is not newer than all before it."""
        newer = joint_s > np.maximum.accumulate(np.concatenate([[-np.inf], joint_s[:-1]]))
        return cls(frame_s, motion, joint_s[newer], joints_rad[newer])


@dataclass(frozen=True, eq=False)
class LatencyEstimate:
    """What was found, and the curve that it was found on."""

    latency_s: float  # from exposure to stamp; negative where the stamps are too early
    low_s: float  # of the 95 % interval
    high_s: float
    explained: float  # share of the image motion that the joints explain there
    moving_s: float  # how long the arm moved
    grid_s: np.ndarray  # (L,)
    curve: np.ndarray  # (L,) share explained at each of them


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of products over the pictures of a stretch, at each latency of the grid."""

    n: int  # pictures
    joints: np.ndarray  # (L, F, F) changes of the velocity of f(q), by themselves
    both: np.ndarray  # (L, F, 2) by those of the picture
    image: float  # those of the picture, squared


def estimate_latency(footage: Sequence[Footage], rng: np.random.Generator) -> LatencyEstimate:
    """Return the latency; CalibrationError says which number is not good enough, and what would be."""
    moving_s = sum(_moving_s(part) for part in footage)
    if moving_s < MOTION_MIN_S:
        raise CalibrationError(
            f"too little motion: the arm moved for {moving_s:.1f} s within what counts, {MOTION_MIN_S:g} "
            "s are needed "
            f"(the first and last {LATENCY_MAX_S:g} s of a recording do not count, nor joints slower than "
            f"{_MOVING_RAD_S:g} rad/s)"
        )
    grid = _grid()
    middle = np.concatenate([part.joints_rad for part in footage]).mean(axis=0)
    stretches = [sums for part in footage for sums in _stretches(part, middle, grid)]
    n = np.array([sums.n for sums in stretches])  # (S,)
    joints = np.array([sums.joints for sums in stretches])  # (S, L, F, F)
    both = np.array([sums.both for sums in stretches])  # (S, L, F, 2)
    image = np.array([sums.image for sums in stretches])  # (S,)
    if not image.sum() > 0.0:
        raise CalibrationError("nothing moves in the pictures: they must show the arm, or come from its hand")
    needed = 2 * joints.shape[-1]
    if n.sum() < needed:
        raise CalibrationError(f"too few pictures: {n.sum()} count, {needed} are needed: record for longer")
    curve = _explained(n.sum(), joints.sum(axis=0), both.sum(axis=0), image.sum())
    _check_peak(grid, curve)
    near = np.abs(grid - grid[curve.argmax()]) <= _NEAR_S
    joints, both, found = joints[:, near], both[:, near], []
    for weights in rng.multinomial(
        len(n), np.full(len(n), 1.0 / len(n)), size=_DRAWS
    ):  # how often each is drawn
        size, square, cross = (
            int(weights @ n),
            np.tensordot(weights, joints, 1),
            np.tensordot(weights, both, 1),
        )
        found.append(_peak(grid[near], _explained(size, square, cross, float(weights @ image))))
    low, high = (float(value) for value in np.percentile(found, (2.5, 97.5)))
    if (high - low) / 2.0 > INTERVAL_MAX_S:
        raise CalibrationError(
            f"not certain: the 95 % interval reaches from {1000 * low:.0f} to {1000 * high:.0f} ms, and "
            "may be "
            f"{2000 * INTERVAL_MAX_S:g} ms long: move for longer ({moving_s:.0f} s so far), and turn "
            "back more often"
        )
    return LatencyEstimate(_peak(grid, curve), low, high, float(curve.max()), moving_s, grid, curve)


def moving_time_s(time_s: np.ndarray, joints_rad: np.ndarray) -> float:
    """Return for how long joints (M, J), known at times (M,), moved."""
    steps_s = np.diff(time_s)
    speeds = np.abs(np.diff(joints_rad, axis=0)).max(axis=1, initial=0.0) / np.maximum(steps_s, 1e-9)
    return float(steps_s[speeds > _MOVING_RAD_S].sum())


def speeds(footage: Footage, latency_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times of exposure (K,), and there the speed of image (K,) and joints (K,), each at most 1.

    Both are lengths of vectors, divided by their largest value: two curves to look at.
    """
    gap_s = np.diff(footage.frame_s)
    image = np.linalg.norm(footage.motion[1:], axis=1) / gap_s
    moved = np.diff(_joints_at(footage, footage.frame_s - latency_s), axis=0)
    joints = np.linalg.norm(moved, axis=1) / gap_s
    scaled = [curve / max(float(curve.max(initial=0.0)), 1e-9) for curve in (image, joints)]
    return footage.frame_s[1:] - gap_s / 2.0 - latency_s, scaled[0], scaled[1]


def _grid() -> np.ndarray:
    n = round(LATENCY_MAX_S / _GRID_S)
    return np.arange(-n, n + 1) * _GRID_S


def _moving_s(footage: Footage) -> float:
    inside = (footage.joint_s >= footage.joint_s[:1] + LATENCY_MAX_S) & (
        footage.joint_s <= footage.joint_s[-1:] - LATENCY_MAX_S
    )
    return moving_time_s(footage.joint_s[inside], footage.joints_rad[inside]) if inside.any() else 0.0


def _explained(n: int, joints: np.ndarray, both: np.ndarray, image: float) -> np.ndarray:
    """Return the share of the picture's changes that the best A explains at each latency (L,)."""
    size = joints.shape[-1]
    ridge = _RIDGE * np.trace(joints, axis1=1, axis2=2) / size + 1e-12
    fitted = np.linalg.solve(joints + ridge[:, None, None] * np.eye(size), both)  # (L, F, 2), A transposed
    unexplained = 1.0 - (both * fitted).sum(axis=(1, 2)) / max(image, 1e-12)
    return np.asarray(1.0 - unexplained * n / max(n - size, 1))  # noise, too, is fitted: by size of n parts


def _check_peak(grid: np.ndarray, curve: np.ndarray) -> None:
    best = int(curve.argmax())
    if curve[best] < EXPLAINED_MIN:
        raise CalibrationError(
            f"weak: even at its best, {1000 * grid[best]:.0f} ms, the joints explain "
            f"{100 * curve[best]:.0f} % of the "
            f"changes in the picture, {100 * EXPLAINED_MIN:.0f} % are needed: let nothing else move, and "
            "let the arm fill "
            "more of the picture"
        )
    if best in (0, len(grid) - 1):
        raise CalibrationError(
            f"the best latency, {1000 * grid[best]:.0f} ms, is at the end of what is looked at: the "
            "stamps of camera and "
            "arm seem to come from clocks that differ"
        )
    peaks = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] >= curve[2:])) + 1
    rivals = [i for i in peaks if abs(grid[i] - grid[best]) > _RIVAL_AWAY_S]
    rival = max(rivals, key=lambda i: curve[i], default=None)
    if rival is not None and curve[rival] >= RIVAL * curve[best]:
        raise CalibrationError(
            f"ambiguous: {1000 * grid[best]:.0f} ms and {1000 * grid[rival]:.0f} ms explain the pictures "
            "about "
            f"equally well ({100 * curve[best]:.0f} % and {100 * curve[rival]:.0f} %): move irregularly, "
            "not to and fro "
            "in one rhythm"
        )


def _peak(grid: np.ndarray, curve: np.ndarray) -> float:
    """Return where a curve is highest, between the points of the grid by a parabola [s]."""
    best = int(curve.argmax())
    low, high = best - _PEAK_POINTS, best + _PEAK_POINTS + 1
    if low < 0 or high > len(grid):
        return float(grid[best])
    bend, slope, _ = np.polyfit(grid[low:high] - grid[best], curve[low:high], 2)
    if not bend < 0.0:
        return float(grid[best])
    reach = _PEAK_POINTS * _GRID_S
    return float(grid[best] + np.clip(-slope / (2.0 * bend), -reach, reach))


def _stretches(footage: Footage, middle: np.ndarray, grid: np.ndarray) -> Iterator[_Sums]:
    """Cut into stretches of pictures that follow each other, with joints known at every latency."""
    frame_s, joint_s = footage.frame_s, footage.joint_s
    gap_s = np.diff(frame_s, prepend=-np.inf)
    known = (frame_s - gap_s - grid[-1] >= joint_s[0]) & (frame_s - grid[0] <= joint_s[-1])
    usable = np.flatnonzero(known & (gap_s <= _GAP_S))
    for run in np.split(usable, np.flatnonzero(np.diff(usable) != 1) + 1):
        if len(run) > 1:
            n = max(1, round((frame_s[run[-1]] - frame_s[run[0]]) / _STRETCH_S))
            for frames in np.array_split(run[1:], n):  # each of them has two before it
                yield _sums(footage, middle, frames, grid)


def _sums(footage: Footage, middle: np.ndarray, frames: np.ndarray, grid: np.ndarray) -> _Sums:
    with_before = np.concatenate([frames[:1] - 2, frames[:1] - 1, frames])
    frame_s = footage.frame_s[with_before]
    gap_s = np.diff(frame_s)[:, None]
    terms = _terms(_joints_at(footage, frame_s[None, :] - grid[:, None]) - middle)  # (L, K + 2, F)
    moved = np.diff(np.diff(terms, axis=1) / gap_s, axis=1)  # (L, K, F) changes of velocity
    motion = np.diff(footage.motion[with_before[1:]] / gap_s, axis=0)  # (K, 2)
    turned = moved.transpose(0, 2, 1)
    return _Sums(len(frames), turned @ moved, turned @ motion, float((motion**2).sum()))


def _terms(q: np.ndarray) -> np.ndarray:
    """Return f(q): the joints (..., J) and their products in pairs, (..., J + J (J + 1) / 2)."""
    first, second = np.triu_indices(q.shape[-1])
    return np.concatenate([q, q[..., first] * q[..., second]], axis=-1)


def _joints_at(footage: Footage, time_s: np.ndarray) -> np.ndarray:
    """Return the joints at times (..., K), interpolated, (..., K, J)."""
    return np.stack([np.interp(time_s, footage.joint_s, q) for q in footage.joints_rad.T], axis=-1)
