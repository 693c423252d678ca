"""What is evaluated in simulation is what drives the robot: both shells of the policy loop, fed alike.

Only the node's worker thread is real; it is let go when the simulated time of its inference is over.
"""

import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
from drift_control.inputs import JointMessage
from drift_core.policy.checkpoint import load_checkpoint
from drift_core.policy.loop import Actor
from drift_core.samplers import RtiSampler
from drift_sim.policy_driver import PolicyDriver, PolicyPace

SEED = 3
INFERENCE_S = 0.12
BROKEN = 13  # which inference gives what is not a number


@dataclass(frozen=True, eq=False)
class Happening:
    """What both shells are told at one moment."""

    time_s: float
    gate: tuple[int, bool] | None = None  # epoch, and whether the policy drives
    joints: np.ndarray | None = None  # (7,) [rad]
    frame: tuple[str, np.ndarray, float] | None = None  # camera, image, stamp


def stream():
    """Yield 6 s: gate at 50 Hz, joints at 100 Hz, two cameras at 10 Hz whose images arrive 20 ms late."""
    rng = np.random.default_rng(0)
    q = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
    on_the_way = []
    for n in range(600):
        now_s = 100.0 + 0.01 * n
        if n % 2 == 0:
            yield Happening(now_s, gate=gate(n))
        q = q + 0.002 * rng.standard_normal(7)
        yield Happening(now_s, joints=q)
        if n % 10 == 0:
            for camera in ("front", "wrist"):
                image = rng.integers(256, size=(16, 16, 3), dtype=np.uint8)
                on_the_way.append((n + 2, (camera, image, now_s)))
        while on_the_way and on_the_way[0][0] <= n:
            yield Happening(now_s, frame=on_the_way.pop(0)[1])


def gate(n):
    """Return epoch, and whether the policy drives.

    A person takes over from 1.5 s to 3 s; at 4.28 s, while an inference is under way, the epoch rises; from
    5 s to 5.3 s the gate is not armed.
    """
    if n < 300:
        return 1, n < 150
    return (2, True) if n < 428 else (3, not 500 <= n < 530)


def break_once(policy, monkeypatch):
    """Let the network give NaN in its inference number `BROKEN`, whatever runs it."""
    hoist, count = policy.denoiser.hoist, iter(range(1, 1000))

    def hoisted(*args):
        good, broken = hoist(*args), next(count) == BROKEN
        return lambda x, k: good(x, k) * float("nan") if broken else good(x, k)

    monkeypatch.setattr(policy.denoiser, "hoist", hoisted)


def record_warmth(sampler, monkeypatch, into):
    """Note of each sample whether it went on from the last chunk; trust every chunk of a random network."""
    if not isinstance(sampler, RtiSampler):
        return
    sampler.draft.warm = replace(
        sampler.draft.warm, observation_jump=None, chunk_jump=None, max_shift_share=0.9
    )
    sample = sampler.sample

    def noting(*args):
        chunk = sample(*args)
        into.append(not sampler.cold)
        return chunk

    monkeypatch.setattr(sampler, "sample", noting)


class Simulated:
    """The simulation's driver."""

    def __init__(self, bench, checkpoint, sampler, monkeypatch):
        loaded = load_checkpoint(*checkpoint)
        actor = Actor(loaded.policy, loaded.policy.make_sampler(sampler), loaded.info.version)
        pace = PolicyPace(replan_steps=2, realtime_chunking=True, inference_s=INFERENCE_S, idle_rate_hz=2.0)
        self.driver = PolicyDriver(actor, bench.task, bench.robot, pace, SEED)
        self.warm, self.chunks = [], []
        break_once(actor.policy, monkeypatch)
        record_warmth(actor.sampler, monkeypatch, self.warm)

    def take(self, told):
        loop = self.driver.loop
        if told.gate is not None:
            loop.put_gate(*told.gate)
        if told.joints is not None:
            loop.put_joints(told.joints, 0.08, told.time_s, told.time_s)
        if told.frame is not None:
            loop.put_frame(*told.frame, told.time_s)
        chunk = self.driver.step(told.time_s)
        if chunk is not None:
            head = (chunk.id, chunk.epoch, chunk.stamp_s, chunk.policy_version, chunk.oldest_input_s)
            self.chunks.append((told.time_s, head, chunk.data))


class Node:
    """The node's runtime, whose inferences last as long as those of the simulation."""

    def __init__(self, rig, checkpoint, monkeypatch):
        self.rig, self.runtime = rig, rig.runtime
        self.runtime.exchange.load_now(*checkpoint)
        running = self.runtime.exchange.current
        self.warm, self.chunks, self.done_s = [], [], None
        break_once(running.policy, monkeypatch)
        record_warmth(running.sampler, monkeypatch, self.warm)
        # the foretold time, which the node learns from what inferences took
        latency_s = self.runtime._latency_s
        latency_s.add(INFERENCE_S)
        monkeypatch.setattr(latency_s, "add", lambda elapsed_s: None)
        self.over, act = threading.Event(), running.policy.act

        def slow(*args):
            try:
                return act(*args)
            finally:
                assert self.over.wait(30.0)

        monkeypatch.setattr(running.policy, "act", slow)

    def take(self, told):
        now_s, intake = told.time_s, self.runtime.intake
        if told.gate is not None:
            self.runtime.put_gate(*told.gate, now_s)
        if told.joints is not None:
            positions = [*told.joints, 0.04, 0.04]  # of two fingers, 0.08 m between them
            intake.put_joints(JointMessage(self.rig.names, positions, now_s, now_s), now_s)
        if told.frame is not None:
            intake.put_frame(*told.frame, now_s, now_s)
        if self.done_s is not None and now_s >= self.done_s:
            self.let_it_end()
        under_way = self.runtime.loop.inference
        chunk = self.runtime.step(now_s, now_s)
        if self.runtime.loop.inference not in (None, under_way):
            self.done_s = now_s + INFERENCE_S
        if chunk is not None:
            head = (chunk.id, chunk.epoch, chunk.t_ref_s, chunk.version, chunk.oldest_input_s)
            self.chunks.append((now_s, head, chunk.data))

    def let_it_end(self):
        self.over.set()
        while self.runtime._made.empty():  # the thread that encodes wakes the node as well
            assert self.rig.woken.wait(30.0), "the inference did not end"
            self.rig.woken.clear()
        self.over.clear()
        self.done_s = None


@pytest.mark.parametrize("sampler", ["ddim-4", "rti-2"])
def test_the_node_and_the_simulation_make_the_same_chunks_to_the_bit(make_rig, bench, monkeypatch, sampler):
    checkpoint = bench.checkpoint(1)
    node = Node(make_rig(sampler=sampler, seed=SEED), checkpoint, monkeypatch)
    simulated = Simulated(bench, checkpoint, sampler, monkeypatch)
    for told in stream():
        node.take(told)
        simulated.take(told)
    assert len(node.chunks) == len(simulated.chunks)
    for (node_s, head, data), (simulated_s, same_head, same_data) in zip(
        node.chunks, simulated.chunks, strict=True
    ):
        assert (node_s, head) == (simulated_s, same_head)
        np.testing.assert_array_equal(data, same_data)
    # everything was met on the way: three epochs, an idle phase, a failure, a chunk that nobody wanted
    epochs = [head[1] for _, head, _ in node.chunks]
    gaps_s = np.diff([head[2] for _, head, _ in node.chunks])
    assert set(epochs) == {1, 2, 3}
    assert np.isclose(gaps_s, 0.5).any() and np.isclose(gaps_s, 0.3).any()
    assert node.runtime.loop.discarded == simulated.driver.loop.discarded == 1
    assert simulated.driver.failures == 1 and node.runtime.take_crashes() == []
    assert node.runtime.loop.dropped == simulated.driver.loop.dropped > 0
    # the second chunk begins where the first, two steps older, goes on
    first, second = node.chunks[0][2], node.chunks[1][2]
    np.testing.assert_allclose(second[:2], first[2:4], atol=1e-4)
    assert node.warm == simulated.warm
    if sampler == "rti-2":
        assert node.warm.count(True) > 5 and node.warm.count(False) >= 4  # start, failure, two new epochs
