"""One colour for each driver, in figures and film strips."""

from drift_core.episodes import StepSource

HEX = {
    StepSource.HOLD: "#8a8f98",
    StepSource.POLICY: "#2f6fb0",
    StepSource.EXPERT: "#d9772b",
    StepSource.HOMING: "#5f9e6e",
}


def rgb(source: StepSource) -> tuple[int, int, int]:
    """Return the colour of a driver, each part 0..255."""
    red, green, blue = bytes.fromhex(HEX[source][1:])
    return red, green, blue
