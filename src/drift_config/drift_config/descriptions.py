"""What a configuration class says about each of its fields, for whoever shows them to a person."""

import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal


@dataclass(frozen=True)
class FieldDescription:
    """One field: the text below it, its type, the bounds of its number, and what else is asked of it."""

    text: str
    kind: Any
    low: float | None  # bounds; whether they themselves are allowed says `rule`
    high: float | None
    rule: str  # in words, empty for none


def describe(config_type: type[Any]) -> dict[str, FieldDescription]:
    """Return a description of each field of a STRICT dataclass, by its name."""
    own = {  # pydantic keeps the text with the class in which the field stands
        name: part.__pydantic_fields__[name]
        for part in reversed(config_type.__mro__)
        if hasattr(part, "__pydantic_fields__")
        for name in vars(part).get("__annotations__", {})
        if name in part.__pydantic_fields__
    }
    return {field.name: _described(own[field.name]) for field in fields(config_type)}


def _described(info: Any) -> FieldDescription:
    low, high = _first(info.metadata, "ge", "gt"), _first(info.metadata, "le", "lt")
    return FieldDescription(info.description or "", info.annotation, low, high, "; ".join(_rules(info)))


def _rules(info: Any) -> Iterable[str]:
    if typing.get_origin(info.annotation) is Literal:
        yield f"one of: {', '.join(map(str, typing.get_args(info.annotation)))}"
    for name, words in (("gt", "greater than"), ("lt", "less than"), ("pattern", "like")):
        if (bound := _first(info.metadata, name)) is not None:
            yield f"{words} {bound}"
    if _first(info.metadata, "min_length"):
        yield "not empty"


def _first(metadata: Iterable[Any], *names: str) -> Any:
    found = (getattr(item, name, None) for item in metadata for name in names)
    return next((value for value in found if value is not None), None)
