"""The joysticks and SpaceMice that the system knows, by the names that it gives them."""

import re
from pathlib import Path

_LIST = Path("/proc/bus/input/devices")
_HIDRAW = Path("/sys/class/hidraw")
# 3Dconnexion, and Logitech while the two were one: devices.toml of pyspacemouse
_SPACEMOUSE = re.compile(r"^HID_ID=\w+:0000(256F:\w+|046D:0000C62\w)$", re.MULTILINE)


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


def spacemice(folder: Path = _HIDRAW) -> dict[str, str]:
    """Return the names of the SpaceMice of this machine by their files in /dev, as hidraw3."""
    found = {}
    for place in sorted(folder.glob("hidraw*")):
        try:
            said = (place / "device" / "uevent").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # pulled out just now
        if _SPACEMOUSE.search(said):
            name = re.search(r"^HID_NAME=(.*)$", said, re.MULTILINE)
            found[place.name] = name[1] if name else "SpaceMouse"
    return found
