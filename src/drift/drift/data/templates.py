"""Files to fill in for data of a robot, or a task, that the configuration does not know."""

from pathlib import Path

from rich.console import Console

from drift.configuration import FOLDERS, choices
from drift.errors import UserError


def write_templates(source: Path, folder: Path, robot: str, task: str, console: Console) -> None:
    """Write them into `folder`, which is made, and say where each belongs.

    There is none for a `robot` or a `task` that the configuration knows. UserError where one is there.
    """
    from drift_formats.formats import FORMATS, UNKNOWN, format_of

    said = {"robot": robot, "task": task}
    written = []
    for template in FORMATS[format_of(source)].templates(source):
        name = said.get(template.kind) or template.name
        if template.kind in said and name.partition("+")[0] in choices(template.kind):
            continue
        path = folder / f"{template.kind}.yaml"
        if path.exists():
            raise UserError(f"templates={folder} must hold no {path.name}: it may be filled in already")
        place = "it is given as --map"
        if template.kind != "map":
            place = f"it belongs to config/{FOLDERS[template.kind]}/{template.name}.yaml"
        beside = f", {template.beside}" if template.beside else ""
        written.append((path, template.text, f"{path}: {place}{beside}"))
    folder.mkdir(parents=True, exist_ok=True)
    for path, text, where in written:
        path.write_text(text, encoding="utf-8")
        console.print(where, markup=False, soft_wrap=True)
    console.print(f"replace each {UNKNOWN} in them: what has one left is refused", markup=False)
