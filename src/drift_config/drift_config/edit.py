"""Change one value of a YAML file and leave its comments and its layout as they are."""

import yaml

from drift_config.errors import ConfigError
from drift_config.section import Location, dotted


def with_value(text: str, location: Location, value: str) -> str:
    """Return `text` with `value`, as it is to stand there, for the scalar at `location` (keys and indices).

    Raise ConfigError where there is none.
    """
    node = _found(text, location)
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{dotted(location)} must be a single value")
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def with_entry(text: str, beside: Location, key: str, value: str) -> str:
    """Return `text` with `key: value` in the mapping that has a key at `beside`; a new one stands before it.

    Raise ConfigError where there is no key at `beside`.
    """
    above = _found(text, beside[:-1])
    if not isinstance(above, yaml.MappingNode):
        raise ConfigError(f"{dotted(beside)} is not in the file")
    keys = {node.value: node for node, _ in above.value}
    if key in keys:
        return with_value(text, (*beside[:-1], key), value)
    if beside[-1] not in keys:
        raise ConfigError(f"{dotted(beside)} is not in the file")
    start = keys[beside[-1]].start_mark
    between = ", " if above.flow_style else "\n" + " " * start.column
    return f"{text[: start.index]}{key}: {value}{between}{text[start.index :]}"


def _found(text: str, location: Location) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((item for key, item in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        if found is None:
            raise ConfigError(f"{dotted(location)} is not in the file")
        node = found
    return node
