"""What a configuration class says about each of its fields, for whoever shows them to a person."""

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
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
    infos, texts = config_type.__pydantic_fields__, dict[str, str]()
    for part in reversed(config_type.__mro__):
        if "__pydantic_fields__" in vars(part):
            texts |= _texts(part)
    names = [field.name for field in fields(config_type)]
    return {name: _described(infos[name], texts.get(name, "")) for name in names}


def _texts(config_type: type[Any]) -> dict[str, str]:
    """Return the text that the source of a class has below each of its fields that has one."""
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(config_type))).body
    assert isinstance(parsed, ast.ClassDef)
    found = {}
    for line, next_line in pairwise(parsed.body):
        match line, next_line:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found


def _described(info: Any, text: str) -> FieldDescription:
    low, high = _first(info.metadata, "ge", "gt"), _first(info.metadata, "le", "lt")
    return FieldDescription(text, info.annotation, low, high, "; ".join(_rules(info)))


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
