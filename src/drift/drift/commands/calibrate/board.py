"""`drift calibrate board`: a board to print."""

from pathlib import Path
from typing import Annotated

import typer

from drift.configuration import config_file
from drift.errors import UserError


def main(
    board: Annotated[str, typer.Option(help="a file of config/boards")] = "a4",
    file: Annotated[Path, typer.Option(help="what to write: .pdf or .png")] = Path("board.pdf"),
) -> None:
    """Write the ChArUco board of `drift calibrate hand-eye` in its true size.

    Print it at 100 %, glue it on something flat, measure a square, and write that into the board's file.
    """
    from drift_config.loader import load_yaml
    from drift_core.calibration.board import Board

    from drift.calibration_figures import print_board

    if file.suffix not in (".pdf", ".png"):
        raise UserError(f"--file {file} must end in .pdf or .png")
    path = config_file("board", board)
    sizes = load_yaml(path, Board)
    print_board(sizes, file)
    width_m, height_m = sizes.size_m
    print(
        f"{file}: {1000 * width_m:.0f} x {1000 * height_m:.0f} mm; a square must measure "
        f"{1000 * sizes.square_m:g} mm, else write"
    )
    print(f"what it measures as square_m into {path}")
