"""How every configuration dataclass is declared: `@dataclass(frozen=True, config=STRICT)`."""

from pydantic import ConfigDict

# no unknown key, no NaN or infinity; the text below a field is what `describe` says about it
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
