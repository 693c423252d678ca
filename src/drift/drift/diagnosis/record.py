"""What `drift diagnose` has found, as it is written to JSON and drawn."""

from dataclasses import asdict, dataclass

from drift_core.diagnostics.dimension import Dimension
from drift_core.diagnostics.policy import AsymmetryRow
from drift_core.diagnostics.trial import TrialRow


@dataclass(frozen=True)
class DimensionRow:
    """One observation."""

    time_s: float
    driven: str
    found: Dimension


@dataclass(frozen=True)
class Trial:
    """One kind of network on the mixture."""

    network: str
    rows: list[TrialRow]


@dataclass(frozen=True)
class Diagnosis:
    """All numbers of one checkpoint."""

    checkpoint: str
    sha256: str
    version: int
    robot: str
    task: str
    network: str
    prediction: str
    rank: float
    dimensions: int  # D, numbers of a chunk
    episode: str  # empty: a blank observation
    flow_steps: int
    seed: int
    asymmetry: list[AsymmetryRow]
    dimension: list[DimensionRow]
    trials: list[Trial]
    trial_dimensions: int
    trial_steps: int

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)

    def told(self) -> dict[str, list[int]]:
        """Return the dimensions that were told, by what the observations belong to."""
        found: dict[str, list[int]] = {}
        for row in self.dimension:
            if row.found.dimension is not None:
                found.setdefault(row.driven, []).append(row.found.dimension)
        return found
