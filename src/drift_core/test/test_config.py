"""YAML in, one validated dataclass or one complete error out."""

from typing import Annotated, Literal

import pytest
from drift_core.config import load_yaml, parse, to_plain
from drift_core.errors import ConfigError
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

FORBID = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=FORBID)
class Small:
    kind: Literal["small"]
    width: Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=FORBID)
class Large:
    kind: Literal["large"]
    layers: tuple[int, ...]


@dataclass(frozen=True, config=FORBID)
class Part:
    name: str
    mass_kg: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=FORBID)
class Robot:
    speed_m_s: Annotated[float, Field(gt=0, le=0.25)]
    mode: Literal["fast", "exact"]
    enabled: bool
    parts: tuple[Part, ...]
    net: Annotated[Small | Large, Field(discriminator="kind")]

    def __post_init__(self) -> None:
        if len(self.parts) > 2:
            raise ConfigError(f"parts={len(self.parts)} must be at most 2")


GOOD = """
speed_m_s: 1e-1
mode: fast
enabled: true
parts:
  - {name: "arm", mass_kg: 2}
net: {kind: small, width: 3}
"""


def load(tmp_path, text):
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    return load_yaml(path, Robot)


def refused(tmp_path, text) -> str:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    return str(error.value)


def test_a_good_file_becomes_the_dataclass_with_exponents_as_numbers(tmp_path):
    robot = load(tmp_path, GOOD)
    assert robot == Robot(0.1, "fast", True, (Part("arm", 2.0),), Small("small", 3))
    assert type(robot.parts[0].mass_kg) is float


def test_plain_data_makes_the_round_trip(tmp_path):
    robot = load(tmp_path, GOOD)
    assert parse(to_plain(robot), Robot, "copy") == robot


def test_all_errors_come_at_once_each_with_file_key_value_and_what_is_allowed(tmp_path):
    text = refused(
        tmp_path,
        "speed_m_s: 0.5\nmode: slow\nenabled: yes\nparts: [{name: arm, mass_kg: -1}]\n"
        "net: {kind: small, width: 3}",
    )
    lines = text.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{tmp_path}/robot.yaml: ") for line in lines)
    assert "speed_m_s=0.5 must be less than or equal to 0.25" in lines[0]
    assert "mode='slow' must be 'fast' or 'exact'" in lines[1]
    assert "enabled='yes' must be a valid boolean" in lines[2]
    assert "parts[0].mass_kg=-1 must be greater than 0" in lines[3]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "speed_m_s",
            "sped_m_s",
            "sped_m_s=0.1 is unknown; did you mean speed_m_s; allowed: enabled, mode, net",
        ),
        ("speed_m_s", "sped_m_s", "speed_m_s is missing"),
        (
            "mass_kg: 2",
            "mass_kg: 2, mas: 1",
            "parts[0].mas=1 is unknown; did you mean mass_kg; allowed: mass",
        ),
        ("mass_kg: 2", "mass_kg: '2'", "parts[0].mass_kg='2' must be a valid number"),
        ("width: 3", "width: 3.5", "net.width=3.5 must be a valid integer"),
        ("width: 3", "width: 3, rank: 1", "net.rank=1 is unknown; allowed: kind, width"),
        ("width: 3", "layers: [1]", "net.width is missing"),
        ("kind: small", "kind: huge", "net.kind='huge' must be one of 'small', 'large'"),
        ("kind: small, ", "", "net.kind is missing"),
        ("enabled: true", "enabled: true\nenabled: false", "key 'enabled' is given twice"),
        ("enabled: true", "enabled: [", "robot.yaml: while parsing"),
        ("enabled: true", "1: 2", "key 1 must be a string"),
    ],
)
def test_a_fault_is_named(tmp_path, old, new, message):
    assert message in refused(tmp_path, GOOD.replace(old, new))


def test_a_rule_between_fields_is_checked(tmp_path):
    item = '  - {name: "arm", mass_kg: 2}\n'
    assert (
        refused(tmp_path, GOOD.replace(item, item * 3)) == f"{tmp_path}/robot.yaml: parts=3 must be at most 2"
    )


def test_a_missing_file_and_a_file_that_is_no_mapping_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match="none.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "none.yaml", Robot)
    assert "must be a mapping" in refused(tmp_path, "- 1\n")
