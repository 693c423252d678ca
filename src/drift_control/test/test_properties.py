"""Whatever comes in, the command keeps its limits: random devices, chunks, requests and clocks."""

import pytest
from drift_control.gate.state import CommandSource
from drift_control.testing.random_inputs import check_hold, check_limits, play, rate, segments
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LENIENT = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize(("robot", "rate_hz"), [("panda", 50.0), ("ur5e", 125.0)])
@given(segments=segments)
@LENIENT
def test_no_input_makes_the_command_break_a_limit(new_bench, joystick, scripted, robot, rate_hz, segments):
    bench = new_bench(robot, {"joy": joystick, "expert/joy": scripted}, rate_hz=rate_hz)
    play(bench, segments)
    check_limits(bench)
    check_hold(bench)


@given(segments=segments)
@LENIENT
def test_a_chunk_of_an_older_epoch_is_never_executed(new_bench, segments):
    bench = new_bench()
    epochs = {}
    make = bench.chunk

    def remember(*args, **fields):
        made = make(*args, **fields)
        epochs[made.id] = made.epoch
        return made

    bench.chunk = remember
    play(bench, segments)
    for tick in bench.ticks:
        if tick.source is CommandSource.POLICY:
            assert epochs[tick.chunk_id] == tick.epoch


@given(release=st.integers(1, 60), latency=st.integers(0, 20), speed=st.tuples(rate, rate, rate))
@LENIENT
def test_taking_over_and_handing_back_is_bumpless(new_bench, release, latency, speed):
    """Policy, person, policy: at both edges the command goes on from where and how it was."""
    bench = new_bench(clamp_ratio_max=1.0)  # leaning on a wall is not what this is about
    bench.tick(arm=True)
    on_the_way = []

    def infer():
        on_the_way.append(bench.line((0.1, -0.1, 0.0)))
        return on_the_way.pop(0) if len(on_the_way) > latency else None

    for _ in range(40):
        bench.tick(chunk=infer())
    for _ in range(release):
        bench.tick(chunk=infer(), joy=bench.stick(speed))
    assert bench.ticks[-1].source is CommandSource.EXPERT
    for _ in range(60):
        bench.tick(chunk=infer(), joy=bench.stick(enabled=False))
    assert bench.ticks[-1].source is CommandSource.POLICY
    check_limits(bench)
