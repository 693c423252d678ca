"""A checkpoint file in pieces, as one machine reads what another wrote. Loads no torch."""

import re
from pathlib import Path

from drift_core.pieces import NotThereError, Piece, piece_of_file

CHECKPOINT_NAME = re.compile(r"^(?:policy|delta)_([0-9]{6,})\.safetensors$")


def is_checkpoint_name(name: str) -> bool:
    """Return whether `name` is that of a checkpoint file in a folder, and no path."""
    return CHECKPOINT_NAME.fullmatch(name) is not None


def read_piece(folder: Path, name: str, offset: int, length: int) -> Piece:
    """Return up to `length` bytes of the checkpoint `name` in `folder`; fewer only at its end, none for 0.

    NotThereError where there is no such file; ValueError for a name, an offset or a length that is
    not allowed; OSError.
    """
    if not is_checkpoint_name(name):
        raise ValueError(f"name={name!r} must be policy_NNNNNN.safetensors or delta_NNNNNN.safetensors")
    try:
        return piece_of_file(folder / name, offset, length)
    except FileNotFoundError as error:
        raise NotThereError(f"{name}: there is no such checkpoint in {folder}") from error
