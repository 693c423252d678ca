"""Gate and guard of a task without an arm: who acts at each step, and what is done."""

import numpy as np
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.inputs import Chunk, Inputs, JoyReading, Now, Requests
from drift_control.vector_loop import Bounds, VectorLoop

DT_S = 0.1
POLICY, EXPERT, HOLD = CommandSource.POLICY, CommandSource.EXPERT, CommandSource.HOLD


class Bench:
    """A loop whose action is (2,), in [-1, 1], and 0.5 where it rests; the clock begins at 10 s."""

    def __init__(self):
        self.loop = VectorLoop(Bounds(-np.ones(2), np.ones(2)), DT_S, lambda: np.full(2, 0.5), "joy")
        self.n, self.epoch = 0, 1

    def chunk(self, data, id=1):
        """A chunk of this epoch, for the observation of now."""
        now_s = 10.0 + self.n * DT_S
        return Chunk(id, self.epoch, now_s, DT_S, np.asarray(data, float), "point", 7, now_s, now_s)

    def tick(self, chunk=None, hand=None, enabled=True, arm=True):
        now_s = 10.0 + self.n * DT_S
        joys = {} if hand is None else {"joy": JoyReading(tuple(hand), (int(enabled),), now_s, now_s)}
        tick = self.loop.tick(Inputs(None, joys, chunk, Requests(arm=arm)), Now(now_s, now_s))
        self.n, self.epoch = self.n + 1, tick.epoch
        return tick


def test_before_the_first_chunk_everything_rests_and_then_each_step_has_its_turn():
    bench = Bench()
    first = bench.tick()
    assert (first.source, first.guard_flags, first.stamp_s) == (HOLD, GuardFlag.HOLD, 10.1)
    np.testing.assert_array_equal(first.action, [0.5, 0.5])
    chunk = bench.chunk([[0.1, 0], [0.2, 0], [0.3, 0]])
    ticks = [bench.tick(chunk) for _ in range(4)]
    assert [tick.source for tick in ticks] == [POLICY, POLICY, POLICY, HOLD]
    np.testing.assert_allclose([tick.action[0] for tick in ticks], [0.1, 0.2, 0.3, 0.5])
    assert [tick.chunk_id for tick in ticks] == [1, 1, 1, 0]
    assert ticks[-1].reason == Reason.CHUNK_STALE
    np.testing.assert_allclose([tick.chunk_age_s for tick in ticks[:3]], [0.0, 0.1, 0.2], atol=1e-9)


def test_a_later_chunk_takes_over_at_once():
    bench = Bench()
    bench.tick()
    bench.tick(bench.chunk([[0.1, 0]] * 4))
    np.testing.assert_allclose(bench.tick(bench.chunk([[0.7, 0]] * 4, id=2)).action, [0.7, 0])


def test_the_expert_wins_and_letting_go_voids_what_the_policy_had_in_mind():
    bench = Bench()
    bench.tick()
    old = bench.chunk([[0.1, 0]] * 9)
    assert bench.tick(old).source == POLICY
    taken = bench.tick(old, hand=[0.9, -0.9])
    assert (taken.source, taken.state, taken.intervention_id) == (EXPERT, State.EXPERT, 1)
    np.testing.assert_array_equal(taken.action, [0.9, -0.9])
    assert (taken.chunk_id, taken.proposed_chunk_id) == (0, 1)
    np.testing.assert_array_equal(taken.proposed, [0.1, 0])
    released = bench.tick(old, hand=[0.9, -0.9], enabled=False)
    assert (released.source, released.epoch) == (HOLD, taken.epoch + 1)
    assert bench.tick(old).source == HOLD, "a chunk of an older epoch is void"
    assert bench.tick(bench.chunk([[0.2, 0]] * 9, id=2)).source == POLICY
    assert bench.tick(hand=[0, 0]).intervention_id == 2


def test_what_is_not_armed_is_not_driven():
    bench = Bench()
    assert bench.tick(hand=[1, 1], arm=False).source == HOLD
    assert not bench.tick(bench.chunk([[0.1, 0]] * 3), arm=False).armed


def test_an_action_beyond_its_bounds_is_clipped_and_said():
    bench = Bench()
    bench.tick()
    tick = bench.tick(bench.chunk([[3.0, -0.2]]))
    np.testing.assert_array_equal(tick.action, [1.0, -0.2])
    assert tick.guard_flags == GuardFlag.POSITION


def test_a_chunk_that_is_not_finite_or_of_another_width_is_refused():
    for data in ([[np.nan, 0.0]], [[0.1, 0.0, 0.0]], [0.1, 0.2]):
        bench = Bench()
        bench.tick()
        tick = bench.tick(bench.chunk(data))
        assert (tick.source, tick.reason, tick.chunks_refused) == (HOLD, Reason.BAD_CHUNK, 1)
        assert tick.text == "chunk 1 must be (T, 2), finite"
