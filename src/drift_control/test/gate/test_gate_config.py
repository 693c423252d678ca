import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_control.loop import GateConfig
from pydantic import TypeAdapter


@pytest.fixture
def plain(new_bench):
    """The gate's parameters as plain data."""
    return TypeAdapter(GateConfig).dump_python(new_bench().config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_hz": 5.0}, "rate_hz=5.0 must .*20"),
        ({"arm_state_timeout_s": 0.0}, "arm_state_timeout_s=0.0 must .*greater than 0"),
        ({"clamp_ratio_max": 1.5}, "clamp_ratio_max=1.5 must .*1"),
        ({"interpolation": "spline"}, r"interpolation='spline' must .*linear\|cubic"),
        ({"chunk_blend_s": 1.5}, "chunk_blend_s=1.5 must .*1"),
        ({"ramp_in_s": 1.6}, "ramp_in_s=1.6 must be below chunk_timeout_s=1.5"),
        ({"joint_state_lost_s": 0.1}, "joint_state_timeout_s=0.2 must be below joint_state_lost_s=0.1"),
        ({"tracking_gain_1_s": float("nan")}, "tracking_gain_1_s=nan"),
        ({"rate": 50.0}, "rate"),
    ],
)
def test_config_says_what_is_wrong_and_what_is_allowed(plain, change, message):
    with pytest.raises(ConfigError, match=message):
        parse({**plain, **change}, GateConfig, "expert_gate")


def test_a_missing_parameter_is_named(plain):
    del plain["clock_jump_s"]
    with pytest.raises(ConfigError, match="clock_jump_s"):
        parse(plain, GateConfig, "expert_gate")


def test_all_complaints_come_at_once(plain):
    with pytest.raises(ConfigError, match=r"(?s)rate_hz=1.0.*\n.*clock_jump_s=-1.0"):
        parse({**plain, "rate_hz": 1.0, "clock_jump_s": -1.0}, GateConfig, "expert_gate")
