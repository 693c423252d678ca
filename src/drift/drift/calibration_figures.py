"""What calibration prints: the board, and the curves of a camera's latency."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from drift_core.calibration.board import Board  # noqa: E402
from drift_core.calibration.latency import Footage, LatencyEstimate, speeds  # noqa: E402

_MM_PER_INCH = 25.4
_A4_MM = (297.0, 210.0)
_DPI = 300
_MARGIN_MM = 8.0
_SQUARE_PX = 120
_SHOWN_S = 12.0
_MOVING = 0.05  # of the largest speed: the curves begin there


def print_board(board: Board, file: Path) -> None:
    """Write a board in its true size, on A4 paper where it fits; the ending says PDF or PNG."""
    width, height = (1000.0 * side for side in board.size_m)  # [mm]
    needed = (width + 2 * _MARGIN_MM, height + 2 * _MARGIN_MM)
    page = _A4_MM if needed[0] <= _A4_MM[0] and needed[1] <= _A4_MM[1] else needed
    figure = plt.figure(figsize=(page[0] / _MM_PER_INCH, page[1] / _MM_PER_INCH))
    place = (
        (page[0] - width) / 2 / page[0],
        (page[1] - height) / 2 / page[1],
        width / page[0],
        height / page[1],
    )
    axes = figure.add_axes(place)
    axes.imshow(board.image(_SQUARE_PX), cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
    axes.axis("off")
    said = (
        f"ChArUco {board.columns} x {board.rows}, {board.dictionary}, squares {1000 * board.square_m:g} mm, "
        f"markers {1000 * board.marker_m:g} mm. Print at 100 %, measure a square."
    )
    figure.text(0.5, 0.3 * _MARGIN_MM / page[1], said, ha="center", va="bottom", fontsize=7)
    figure.savefig(file, dpi=_DPI)
    plt.close(figure)


def draw_latencies(found: dict[str, tuple[LatencyEstimate, Footage]], file: Path) -> None:
    """Draw for each camera how picture and joints move, latency taken off, and how well each latency fits."""
    figure, rows = plt.subplots(
        len(found), 2, figsize=(11, 3 * len(found)), squeeze=False, layout="constrained"
    )
    for (left, right), (camera, (estimate, footage)) in zip(rows, found.items(), strict=True):
        time_s, image, joints = speeds(footage, estimate.latency_s)
        time_s = time_s - time_s[(joints > _MOVING).argmax()]
        left.plot(time_s, joints, label="joints", color="#8a8f98")
        left.plot(
            time_s, image, label=f"picture, {1000 * estimate.latency_s:.1f} ms earlier", color="#d9772b"
        )
        left.set(
            title=f"camera {camera}",
            xlabel="time [s]",
            ylabel="speed / largest",
            xlim=(-1.0, _SHOWN_S),
            ylim=(0, 1.25),
        )
        left.legend(loc="upper right", ncols=2)
        right.plot(1000 * estimate.grid_s, estimate.curve, color="#2f6fb0")
        right.axvspan(1000 * estimate.low_s, 1000 * estimate.high_s, color="#d9772b", alpha=0.4)
        right.set(xlabel="latency [ms]", ylabel="share explained", ylim=(-0.2, 1.0))
    figure.savefig(file, dpi=110)
    plt.close(figure)
