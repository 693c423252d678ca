"""How every configuration dataclass is declared: `@dataclass(frozen=True, config=STRICT)`."""

from pydantic import ConfigDict

# No unknown key, no NaN or infinity. The text below a field is read by `describe` alone: pydantic would parse
# the source of each class when it is imported, a tenth of the start of a node.
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
