"""The policy runtime on a clock of its own; only the two threads are real."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_core.denoisers import JointConfig
from drift_core.policy.policy import DiffusionPolicy, NonFiniteError
from drift_policy_node.status import PolicyPhase


def test_a_chunk_is_stamped_with_its_observation_and_carries_the_gates_epoch(rig):
    rig.epoch = 7
    rig.run(8)
    first = rig.chunks[0]
    # frames at 100.1, 100.2, …; wrist is 20 ms late, so t_ref is 20 ms before the newest frame
    assert first.t_ref_s == pytest.approx(100.18)
    assert (first.id, first.epoch, first.version, first.data.shape) == (1, 7, 1, (8, 10))
    assert rig.runtime.status(rig.now_s).state == PolicyPhase.ACTIVE


def test_while_driving_a_chunk_comes_every_two_steps_and_else_twice_a_second(rig):
    rig.run(44)  # 2.2 s
    stamps = np.array([chunk.t_ref_s for chunk in rig.chunks])
    assert np.diff(stamps) == pytest.approx(0.2)
    rig.chunks.clear()
    rig.driving = False
    rig.run(44)
    assert np.diff([chunk.t_ref_s for chunk in rig.chunks]) == pytest.approx(0.5)


def test_a_new_epoch_gets_a_chunk_at_once_and_the_old_ones_work_is_discarded(rig):
    rig.run(20)
    count = len(rig.chunks)
    rig.epoch += 1
    rig.run(2)
    assert len(rig.chunks) == count + 1 and rig.chunks[-1].epoch == 2
    rig.run(2)
    while rig.runtime.loop.inference is None:
        rig.tick()
    rig.runtime.put_gate(3, True, rig.now_s)
    rig.settle()
    assert rig.runtime.figures(rig.now_s)["discarded_chunks"] == 1


def test_an_output_that_is_not_finite_is_named_and_not_handed_out(rig):
    rig.run(6)
    count = len(rig.chunks)
    policy = rig.runtime.exchange.current.policy
    kept = [weight.detach().clone() for weight in policy.parameters()]
    for weight in policy.parameters():
        weight.data.fill_(float("nan"))
    rig.run(10)
    assert len(rig.chunks) == count
    assert "must be finite" in rig.runtime.status(rig.now_s).text
    for weight, good in zip(policy.parameters(), kept, strict=True):
        weight.data.copy_(good)
    rig.run(10)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


def test_what_is_seen_is_compared_with_what_was_foreseen_beside_the_inferences(make_rig, bench):
    joint = JointConfig(width=8, heads=2, blocks=1, step_dim=8)
    rig = make_rig(foresight=True)
    rig.runtime.exchange.load_now(*bench.checkpoint(1, bench.policy(denoiser=joint)))
    rig.run(8)
    assert rig.runtime.status(rig.now_s).state == PolicyPhase.ACTIVE
    limit_s = time.monotonic() + 30.0
    while (error := rig.runtime.status(rig.now_s).future_error) is None:
        assert time.monotonic() < limit_s
        rig.run(1)
    assert error > 0.0
    rig.runtime.put_gate(rig.epoch + 1, True, rig.now_s)
    assert rig.runtime.status(rig.now_s).future_error is None


def warm_rig(make_rig, bench):
    """Return a rig with a sampler that trusts every last chunk, however far its random network strays."""
    rig = make_rig(sampler="rti-2")
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    believe_every_guess(rig.runtime.exchange.current.sampler)
    return rig


def believe_every_guess(sampler):
    sampler.draft.warm = replace(
        sampler.draft.warm, observation_jump=None, chunk_jump=None, max_shift_share=0.9
    )


def test_one_output_that_is_not_finite_does_not_end_up_in_the_next_warm_start(make_rig, bench, monkeypatch):
    rig = warm_rig(make_rig, bench)
    rig.run(8)
    count, running = len(rig.chunks), rig.runtime.exchange.current
    assert not running.sampler.cold
    hoist, resets = running.policy.denoiser.hoist, []

    def broken_once(*args):
        monkeypatch.undo()
        monkeypatch.setattr(running.sampler, "reset", lambda: resets.append(rig.now_s))
        good = hoist(*args)
        return lambda x, k: good(x, k) * float("nan")

    monkeypatch.setattr(running.policy.denoiser, "hoist", broken_once)
    while "must be finite" not in rig.runtime.status(rig.now_s).text:
        rig.run(1)
    assert len(rig.chunks) == count and resets == []
    rig.run(2)
    assert len(rig.chunks) == count + 1 and np.isfinite(rig.chunks[-1].data).all()
    assert running.sampler.cold and len(resets) == 1
    rig.run(4)
    assert len(rig.chunks) == count + 2 and not running.sampler.cold and len(resets) == 1


def test_a_policy_that_comes_back_does_not_go_on_from_its_old_chunk(make_rig, bench):
    rig = warm_rig(make_rig, bench)
    rig.run(8)
    first = rig.runtime.exchange.current
    rig.runtime.exchange.request(*bench.checkpoint(2), True, lambda answer: None)
    rig.run(4)
    assert rig.chunks[-1].version == 2 and not first.sampler.cold
    rig.runtime.roll_back()
    rig.run(4)
    assert rig.chunks[-1].version == 1 and first.sampler.cold
    rig.run(4)
    assert not first.sampler.cold


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), SystemExit("enough")])
def test_a_thread_that_dies_is_reported_and_replaced(rig, monkeypatch, error):
    def die(*args):
        raise error

    rig.run(6)
    policy = rig.runtime.exchange.current.policy
    monkeypatch.setattr(policy, "act", die)
    rig.run(4)
    crashes = rig.runtime.take_crashes()
    said = f"{type(error).__name__}: {error}"
    assert crashes and said in crashes[0]
    assert f"inference failed: {said}" in rig.runtime.status(rig.now_s).text
    monkeypatch.undo()
    count = len(rig.chunks)
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.take_crashes() == []
    assert rig.runtime.figures(rig.now_s)["thread_deaths"] == len(crashes)


def record_encoding(monkeypatch):
    """Note which policy encodes which frame in which thread."""
    noted, encode = [], DiffusionPolicy.encode_frame

    def noting(policy, camera, image):
        noted.append((id(policy), camera, int(image[0, 0, 0]), threading.current_thread().name))
        return encode(policy, camera, image)

    monkeypatch.setattr(DiffusionPolicy, "encode_frame", noting)
    return noted


def test_each_frame_is_encoded_once_and_beside_the_inference_if_it_was_not_needed_at_once(rig, monkeypatch):
    noted = record_encoding(monkeypatch)
    rig.run(44)  # a frame every 0.1 s, a chunk every 0.2 s
    frames = [entry[:3] for entry in noted]
    assert len(set(frames)) == len(frames) and len(rig.chunks) > 8
    beside = {value for _, _, value, thread in noted if thread == "encoder"}
    # of each pair of frames the older one, of both cameras: the inference finds it
    assert len(beside) > len(rig.chunks) - 2
    assert {camera for _, camera, _, _ in noted} == {"front", "wrist"}


def test_a_policy_that_was_swapped_in_encodes_the_frames_in_use_anew(rig, bench, monkeypatch):
    rig.run(8)
    first = rig.runtime.exchange.current.policy
    noted = record_encoding(monkeypatch)
    rig.runtime.exchange.request(*bench.checkpoint(2), True, lambda answer: None)
    rig.run(4)
    second = rig.runtime.exchange.current.policy
    assert rig.chunks[-1].version == 2
    ours = {entry[1:3] for entry in noted if entry[0] == id(second)}
    stored = {("front", int(f[0, 0, 0])) for f in rig.runtime._stored.images["front"]}
    assert stored < ours and id(first) != id(second)


def test_frames_that_cannot_be_encoded_are_named_by_the_inference_and_a_thread_that_dies_is_replaced(
    rig, monkeypatch
):
    rig.run(6)
    encode = DiffusionPolicy.encode_frame

    def die_beside(policy, camera, image):
        if threading.current_thread().name == "encoder":
            raise ZeroDivisionError("division by zero")
        return encode(policy, camera, image)

    monkeypatch.setattr(DiffusionPolicy, "encode_frame", die_beside)
    count = len(rig.chunks)
    rig.run(8)
    assert len(rig.chunks) > count, "the inference encodes what is missing"
    assert any("division by zero" in crash for crash in rig.runtime.take_crashes())

    def refuse(*args):
        raise NonFiniteError("the frame must be finite")

    monkeypatch.setattr(DiffusionPolicy, "encode_frame", refuse)
    rig.run(4)
    assert "inference failed: the frame must be finite" in rig.runtime.status(rig.now_s).text
    assert rig.runtime.take_crashes() == []


def test_a_limit_that_would_be_noticed_too_late_is_refused(bench):
    bench.config(hang_limit_s=0.9)
    with pytest.raises(ValueError, match="less than or equal to 0.9"):
        bench.config(hang_limit_s=0.95)


def test_an_inference_that_hangs_is_noticed_after_the_limit(rig, monkeypatch):
    rig.run(6)
    release, policy = threading.Event(), rig.runtime.exchange.current.policy
    act = policy.act
    monkeypatch.setattr(policy, "act", lambda *args: release.wait(10.0) and act(*args))
    while rig.runtime.loop.inference is None:
        rig.tick()
    started_s = time.monotonic()
    assert "inference has been" not in rig.runtime.status(started_s + 0.5).text
    assert "inference has been running for 1.1 s" in rig.runtime.status(started_s + 1.1).text
    release.set()
    rig.settle()
    assert "inference has been" not in rig.runtime.status(time.monotonic()).text


def test_observations_that_come_during_an_inference_are_dropped_and_counted(rig, monkeypatch):
    rig.run(6)
    release, policy = threading.Event(), rig.runtime.exchange.current.policy
    act = policy.act
    monkeypatch.setattr(policy, "act", lambda *args: release.wait(10.0) and act(*args))
    while rig.runtime.loop.inference is None:
        rig.tick()
    before, made = rig.runtime.figures(rig.now_s)["dropped_observations"], len(rig.chunks)
    for _ in range(10):  # 0.5 s: five frames
        rig.tick()
    assert rig.runtime.figures(rig.now_s)["dropped_observations"] == before + 5
    release.set()
    rig.settle()
    assert len(rig.chunks) == made + 2 and rig.chunks[-1].t_ref_s == rig.runtime.loop.assembler.t_ref_s()


def test_an_unknown_sampler_is_refused_at_the_start(make_rig):
    with pytest.raises(ConfigError, match="sampler='euler-8' must be one of: .*ddpm-<steps>, .*ddim-<steps>"):
        make_rig(sampler="euler-8")


def test_with_real_time_chunking_a_chunk_begins_where_the_old_one_goes_on(make_rig, bench):
    joined = {}
    for realtime in (False, True):
        rig = make_rig(realtime_chunking=realtime)
        rig.runtime.exchange.load_now(*bench.checkpoint(1))
        # latencies of 0.25 s: two steps run meanwhile
        for _ in range(100):
            rig.runtime._latency_s.add(0.25)
        rig.run(40)
        jumps = [
            np.abs(new.data[0] - old.data[2]).max()
            for old, new in zip(rig.chunks, rig.chunks[1:], strict=False)
        ]
        joined[realtime] = max(jumps)
    assert joined[True] < 1e-4 < joined[False]
