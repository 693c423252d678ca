#!/usr/bin/env python3
"""Give one virtual environment the packages of another, but ROS: share_packages.py FROM TO.

Files are linked (hard links), so they take no disk and hardly any time; what pip changes in one environment
stays as it was in the other. Programs are written anew for the Python of their environment.
"""

import csv
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path


def site_packages(venv: Path) -> Path:
    """Return the folder of `venv` that packages lie in."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(venv)}))


def shared(site: Path) -> Iterator[str]:
    """Return all files of the packages in `site` but ROS, relative to it: programs are ../../../bin/NAME."""
    for record in site.glob("*.dist-info/RECORD"):
        if not record.parent.name.startswith("ros_"):  # rosbags is none of it
            with record.open(encoding="utf-8", newline="") as file:
                yield from (row[0] for row in csv.reader(file))


def place(old: str, new: str, source: Path, target: Path) -> None:
    """Link a file; write a program that names the folder of `source` for that of `target`."""
    if os.path.dirname(old) == f"{source}/bin":
        data = Path(old).read_bytes()
        if data.startswith(b"#!"):
            for venv in (source, source.resolve()):
                data = data.replace(bytes(venv / "bin"), bytes(target / "bin"))
            Path(new).write_bytes(data)
            shutil.copymode(old, new)
            return
    try:
        os.link(old, new)
    except OSError:  # another disk, or files of another user
        shutil.copy2(old, new)


def main(source: Path, target: Path) -> None:
    made: set[str] = set()
    sites = [site_packages(venv) for venv in (source, target)]
    for name in shared(sites[0]):
        old, new = (os.path.normpath(f"{site}/{name}") for site in sites)
        if os.path.exists(old) and not os.path.lexists(new):
            folder = os.path.dirname(new)
            if folder not in made:
                os.makedirs(folder, exist_ok=True)
                made.add(folder)
            place(old, new, source, target)


if __name__ == "__main__":
    main(*(Path(argument).absolute() for argument in sys.argv[1:]))
