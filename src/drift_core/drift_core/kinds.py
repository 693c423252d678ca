"""The type of a configuration that is one of several kinds."""

from collections.abc import Iterable
from typing import Annotated, Any, Union

from pydantic import Field


def one_of(configs: Iterable[type]) -> Any:
    """Return the type of one of `configs`, dataclasses that are told apart by their field `kind`."""
    found = tuple(configs)
    return Annotated[Union[found], Field(discriminator="kind")] if len(found) > 1 else found[0]  # noqa: UP007
