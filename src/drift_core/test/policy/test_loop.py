"""The policy loop with a policy that counts and one joint, no camera: each joint sample is an observation."""

import numpy as np
import pytest
import torch
from drift_core.observation.assembler import Assembler, Missing
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.policy.loop import Actor, PolicyLoop
from drift_core.policy.pace import Pace
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = 8
INFERENCE_S = 0.15


class Ramp:
    """A policy whose n-th chunk is 100 n, 100 n + 1, …; it remembers what it was asked with."""

    def __init__(self):
        self.asked = []

    def act(self, observation, sampler, generator, prefix, encode):
        self.asked.append((observation.t_ref_s, prefix))
        return (100.0 * len(self.asked) + np.arange(STEPS))[:, None].astype(np.float32)


class Memory:
    """A sampler that only counts how often it forgets."""

    called, latent = "ramp-1", torch.full((1, STEPS, 1), 0.5)

    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1


def actor(version=1):
    return Actor(Ramp(), Memory(), version)


def make_loop(realtime_chunking=True, cameras=()):
    spec = ObservationSpec(cameras, state_dim=1, observation_steps=1, dt_s=0.1)
    assembler = Assembler(spec, lambda q, opening_m: q, {camera.name: 0.0 for camera in cameras})
    pace = Pace(replan_steps=2, dt_s=0.1, idle_period_s=0.5)
    return PolicyLoop(assembler, pace, realtime_chunking, torch.Generator().manual_seed(0))


def see(loop, time_s):
    loop.put_joints(np.zeros(1), 0.0, time_s, time_s)


def begin(loop, who, time_s):
    """See something at `time_s` and start on it."""
    see(loop, time_s)
    assert loop.due()
    inference = loop.begin(who, time_s, INFERENCE_S)
    assert not isinstance(inference, Missing)
    return inference


def make(loop, who, time_s):
    """Return the chunk of what is seen at `time_s`."""
    return loop.finish(begin(loop, who, time_s).run(), INFERENCE_S)


@pytest.fixture
def loop():
    """Return a loop whose policy drives in epoch 5."""
    made = make_loop()
    made.put_gate(5, driving=True)
    return made


def test_a_chunk_carries_the_time_of_its_observation_and_the_epoch_and_version_it_began_with(loop):
    chunk = make(loop, actor(version=3), 7.0)
    assert (chunk.id, chunk.epoch, chunk.version, chunk.t_ref_s) == (1, 5, 3, 7.0)
    assert (chunk.oldest_input_s, chunk.inference_s) == (7.0, 0.15)
    assert (chunk.sampler, chunk.seed, chunk.latent.tolist()) == ("ramp-1", 0, [[0.5]] * STEPS)
    assert chunk.data[:, 0].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0]


def test_nothing_is_due_before_something_was_seen_and_again_two_steps_after_the_last_chunk(loop):
    assert not loop.due()
    make(loop, actor(), 7.0)
    see(loop, 7.1)
    assert not loop.due()
    see(loop, 7.2)
    assert loop.due()


def test_a_policy_that_was_swapped_in_acts_on_the_next_observation_and_goes_on_from_the_last_chunk(loop):
    old, new = actor(), actor(version=2)
    make(loop, old, 1.0)
    see(loop, 1.1)
    assert not loop.due(), "two steps are to pass"
    loop.replan()
    assert loop.due() and loop.begin(new, 1.1, INFERENCE_S).prefix is not None
    loop.replan()  # one more while that is under way
    see(loop, 1.2)
    assert not loop.due()
    loop.finish(loop.inference.run(), INFERENCE_S)
    assert loop.due()


def test_while_an_inference_is_under_way_no_other_is_due_and_what_comes_meanwhile_is_counted(loop):
    inference = begin(loop, actor(), 7.0)
    for time_s in (7.1, 7.2, 7.3):
        see(loop, time_s)
    assert not loop.due() and loop.dropped == 3
    with pytest.raises(RuntimeError, match="an inference is under way"):
        loop.begin(actor(), 7.3, INFERENCE_S)
    loop.finish(inference.run(), INFERENCE_S)
    assert loop.due() and loop.dropped == 3  # the newest is 0.3 s after the last that was denoised


def test_a_policy_that_drives_again_does_not_wait_but_denoises_nothing_twice(loop):
    loop.put_gate(5, driving=False)
    make(loop, actor(), 7.0)
    see(loop, 7.4)
    assert not loop.due()  # of the idle period of 0.5 s
    loop.put_gate(5, driving=True)
    assert loop.due()
    make(loop, actor(), 7.5)
    loop.put_gate(5, driving=False)
    loop.put_gate(5, driving=True)
    assert not loop.due()
    see(loop, 7.6)
    assert loop.due()


def test_a_new_epoch_voids_what_is_under_way_and_denoises_the_same_observation_at_once_and_afresh(loop):
    who = actor()
    make(loop, who, 7.0)
    late = begin(loop, who, 7.2)
    loop.put_gate(6, driving=True)
    assert loop.finish(late.run(), INFERENCE_S) is None
    assert (loop.made, loop.discarded) == (1, 1)
    assert loop.due()
    again = loop.begin(who, 7.4, INFERENCE_S)
    assert (again.observation.t_ref_s, again.prefix, again.fresh) == (7.2, None, True)
    chunk = loop.finish(again.run(), INFERENCE_S)
    assert (chunk.id, chunk.epoch) == (2, 6)


def test_a_chunk_of_an_epoch_that_is_left_and_taken_up_again_is_void_as_well(loop):
    late = begin(loop, actor(), 7.0)
    loop.put_gate(6, driving=True)
    loop.put_gate(5, driving=True)
    assert loop.finish(late.run(), INFERENCE_S) is None


def test_a_clock_that_was_set_back_forgets_samples_and_voids_what_is_under_way(loop):
    make(loop, actor(), 1007.0)
    late = begin(loop, actor(), 1007.2)
    loop.clock_set_back()
    assert loop.finish(late.run(), INFERENCE_S) is None and not loop.due()
    assert begin(loop, actor(), 7.0).prefix is None


def test_the_steps_that_run_during_an_inference_and_the_one_after_are_imposed_on_the_next_chunk(loop):
    who = actor()
    make(loop, who, 7.0)  # steps 100 to 107, due from 7.1 to 7.8
    prefix = begin(loop, who, 7.2).prefix
    assert prefix.known[0, :6, 0].tolist() == pytest.approx([102.0, 103.0, 104.0, 105.0, 106.0, 107.0])
    # the inference ends at 7.35: step 0, due at 7.3, runs before it, step 1 is then approached
    weight = prefix.weight.tolist()
    assert weight[:2] == [1.0, 1.0] and 0.0 < weight[2] < 1.0 and weight[6:] == [0.0, 0.0]


@pytest.mark.parametrize(("seen_rad", "turned"), [(3.0, False), (-3.0, False), (3.2, True), (-6.2, True)])
def test_a_chunk_does_not_go_on_from_one_that_was_made_a_turn_away(loop, seen_rad, turned):
    who = actor()
    make(loop, who, 7.0)  # at 0 rad
    loop.put_joints(np.array([seen_rad]), 0.0, 7.2, 7.2)
    following = loop.begin(who, 7.2, INFERENCE_S)
    assert (following.prefix is None, following.fresh) == (turned, turned)


@pytest.mark.parametrize(("realtime_chunking", "driving"), [(False, True), (True, False)])
def test_nothing_is_imposed_without_real_time_chunking_or_while_somebody_else_drives(
    realtime_chunking, driving
):
    loop, who = make_loop(realtime_chunking), actor()
    loop.put_gate(5, driving)
    make(loop, who, 7.0)
    make(loop, who, 7.5)
    assert [prefix for _, prefix in who.policy.asked] == [None, None]


def test_a_failed_inference_is_followed_by_the_next_observation_which_starts_from_noise(loop):
    who = actor()
    first = make(loop, who, 7.0)
    begin(loop, who, 7.2).run()
    loop.fail()
    assert not loop.due()  # not the same again
    following = begin(loop, who, 7.3)
    assert following.fresh
    # the arm still runs the last good chunk
    assert following.prefix.known[0, 0, 0].item() == pytest.approx(first.data[3, 0])
    assert loop.finish(following.run(), INFERENCE_S).id == 2 and loop.discarded == 0


def test_what_the_shell_discards_is_counted_and_the_next_observation_is_tried(loop):
    who = actor()
    begin(loop, who, 7.0).run()
    loop.discard()
    assert (loop.made, loop.discarded) == (0, 1)
    assert begin(loop, who, 7.1).fresh


def test_a_sampler_goes_on_from_the_chunk_that_was_handed_out_last_and_from_no_other(loop):
    one, two = actor(1), actor(2)
    make(loop, one, 7.0)
    make(loop, one, 7.2)
    assert one.sampler.resets == 1
    make(loop, two, 7.4)
    make(loop, two, 7.6)
    assert two.sampler.resets == 1
    make(loop, one, 7.8)  # rolled back: what it remembers is 0.6 s old
    assert one.sampler.resets == 2
    loop.put_gate(6, driving=True)
    make(loop, one, 8.0)
    assert one.sampler.resets == 3


def test_without_a_whole_observation_nothing_begins_and_its_first_whole_one_is_due():
    loop = make_loop(cameras=(CameraSpec("front", 2, 3),))
    loop.put_gate(5, driving=True)
    loop.put_frame("front", np.zeros((2, 3, 3), np.uint8), 7.0, 7.0)
    assert loop.due()
    assert loop.begin(actor(), 7.0, INFERENCE_S) == Missing("joints: never received")
    see(loop, 7.0)
    assert loop.due() and loop.begin(actor(), 7.0, INFERENCE_S).observation.t_ref_s == 7.0


@pytest.mark.parametrize("end", ["fail", "discard"])
def test_what_never_began_does_not_end(loop, end):
    with pytest.raises(RuntimeError, match="no inference is under way"):
        getattr(loop, end)()
    with pytest.raises(RuntimeError, match="no inference is under way"):
        loop.finish(np.zeros((STEPS, 1)), INFERENCE_S)


EVENTS = st.lists(
    st.sampled_from(["see", "see", "see", "step", "step", "fail", "epoch", "drive", "idle", "back"]),
    max_size=60,
)


@settings(max_examples=200)
@given(EVENTS)
def test_whatever_happens_a_chunk_is_of_the_present_epoch_and_never_older_than_the_one_before(events):
    loop, who, chunks = make_loop(), actor(), []
    epoch, now_s, epoch_began = 1, 7.0, 0
    loop.put_gate(epoch, True)
    for event in events:
        now_s += 0.05
        if event == "see":
            see(loop, now_s)
        elif event == "epoch":
            epoch, epoch_began = epoch + 1, len(chunks)
            loop.put_gate(epoch, True)
        elif event in ("drive", "idle"):
            loop.put_gate(epoch, event == "drive")
        elif event == "back":
            now_s, epoch_began = now_s - 2.0, len(chunks)
            loop.clock_set_back()
        elif loop.inference is None:
            if loop.due():
                loop.begin(who, now_s, INFERENCE_S)
        elif event == "fail":
            loop.fail()
        elif (chunk := loop.finish(loop.inference.run(), INFERENCE_S)) is not None:
            chunks.append(chunk)
            assert chunk.epoch == epoch
            times_s = [made.t_ref_s for made in chunks[epoch_began:]]
            assert all(a < b for a, b in zip(times_s, times_s[1:], strict=False))
    assert [chunk.id for chunk in chunks] == list(range(1, loop.made + 1))
