"""Change a file of the configuration only after its owner has seen how."""

import difflib
import os
import sys
from pathlib import Path

from drift.errors import UserError


def check_options(write: bool, dry_run: bool) -> None:
    """Refuse what contradicts itself."""
    if write and dry_run:
        raise UserError("--write and --dry-run: say one of them")


def change_file(path: Path, text: str, write: bool, dry_run: bool) -> bool:
    """Show the difference that `text` makes, ask unless told, and replace the file; return whether it was."""
    path = path.resolve()  # an installed file may be a link to the one that is edited
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if text == before:
        print(f"{path} says so already")
        return False
    old, new = (part.splitlines(keepends=True) for part in (before, text))
    print("".join(difflib.unified_diff(old, new, fromfile=str(path), tofile="new")), end="", flush=True)
    if dry_run or not (write or _agreed(path)):
        print("nothing is written" if dry_run or sys.stdin.isatty() else "nothing is written: say --write")
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    if path.exists():
        os.chmod(part, path.stat().st_mode)
    os.replace(part, path)
    print(f"written: {path}")
    return True


def _agreed(path: Path) -> bool:
    return sys.stdin.isatty() and input(f"write {path}? [y/N] ").strip().lower() in ("y", "yes")
