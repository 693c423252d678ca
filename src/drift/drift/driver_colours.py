"""One colour and one title for each driver, in figures, films and film strips."""

from drift_core.episodes import StepSource

HEX = {
    StepSource.HOLD: "#8a8f98",
    StepSource.POLICY: "#2f6fb0",
    StepSource.EXPERT: "#d9772b",
    StepSource.HOMING: "#5f9e6e",
}
FAULT_HEX = "#c8323c"
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
