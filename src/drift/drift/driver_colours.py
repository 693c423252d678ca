"""One colour and one title for each driver, in figures, films, film strips and the console.

They are told apart by those who do not see all colours (Okabe and Ito); page/style.css has the same.
"""

from drift_core.episodes import StepSource

HEX = {
    StepSource.HOLD: "#5a6270",
    StepSource.POLICY: "#0072b2",
    StepSource.EXPERT: "#e69f00",
    StepSource.HOMING: "#5f9e6e",
}
FAULT_HEX = "#dd6500"  # lighter than theirs: black on it is readable with protanopia, too
TITLES = {
    StepSource.HOLD: "HOLD",
    StepSource.POLICY: "POLICY drives",
    StepSource.EXPERT: "EXPERT drives",
    StepSource.HOMING: "HOMING",
}


def rgb(source: StepSource) -> tuple[int, int, int]:
    """Return the colour of a driver, each part 0..255."""
    return parts(HEX[source])


def parts(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0..255, of a colour like #2f6fb0."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
