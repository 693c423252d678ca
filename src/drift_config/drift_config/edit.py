"""Change one value of a YAML file and leave its comments and its layout as they are."""

import yaml

from drift_config.errors import ConfigError
from drift_config.section import Location, dotted


def with_value(text: str, location: Location, value: str) -> str:
    """Return `text` with `value`, as it is to stand there, for the scalar at `location` (keys and indices).

    Raise ConfigError where there is none.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((item for key, item in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        if found is None:
            raise ConfigError(f"{dotted(location)} is not in the file")
        node = found
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{dotted(location)} must be a single value")
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]
