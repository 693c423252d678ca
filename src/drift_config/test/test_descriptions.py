"""What a configuration class says about its fields."""

from typing import Annotated, Literal

from drift_config.descriptions import describe
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class Wheel:
    """A wheel."""

    radius_m: Annotated[float, Field(gt=0)]
    """from the axle to the road,
    without load"""
    spokes: Annotated[int, Field(ge=3, le=40)]
    # no text


def test_text_bounds_and_choices_are_those_of_the_class_in_which_a_field_stands():
    @dataclass(frozen=True, config=STRICT)
    class DrivenWheel(Wheel):
        """A wheel with a motor."""

        spokes: Annotated[int, Field(ge=12)]
        """more, since they pull"""
        motor: Literal["hub", "chain"]
        """where it is"""

    said = describe(DrivenWheel)
    assert list(said) == ["radius_m", "spokes", "motor"]
    assert said["radius_m"].text == "from the axle to the road,\nwithout load"
    assert (said["radius_m"].low, said["radius_m"].high, said["radius_m"].rule) == (0, None, "greater than 0")
    assert (said["spokes"].text, said["spokes"].low, said["spokes"].high) == (
        "more, since they pull",
        12,
        None,
    )
    assert (said["motor"].text, said["motor"].rule) == ("where it is", "one of: hub, chain")
    assert (describe(Wheel)["spokes"].text, describe(Wheel)["spokes"].high) == ("", 40)
