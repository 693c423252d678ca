"""How every configuration dataclass is declared: `@dataclass(frozen=True, config=STRICT)`."""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)  # no unknown key, no NaN or infinity
