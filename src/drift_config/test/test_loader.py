"""YAML in, one validated dataclass or one complete error out."""

import json
import string
from typing import Annotated, Literal

import pytest
from drift_config.complaints import unknown_key
from drift_config.errors import ConfigError
from drift_config.loader import load_yaml, parse, to_plain
from drift_config.yaml_file import read_yaml
from hypothesis import given
from hypothesis import strategies as st
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
    gear: Literal[-1, 1]

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
gear: 1
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
    assert robot == Robot(0.1, "fast", True, (Part("arm", 2.0),), Small("small", 3), 1)
    assert type(robot.parts[0].mass_kg) is float


def test_plain_data_makes_the_round_trip(tmp_path):
    robot = load(tmp_path, GOOD)
    assert parse(to_plain(robot), Robot, "copy") == robot


def test_all_errors_come_at_once_each_with_file_key_value_and_what_is_allowed(tmp_path):
    text = refused(
        tmp_path,
        "speed_m_s: 0.5\nmode: slow\nenabled: yes\nparts: [{name: arm, mass_kg: -1}]\n"
        "net: {kind: small, width: 3}\ngear: 1",
    )
    lines = text.splitlines()
    assert len(lines) == 4
    assert [line.split(" ")[0] for line in lines] == [f"{tmp_path}/robot.yaml:{n}:" for n in (1, 2, 3, 4)]
    assert "speed_m_s=0.5 must be less than or equal to 0.25" in lines[0]
    assert "mode='slow' must be 'fast' or 'exact'" in lines[1]
    assert "enabled='yes' must be a valid boolean" in lines[2]
    assert "parts[0].mass_kg=-1 must be greater than 0" in lines[3]


def test_of_many_keys_the_nearest_are_named_and_of_few_all():
    names = ("lr", "lr_end", "lr_start", "steps", "batch_size", "threads", "clip_norm", "ema_decay", "decay")
    assert unknown_key("online.lr_edn", 1, names) == "online.lr_edn=1 is unknown; did you mean lr_end"
    assert unknown_key("lr_", 1, names) == "lr_=1 is unknown; did you mean lr or lr_end"
    far = unknown_key("x", 1, names)
    assert far.startswith("x=1 is unknown; the nearest of 9: ") and far.count(", ") == 2
    few = unknown_key("x", 1, names[:8])
    assert few.startswith("x=1 is unknown; allowed: batch_size, clip_norm, ") and few.count(", ") == 7


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "speed_m_s",
            "sped_m_s",
            "robot.yaml:2: sped_m_s=0.1 is unknown; did you mean speed_m_s; allowed: enabled, gear, mode",
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
        (
            "enabled: true",
            "enabled: true\nenabled: false",
            "robot.yaml:5: key 'enabled' is given twice, first in line 4",
        ),
        ("enabled: true", "enabled: [", "robot.yaml:6: must be valid YAML: while parsing"),
        ("enabled: true", "1: 2", "robot.yaml:4: a key must be a name, got 1"),
        ("enabled: true", "? [a]\n: 1", "robot.yaml:4: a key must be a name, got a list or mapping"),
        ("enabled: true", "enabled: 1", "robot.yaml:4: enabled=1 must be a valid boolean"),
        ("enabled: true", "enabled: yes", "robot.yaml:4: enabled='yes' must be a valid boolean"),
        ("1e-1", "yes", "robot.yaml:2: speed_m_s='yes' must be a valid number"),
        ("1e-1", "true", "robot.yaml:2: speed_m_s=True must be a valid number"),
        ("1e-1", "0x1", "robot.yaml:2: speed_m_s='0x1' must be a valid number"),
        ("1e-1", ".nan", "robot.yaml:2: speed_m_s=nan must be a finite number"),
        ("1e-1", "1e999", "robot.yaml:2: speed_m_s=inf must be a finite number"),
        ("mass_kg: 2", "mass_kg: -.inf", "robot.yaml:6: parts[0].mass_kg=-inf must be a finite number"),
        ("gear: 1", "gear: true", "robot.yaml:8: gear=True must be an integer"),
        ("gear: 1", "gear: 1.0", "robot.yaml:8: gear=1.0 must be an integer"),
        ("mode: fast", "mode: &m fast\nname: *m", "robot.yaml:4: *m must be written out"),
        ("mode: fast", "<<: {mode: fast}", "robot.yaml:3: <<={'mode': 'fast'} is unknown"),
        ("mode: fast", "mode: !!str fast", "robot.yaml:3: tag 'tag:yaml.org,2002:str' is not allowed"),
        ("mode: fast", "mode: \0", "robot.yaml:3: must be valid YAML: special characters"),
        ("mode: fast", "mode: " + "[" * 5000, "robot.yaml:3: must not be nested more than 20 deep"),
        ("parts:", "parts: {}\nspare:", "robot.yaml:5: parts={} must be a valid array"),
    ],
)
def test_a_fault_is_named(tmp_path, old, new, message):
    assert message in refused(tmp_path, GOOD.replace(old, new))


def test_a_rule_between_fields_is_checked(tmp_path):
    item = '  - {name: "arm", mass_kg: 2}\n'
    text = refused(tmp_path, GOOD.replace(item, item * 3))
    assert text == f"{tmp_path}/robot.yaml:5: parts=3 must be at most 2"


def test_a_missing_file_and_a_file_that_is_no_mapping_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match="none.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "none.yaml", Robot)
    assert refused(tmp_path, "- 1\n").endswith("robot.yaml:1: must be a mapping of keys to values, got '- 1'")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "robot.yaml").write_bytes(b"mode: \xff")
    with pytest.raises(ConfigError, match="robot.yaml: must be text in UTF-8"):
        load_yaml(tmp_path / "robot.yaml", Robot)


def test_what_the_yaml_and_what_the_dataclass_refuse_comes_in_one_list_by_line(tmp_path):
    text = GOOD.replace("mode: fast", "mode: slow").replace(
        "gear: 1", "gear: 1\ngear: -1\nseat: 2\nmass: .inf"
    )
    lines = [line.partition("robot.yaml:")[2] for line in refused(tmp_path, text).splitlines()]
    assert [line.partition(":")[0] for line in lines] == ["3", "9", "10", "11"]
    assert "seat=2 is unknown" in lines[2] and "mass=inf must be a finite number" in lines[3]


def test_plain_data_has_no_lines_and_the_same_sentences():
    with pytest.raises(ConfigError) as error:
        parse({"name": "arm", "mass_kg": float("nan")}, Part, "episode.json")
    assert str(error.value) == "episode.json: mass_kg=nan must be a finite number"
    with pytest.raises(ConfigError, match="mass_kg=1000.* must be a finite number"):
        parse({"name": "arm", "mass_kg": 10**400}, Part, "episode.json")


@given(
    st.recursive(
        st.one_of(
            st.booleans(),
            st.integers(-(10**17), 10**17),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(string.ascii_letters + " :#'", max_size=8),
        ),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_lowercase), inner),
        max_leaves=20,
    )
)
def test_what_json_writes_is_read_back_with_types_and_lines(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_text(json.dumps({"value": value}, indent=1))
    section = read_yaml(path)
    assert repr(section["value"]) == repr(value)
    for location, place in section.places.items():
        if location and isinstance(location[-1], str):
            assert json.dumps(location[-1]) + ":" in path.read_text().splitlines()[place.line - 1]


@given(st.text(max_size=60))
def test_no_text_does_anything_but_become_a_mapping_or_a_refusal_that_names_the_file(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        assert isinstance(read_yaml(path), dict)
    except ConfigError as error:
        assert all(line.startswith(f"{path}:") for line in str(error).splitlines())
