"""What is written outlives a power cut."""

import os
from pathlib import Path


def flush_to_disk(path: Path) -> None:
    """Make the kernel write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
