"""YAML without surprises: plain data with the line of every key, or a list of everything that is refused.

`1e-3` is a number, only `true` and `false` are booleans, what stands in quotes is text, and whole numbers
have up to 18 digits. Repeated keys, aliases, tags and deep nesting are refused.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from drift_config.errors import ConfigError
from drift_config.section import FileFault, KeyPlace, Location, Section, dotted, refuse

_DEEPEST = 20  # mappings and lists within one another
_TAG = "tag:yaml.org,2002:"
_FLOAT = re.compile(r"^[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$|^[-+]?\.inf$|^\.nan$")


class _StrictLoader(yaml.SafeLoader):
    """Composes nodes only; what they mean is decided below."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal(f"*{event.anchor} must be written out: aliases are not allowed", event)
        if event.tag is not None:
            raise _refusal(f"tag {event.tag!r} is not allowed", event)
        if self._depth > _DEEPEST:
            raise _refusal(f"must not be nested more than {_DEEPEST} deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)  # type: ignore[no-untyped-call]
        self._depth -= 1
        return node


_StrictLoader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_StrictLoader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"^[-+]?(0|[1-9]\d{0,17})$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def read_yaml(path: Path | str) -> Section:
    """Return the mapping that a file holds; ConfigError names everything that is wrong with its YAML."""
    section, faults = read_with_faults(path)
    refuse(section, str(path), faults)
    return section


def read_with_faults(path: Path | str) -> tuple[Section, list[FileFault]]:
    """Return what can be read of a file, and what must be refused; ConfigError where it cannot be read on."""
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: must be text in UTF-8: {error.reason}") from error
    return _of_text(text, file)


def read_text(text: str, source: str) -> Section:
    """Return the mapping that `text` is; ConfigError names `source`."""
    section, faults = _of_text(text, source)
    refuse(section, source, faults)
    return section


def _of_text(text: str, file: str) -> tuple[Section, list[FileFault]]:
    try:
        root = yaml.compose(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ConfigError(_explain(error, file, text)) from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{file}:1: must be a mapping of keys to values, got {text.strip()[:40]!r}")
    reading = _Reading(file)
    return Section(reading.plain(root, ()), reading.places), reading.faults


class _Reading:
    """Turns nodes into plain data and remembers where they stood."""

    def __init__(self, file: str) -> None:
        self.places: dict[Location, KeyPlace] = {}
        self.faults: list[FileFault] = []
        self._file = file

    def plain(self, node: yaml.Node, location: Location) -> Any:
        self.places.setdefault(location, self._place(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*location, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, place = key_node.value, self._place(key_node)
            if key_node.tag != f"{_TAG}str":
                shown = (
                    repr(_scalar(key_node)) if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                )
                at = (*location, f"line {place.line}")  # a key of its own, since it has no name
                self.places[at] = place
                self.faults.append(FileFault(at, f"{_inside(location)}a key must be a name, got {shown}"))
                continue
            at = (*location, key)
            if key in data:
                again = (*location, key, f"line {place.line}")
                self.places[again] = place
                first = self.places[at].line
                self.faults.append(
                    FileFault(again, f"key {dotted(at)!r} is given twice, first in line {first}")
                )
                continue
            self.places[at] = place
            data[key] = self.plain(value_node, at)
        return data

    def _place(self, node: yaml.Node) -> KeyPlace:
        return KeyPlace(self._file, node.start_mark.line + 1)


def _inside(location: Location) -> str:
    return f"{dotted(location)}: " if location else ""


def _scalar(node: yaml.Node) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind == "float":
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return {"null": lambda: None, "bool": lambda: text == "true", "int": lambda: int(text)}.get(
        kind, lambda: text
    )()


def _refusal(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _explain(error: yaml.YAMLError, file: str, text: str) -> str:
    """Say in a line where and why the YAML ends."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"{file}:{text.count(chr(10), 0, error.position) + 1}: must be valid YAML: {error.reason}"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        ours = type(error) is yaml.MarkedYAMLError  # raised above
        reason = error.problem if ours else f"must be valid YAML: {error.context or ''} {error.problem}"
        return f"{file}:{error.problem_mark.line + 1}: {' '.join(str(reason).split())}"
    return f"{file}: must be valid YAML: {error}"
