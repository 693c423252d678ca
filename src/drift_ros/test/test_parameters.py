import math
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Annotated, Literal

import pytest
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from drift_ros.parameters import load_parameters
from pydantic import Field
from pydantic.dataclasses import dataclass
from rclpy.exceptions import ParameterImmutableException
from rclpy.node import Node
from rclpy.parameter import Parameter


@dataclass(frozen=True, config=STRICT)
class WheelConfig:
    rate_hz: Annotated[float, Field(gt=0.0)]
    """turns per second"""
    spokes: Annotated[int, Field(ge=3)]
    """between hub and rim"""
    tyre: Literal["road", "mud"]
    """what it is made for"""
    bell: bool
    map_file: Path
    gains: tuple[float, ...]


GIVEN = dict(rate_hz=50, spokes=12, tyre="mud", bell=True, map_file="/maps/a.yaml", gains=[1.0, 2.5])


def load(ros, **given):
    overrides = [Parameter(name, value=value) for name, value in given.items()]
    node = Node("wheel", parameter_overrides=overrides)
    try:
        return load_parameters(node, WheelConfig), node
    finally:
        node.destroy_node()


def test_every_field_is_filled_with_its_type_and_an_integer_serves_as_a_double(ros):
    config, _ = load(ros, **GIVEN)
    assert config == WheelConfig(50.0, 12, "mud", True, Path("/maps/a.yaml"), (1.0, 2.5))
    assert type(config.rate_hz) is float


def test_the_result_and_the_parameters_cannot_be_changed(ros):
    overrides = [Parameter(name, value=value) for name, value in GIVEN.items()]
    node = Node("wheel", parameter_overrides=overrides)
    config = load_parameters(node, WheelConfig)
    with pytest.raises(FrozenInstanceError):
        config.spokes = 5
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("spokes")
    assert not node.set_parameters([Parameter("spokes", value=5)])[0].successful
    assert node.get_parameter("rate_hz").value == 50.0
    node.destroy_node()


def test_a_parameter_that_may_be_set_takes_values_of_its_type_only(ros):
    overrides = [Parameter(name, value=value) for name, value in GIVEN.items()]
    node = Node("wheel", parameter_overrides=overrides)
    load_parameters(node, WheelConfig, settable=("bell",))
    assert node.set_parameters([Parameter("bell", value=False)])[0].successful
    assert not node.set_parameters([Parameter("bell", value="no")])[0].successful
    assert node.get_parameter("bell").value is False
    node.destroy_node()


@dataclass(frozen=True, config=STRICT)
class BrakedWheelConfig(WheelConfig):
    force_n: Annotated[float, Field(ge=0.0, le=60.0)]
    """of the brake"""


def test_text_range_and_what_else_is_allowed_are_told_also_of_inherited_fields(ros):
    overrides = [Parameter(name, value=value) for name, value in {**GIVEN, "force_n": 5.0}.items()]
    node = Node("wheel", parameter_overrides=overrides)
    load_parameters(node, BrakedWheelConfig)
    rate, spokes, tyre, bell, force = (
        node.describe_parameter(name) for name in ("rate_hz", "spokes", "tyre", "bell", "force_n")
    )
    node.destroy_node()
    assert (rate.description, rate.additional_constraints) == ("turns per second", "greater than 0.0")
    (ends,) = rate.floating_point_range
    assert (ends.from_value, ends.to_value) == (0.0, math.inf)
    (ends,) = spokes.integer_range
    assert (ends.from_value, ends.to_value, ends.step) == (3, 2**63 - 1, 0)
    assert (tyre.description, tyre.additional_constraints) == ("what it is made for", "one of: road, mud")
    assert (bell.description, bell.additional_constraints) == ("", "") and not bell.floating_point_range
    (ends,) = force.floating_point_range
    assert (force.description, ends.from_value, ends.to_value) == ("of the brake", 0.0, 60.0)
    assert all(said.read_only for said in (rate, spokes, tyre, bell, force))


def test_missing_parameters_are_listed_all_at_once(ros):
    given = {name: value for name, value in GIVEN.items() if name not in ("spokes", "tyre")}
    with pytest.raises(ConfigError, match=r"spokes is missing\n.* tyre is missing"):
        load(ros, **given)


def test_a_misspelt_parameter_is_named_and_the_right_one_suggested(ros):
    with pytest.raises(ConfigError, match="rate_hertz=3.0 is unknown; did you mean rate_hz; allowed: bell"):
        load(ros, **GIVEN, rate_hertz=3.0)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate_hz", 0.0, "rate_hz=0.0 must be greater than 0"),
        ("spokes", 2, "spokes=2 must be greater than or equal to 3"),
        ("spokes", 4.5, "spokes=4.5 must be a valid integer"),
        ("rate_hz", True, "rate_hz=True must be a valid number"),
        ("rate_hz", float("nan"), "rate_hz=nan must be a finite number"),
        ("gains", [1.0, float("inf")], r"gains\[1\]=inf must be a finite number"),
        ("bell", 1, "bell=1 must be a valid boolean"),
        ("tyre", "ice", "tyre='ice' must be 'road' or 'mud'"),
        ("gains", 1.0, "gains=1.0 must be a valid array"),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_and_what_is_allowed(ros, name, value, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        load(ros, **{**GIVEN, name: value})
