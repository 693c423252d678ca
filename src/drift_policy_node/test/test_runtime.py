"""The policy runtime on a clock of its own; only the two threads are real."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from drift_core.errors import ConfigError
from drift_policy_node.runtime import PolicyRuntime
from drift_policy_node.status import Phase


class Rig:
    """Feed a runtime with cameras at 10 Hz and joints at 20 Hz; `now_s` counts from 100."""

    def __init__(self, bench, **changes):
        self.bench = bench
        self.woken = threading.Event()
        self.runtime = PolicyRuntime(bench.config(**changes), bench.robot, bench.task, self.woken.set)
        self.runtime.active = self.runtime.configured = True
        self.now_s, self.epoch, self.driving, self.cameras = 100.0, 1, True, ("front", "wrist")
        self.chunks = []
        self.value = 0
        self.frozen, self.frozen_value = "", 7  # a camera that repeats its picture
        self.sweep_rad, self.q = 0.0, bench.robot.home.copy()
        self.clock_s = 0.0  # of ROS time, ahead of `now_s`
        self.broken = {}  # positions by name
        self.delay_s = {"front": 0.0, "wrist": 0.0}
        self.names = [*bench.robot.config.joint_names, *bench.robot.config.gripper.joints]

    def tick(self):
        """Let 0.05 s pass."""
        self.now_s = round(self.now_s + 0.05, 6)
        self.value += 1
        if self.value % 2 == 0:
            for camera in self.cameras:
                value = self.frozen_value if camera == self.frozen else self.value
                self.show(camera, self.ros_s - self.delay_s[camera], value)
        self.q[0] += self.sweep_rad
        self.put_joints()
        self.runtime.put_gate(self.epoch, self.driving, self.now_s)
        self.step()

    @property
    def ros_s(self):
        return self.now_s + self.clock_s

    def show(self, camera, stamp_s, value=1):
        image = np.full((16, 16, 3), value % 256, np.uint8)
        self.runtime.intake.put_frame(camera, image, stamp_s, self.now_s, self.ros_s)

    def put_joints(self, stamp_s=None):
        """Send the joints of arm and gripper, with those in `broken` as they are there; None: not at all."""
        positions = dict(zip(self.names, [*self.q, *([0.04] * (len(self.names) - 7))], strict=True))
        sent = {name: q for name, q in (positions | self.broken).items() if q is not None}
        stamp_s = self.ros_s if stamp_s is None else stamp_s
        self.runtime.intake.put_joints([*sent], [*sent.values()], stamp_s, self.now_s, self.ros_s)

    def step(self):
        chunk = self.runtime.step(self.now_s, self.ros_s)
        if chunk is not None:
            self.chunks.append(chunk)

    def settle(self):
        """Wait for the threads, then look at what they did."""
        limit_s = time.monotonic() + 30.0
        while self.busy():
            assert time.monotonic() < limit_s, "the threads did not end"
            self.woken.wait(0.01)
            self.woken.clear()
            self.step()

    def busy(self):
        return self.runtime._job is not None or self.runtime.exchange._request is not None

    def run(self, ticks):
        for _ in range(ticks):
            self.tick()
            self.settle()


@pytest.fixture
def make_rig(bench):
    rigs = []

    def make(**changes):
        rigs.append(Rig(bench, **changes))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.runtime.close()


@pytest.fixture
def rig(make_rig, bench):
    rig = make_rig()
    path, sha256 = bench.checkpoint(1)
    rig.runtime.exchange.load_now(path, sha256)
    return rig


def test_a_chunk_is_stamped_with_its_observation_and_carries_the_gates_epoch(rig):
    rig.epoch = 7
    rig.run(8)
    first = rig.chunks[0]
    # frames at 100.1, 100.2, …; wrist is 20 ms late, so t_ref is 20 ms before the newest frame
    assert first.t_ref_s == pytest.approx(100.18)
    assert (first.id, first.epoch, first.version, first.data.shape) == (1, 7, 1, (8, 10))
    assert rig.runtime.status(rig.now_s).state == Phase.ACTIVE


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
    while rig.runtime._job is None:
        rig.tick()
    rig.runtime.put_gate(3, True, rig.now_s)
    rig.settle()
    assert rig.runtime.figures(rig.now_s)["discarded_chunks"] == 1


def test_a_camera_that_stops_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.cameras = ("front",)
    rig.run(12)  # 0.6 s
    count = len(rig.chunks)
    rig.run(12)
    assert len(rig.chunks) == count
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING and status.text.startswith("camera wrist: nothing for 1.2 s")
    rig.cameras = ("front", "wrist")
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == Phase.ACTIVE


def test_a_picture_without_contrast_is_named_and_nothing_is_made(make_rig, bench):
    rig = make_rig(camera_contrast_min=2.0)  # of the rig's pictures none has any
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    rig.run(12)
    assert rig.chunks == []
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING
    assert "camera front: never received (a picture without contrast: 0.0 of 255" in status.text


def test_a_camera_that_repeats_its_picture_while_the_arm_moves_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.frozen = "wrist"
    rig.sweep_rad = 0.02  # per tick
    rig.run(24)  # 1.2 s: believed for 0.5 s, silent for 0.5 s more
    count = len(rig.chunks)
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING
    assert status.text.startswith(
        "camera wrist: nothing for 0.6 s (the same picture for 1.1 s, while a joint"
    )
    rig.run(10)
    assert len(rig.chunks) == count
    rig.frozen = ""
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == Phase.ACTIVE


def test_a_wrong_image_and_a_missing_joint_are_named(rig):
    rig.runtime.intake.put_frame("front", np.zeros((9, 9, 3), np.uint8), 100.0, 100.0, 100.0)
    rig.runtime.intake.put_joints(["panda_joint1"], [0.0], 100.0, 100.0, 100.0)
    text = rig.runtime.status(100.0).text
    assert (
        "camera front: never received (camera front: image must be (16, 16, 3) uint8, got (9, 9, 3) uint8)"
        in text
    )
    assert "joint_states: never received (not seen yet: " in text and "panda_joint7" in text
    assert "gate/state: never received" in text


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


def warm_rig(make_rig, bench):
    """Return a rig with a sampler that trusts every last chunk, however far its random network strays."""
    rig = make_rig(sampler="rti-2")
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    believe_every_guess(rig.runtime.exchange.current.sampler)
    return rig


def believe_every_guess(sampler):
    sampler.warm = replace(sampler.warm, observation_jump=None, chunk_jump=None, max_shift_share=0.9)


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


def test_a_thread_that_dies_is_reported_and_replaced(rig, monkeypatch):
    rig.run(6)
    policy = rig.runtime.exchange.current.policy
    monkeypatch.setattr(policy, "act", lambda *args: 1 / 0)
    rig.run(4)
    crashes = rig.runtime.take_crashes()
    assert crashes and "ZeroDivisionError" in crashes[0]
    assert "inference failed: division by zero" in rig.runtime.status(rig.now_s).text
    monkeypatch.undo()
    count = len(rig.chunks)
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.take_crashes() == []
    assert rig.runtime.figures(rig.now_s)["thread_deaths"] == len(crashes)


def test_an_inference_that_hangs_is_noticed_after_the_limit(rig, monkeypatch):
    rig.run(6)
    release, policy = threading.Event(), rig.runtime.exchange.current.policy
    act = policy.act
    monkeypatch.setattr(policy, "act", lambda *args: release.wait(10.0) and act(*args))
    while rig.runtime._job is None:
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
    while rig.runtime._job is None:
        rig.tick()
    before, made = rig.runtime.figures(rig.now_s)["dropped_observations"], len(rig.chunks)
    for _ in range(10):  # 0.5 s: five frames
        rig.tick()
    assert rig.runtime.figures(rig.now_s)["dropped_observations"] == before + 5
    release.set()
    rig.settle()
    assert len(rig.chunks) == made + 2 and rig.chunks[-1].t_ref_s == rig.runtime.intake.assembler.t_ref_s()


def test_a_new_checkpoint_is_swapped_in_and_can_be_rolled_back(rig, bench):
    rig.run(6)
    path, sha256 = bench.checkpoint(2)
    answers = []
    rig.runtime.exchange.request(path, sha256, True, answers.append)
    rig.run(8)
    assert [(answer.fault, answer.version) for answer in answers] == [(None, 2)]
    assert rig.chunks[-1].version == 2 and rig.runtime.status(rig.now_s).swaps == 1
    assert rig.runtime.roll_back()
    rig.run(6)
    assert rig.chunks[-1].version == 1


def test_the_running_checkpoint_is_not_loaded_again_when_it_is_announced(rig, bench):
    path, sha256 = bench.checkpoint(1)
    rig.runtime.exchange.request(path, sha256, True, pytest.fail)
    rig.run(4)
    assert rig.runtime.status(rig.now_s).swaps == 0


def test_of_several_waiting_announcements_only_the_newest_is_loaded(rig, bench):
    answers = []
    for version in (2, 3, 4):
        rig.runtime.exchange.request(*bench.checkpoint(version), True, answers.append)
    rig.run(4)
    assert [answer.version for answer in answers] == [4]


def test_an_unknown_sampler_is_refused_at_the_start(make_rig):
    with pytest.raises(ConfigError, match="sampler='euler-8' must be one of: ddpm-<steps>, ddim-<steps>"):
        make_rig(sampler="euler-8")


def test_without_a_checkpoint_the_runtime_waits_and_says_so(make_rig, bench):
    rig = make_rig()
    rig.run(8)
    assert rig.chunks == [] and rig.runtime.status(rig.now_s).text == "no checkpoint yet"
    rig.runtime.exchange.request(*bench.checkpoint(5), True, lambda answer: None)
    rig.run(8)
    assert rig.chunks[-1].version == 5 and rig.runtime.status(rig.now_s).swaps == 0


def test_a_clock_that_is_set_back_does_not_stop_the_policy(rig):
    rig.run(10)
    rig.clock_s = -50.0
    rig.run(16)  # up to 51.3 s
    assert 51.0 < rig.chunks[-1].t_ref_s < 51.3
    count = len(rig.chunks)
    rig.run(8)
    assert len(rig.chunks) == count + 2


@pytest.mark.parametrize("source", ["front", "both", "joints"])
def test_one_stamp_far_ahead_of_the_clock_is_refused_and_stops_nothing(rig, source):
    rig.run(10)
    if source == "joints":
        rig.put_joints(rig.now_s + 1000.0)
    else:
        for camera in rig.cameras if source == "both" else [source]:
            rig.show(camera, rig.now_s + 1000.0)
    count = len(rig.chunks)
    rig.run(40)  # 2 s
    assert len(rig.chunks) == count + 10 and rig.runtime.status(rig.now_s).text == ""


def test_a_camera_whose_clock_is_ahead_is_named(rig):
    rig.delay_s["wrist"] = -5.0
    rig.run(12)
    text = rig.runtime.status(rig.now_s).text
    assert "camera wrist: never received (the stamp is 5.0 s ahead of the clock, allowed: 1.0 s)" in text


def test_one_late_frame_throws_nothing_away(rig):
    rig.run(20)
    count, last = len(rig.chunks), rig.chunks[-1]
    rig.show("front", rig.now_s - 1.3)
    rig.put_joints(rig.now_s - 1.3)
    assert rig.runtime._last_chunk is last
    rig.run(8)
    assert len(rig.chunks) == count + 2
    assert rig.chunks[count].t_ref_s - last.t_ref_s == pytest.approx(0.2)


def test_pictures_that_come_too_late_are_named_and_nothing_is_made(rig):
    rig.delay_s["wrist"] = 0.3
    rig.run(20)
    assert rig.chunks and rig.runtime.status(rig.now_s).text == ""
    rig.delay_s["wrist"] = 0.6
    rig.run(14)
    count = len(rig.chunks)
    rig.run(10)
    assert len(rig.chunks) == count
    status = rig.runtime.status(rig.now_s)
    # 0.6 s late and 0.02 s of latency; of 0.5 s, 0.1 s are for the earlier of two observation steps
    assert status.state == Phase.WAITING
    assert status.text == "camera wrist: the newest picture is 0.62 s old, allowed: 0.40 s"
    rig.delay_s["wrist"] = 0.0
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


@pytest.mark.parametrize(
    ("position", "reason"),
    [(None, "without panda_joint7"), (float("nan"), "not finite: panda_joint7")],
)
def test_a_joint_that_vanishes_or_breaks_is_named(rig, position, reason):
    rig.run(10)
    rig.broken = {"panda_joint7": position}
    rig.run(24)
    text = rig.runtime.status(rig.now_s).text
    assert text.startswith("joint_states: nothing for 1.2 s") and f"({reason})" in text
    rig.broken, count = {}, len(rig.chunks)
    rig.run(10)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


def test_names_that_do_not_match_the_positions_are_named(rig):
    rig.runtime.intake.put_joints(rig.names, [0.0] * 8, 100.0, 100.0, 100.0)
    text = rig.runtime.status(100.0).text
    assert "joint_states: never received (9 names with 8 positions)" in text


def test_joint_states_whose_stamp_stands_still_are_named(rig):
    rig.run(10)
    stamp_s = rig.ros_s
    for _ in range(12):
        rig.now_s = round(rig.now_s + 0.05, 6)
        rig.put_joints(stamp_s)
    text = rig.runtime.status(rig.now_s).text
    assert "joint_states: nothing for 0.6 s (joints: stamp_s=100.500000 is a duplicate or too old)" in text


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
