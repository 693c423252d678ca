"""A number in a message that stands for nothing is refused with those that are allowed."""

from enum import IntEnum

import pytest
from drift_ros.errors import NumberError
from drift_ros.numbers import member


class Colour(IntEnum):
    RED = 0
    BLUE = 5


def test_a_number_becomes_its_member():
    assert member(Colour, "colour", 5) is Colour.BLUE


@pytest.mark.parametrize("number", [1, 255, -1])
def test_another_number_is_refused_by_field_value_and_what_is_allowed(number):
    with pytest.raises(NumberError) as refused:
        member(Colour, "colour", number)
    assert str(refused.value) == f"colour={number} must be one of: 0 (RED), 5 (BLUE)"
