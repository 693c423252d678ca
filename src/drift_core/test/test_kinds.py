"""What is chosen by its kind: configurations follow the registries."""

from typing import Literal

import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_config.strict import STRICT
from drift_core.denoisers import DENOISERS
from drift_core.encoders import ENCODERS
from drift_core.kinds import one_of
from drift_core.rank.schedule import SCHEDULES
from drift_core.samplers import SAMPLERS, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class Round:
    radius: float
    kind: Literal["round"] = "round"


@dataclass(frozen=True, config=STRICT)
class Square:
    side: float
    kind: Literal["square"] = "square"


def shape_of(*configs):
    @dataclass(frozen=True, config=STRICT)
    class Holder:
        shape: one_of(configs)

    return lambda data: parse({"shape": data}, Holder, "x.yaml").shape


def test_a_configuration_is_told_apart_by_its_kind():
    read = shape_of(Round, Square)
    assert read({"kind": "square", "side": 2.0}) == Square(2.0)
    assert read({"kind": "round", "radius": 1.0}) == Round(1.0)


def test_an_unknown_kind_is_refused_with_what_is_allowed():
    with pytest.raises(ConfigError, match=r"shape\.kind='oval' must be one of 'round', 'square'"):
        shape_of(Round, Square)({"kind": "oval", "side": 2.0})
    with pytest.raises(ConfigError, match=r"shape\.kind='oval' must be 'round'"):
        shape_of(Round)({"kind": "oval", "radius": 2.0})


@pytest.mark.parametrize("registry", [DENOISERS, ENCODERS, SCHEDULES])
def test_each_registered_kind_has_a_name_of_its_own(registry):
    names = [config.__dataclass_fields__["kind"].default for config in registry]
    assert len(set(names)) == len(names) >= 2


@pytest.mark.parametrize("kind", SAMPLERS)
def test_every_sampler_is_found_by_its_name(kind):
    assert type(make_sampler(f"{kind}-5", NoiseSchedule(100), "epsilon")) is SAMPLERS[kind]
