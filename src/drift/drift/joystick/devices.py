"""The joysticks that the system knows, by the names that it gives them."""

import re
from pathlib import Path

_LIST = Path("/proc/bus/input/devices")


def device_names(listing: Path = _LIST) -> list[str]:
    """Return the names of the joysticks of this machine, in the order of js0, js1, ...."""
    if not listing.is_file():
        return []
    found = {}
    for block in listing.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        name = re.search(r'^N: Name="(.*)"$', block, re.MULTILINE)
        number = re.search(r"^H: Handlers=.*\bjs(\d+)\b", block, re.MULTILINE)
        if name and number:
            found[int(number[1])] = name[1]
    return [found[number] for number in sorted(found)]
