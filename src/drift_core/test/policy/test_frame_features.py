"""Each frame is encoded once, whoever asks first, and shows the same features to the last bit."""

import threading

import numpy as np
import pytest
import torch
from drift_core.denoisers import MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.observation.assembler import Assembler, Missing
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.frame_features import FrameFeatures
from drift_core.policy.loop import Actor, Inference, PolicyLoop
from drift_core.policy.pace import Pace
from drift_core.policy.policy import DiffusionPolicy, NonFiniteError, PolicyConfig

DT_S = 0.1
CAMERAS = (CameraSpec("front", 16, 16), CameraSpec("wrist", 16, 24))


def policy(cameras=CAMERAS, steps=2):
    torch.manual_seed(0)
    spec = ObservationSpec(cameras, state_dim=1, observation_steps=steps, dt_s=DT_S)
    encoder = SmallCnnConfig(channels=8, maps=4)
    network = MlpConfig(width=16, blocks=1, step_dim=8)
    return DiffusionPolicy(PolicyConfig(spec, 2, "point", 8, 4, encoder, network)).eval()


class Counting:
    """Stands for a policy: what it makes of a frame is its first number, after `pause`."""

    def __init__(self, pause=lambda: None):
        self.seen, self.pause = [], pause

    def encode_frame(self, camera, image):
        self.pause()
        self.seen.append((camera, int(image.flat[0])))
        return torch.tensor([float(image.flat[0])])


def image(value, shape=(16, 16, 3)):
    return np.full(shape, value % 256, np.uint8) + np.arange(shape[1], dtype=np.uint8)[None, :, None]


def noise(seed=0):
    rng = np.random.default_rng(seed)
    images = {c.name: rng.integers(0, 256, (2, c.height, c.width, 3), dtype=np.uint8) for c in CAMERAS}
    return Observation(1.0, images, np.zeros((2, 1), dtype=np.float32), 1.0)


def test_a_frame_is_encoded_once_however_often_it_is_asked_for():
    counting = Counting()
    features = FrameFeatures(counting)
    for value in (7, 8, 7, 7, 8):
        assert features.of("front", image(value)).item() == value
    assert counting.seen == [("front", 7), ("front", 8)]
    features.of("wrist", image(7))  # what another camera makes of it is something else
    assert counting.seen[2:] == [("wrist", 7)]


def test_what_is_not_finite_is_not_remembered():
    counting = Counting()
    counting.encode_frame = lambda camera, image: torch.tensor([counting.value])
    features, counting.value = FrameFeatures(counting), float("nan")
    assert not features.of("front", image(7)).isfinite()
    counting.value = 1.0
    assert features.of("front", image(7)).item() == 1.0


def test_of_each_camera_the_newest_frames_are_kept():
    counting = Counting()
    features = FrameFeatures(counting)
    pictures = [np.full((1, 1, 3), (n % 256, n // 256, 0), np.uint8) for n in range(300)]
    for picture in pictures:
        features.of("front", picture)
    count = len(counting.seen)
    features.of("front", pictures[299 - 255])
    assert len(counting.seen) == count == 300
    features.of("front", pictures[299 - 256])
    assert len(counting.seen) == count + 1


def test_two_threads_that_ask_for_one_frame_encode_it_once():
    entered, go_on = threading.Event(), threading.Event()
    counting = Counting(lambda: entered.set() or go_on.wait(10.0))
    features, given = FrameFeatures(counting), []
    threads = [
        threading.Thread(target=lambda: given.append(features.of("front", image(7)).item())) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    assert entered.wait(10.0)
    go_on.set()
    for thread in threads:
        thread.join(10.0)
    assert given == [7.0, 7.0] and len(counting.seen) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_chunk_is_the_same_to_the_bit_whether_its_frames_were_encoded_before_or_when_needed(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        made, seen = policy(), noise()
        sampler = made.make_sampler("ddim-3")
        plain = made.act(seen, sampler, torch.Generator().manual_seed(0))
        features = FrameFeatures(made)
        for camera in ("wrist", "front"):
            for step in (1, 0):
                features.of(camera, seen.images[camera][step])
        ahead = made.act(seen, sampler, torch.Generator().manual_seed(0), None, features.of)
        np.testing.assert_array_equal(ahead, plain)
    finally:
        torch.set_num_threads(before)


def test_features_stand_as_in_training_and_differ_from_those_of_a_batch_by_rounding_only():
    made, seen = policy(), noise()
    images = {name: torch.from_numpy(frames).permute(0, 3, 1, 2) for name, frames in seen.images.items()}
    with torch.no_grad():
        together = made.condition(
            made.encode_frames(images), torch.tensor([[0, 1]]), torch.from_numpy(seen.state)[None]
        )
    torch.testing.assert_close(made.observe(seen), together, rtol=0.0, atol=1e-5)


def test_an_encoder_that_gives_no_numbers_is_named():
    made = policy()
    with torch.no_grad():
        made.encoder.network("front").conv1.weight.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match="must be finite"):
        made.act(noise(), made.make_sampler("ddim-2"), torch.Generator())


def loop_of(made, replan_steps=2):
    spec = made.config.observation
    assembler = Assembler(spec, lambda q, opening_m: q, {camera.name: 0.0 for camera in spec.cameras})
    pace = Pace(replan_steps, DT_S, idle_period_s=0.5)
    return PolicyLoop(assembler, pace, False, torch.Generator().manual_seed(0))


def see(loop, time_s, value, cameras=("front", "wrist")):
    for joints_s in (time_s - 0.05, time_s):
        loop.put_joints(np.zeros(1), 0.0, joints_s, joints_s)
    for camera in cameras:
        loop.put_frame(camera, image(value, (16, 16 if camera == "front" else 24, 3)), time_s, time_s)


def test_of_each_camera_the_newest_frame_waits_to_be_encoded():
    made = policy()
    loop, actor = loop_of(made), Actor(made, made.make_sampler("ddim-1"), 1)
    assert loop.encoding(actor) is None
    see(loop, 1.0, 10)
    see(loop, 1.1, 11, ("wrist",))
    waiting = [loop.encoding(actor) for _ in range(2)]
    assert [(e.camera, int(e.image[0, 0, 0])) for e in waiting] == [("front", 10), ("wrist", 11)]
    assert loop.encoding(actor) is None
    see(loop, 1.2, 12)
    loop.clock_set_back()
    assert loop.encoding(actor) is None


def test_while_somebody_else_drives_only_frames_that_an_observation_will_reach_are_encoded():
    made = policy()
    loop, actor = loop_of(made), Actor(made, made.make_sampler("ddim-1"), 1)
    loop.put_gate(1, driving=False)
    encoded = []
    for n in range(21):  # a picture every 0.1 s, a chunk every 0.5 s
        see(loop, 1.0 + DT_S * n, n)
        if loop.due():
            inference = loop.begin(actor, 1.0 + DT_S * n, 0.0)
            if not isinstance(inference, Missing):
                loop.finish(inference.run(), 0.0)
        while (encoding := loop.encoding(actor)) is not None:
            encoded.append(int(encoding.image[0, 0, 0]))
            encoding.run()
    # observations at 1 (the first of two pictures), 6, 11, 16: they show these, and the ones before
    assert encoded == [0, 0, 1, 1, 5, 5, 6, 6, 10, 10, 11, 11, 15, 15, 16, 16, 20, 20]


@pytest.mark.parametrize("rate_hz", [10.0, 15.0, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("replan_steps", [1, 2, 3])
def test_the_older_frame_has_been_encoded_whatever_the_rate_of_the_camera(rate_hz, replan_steps):
    made = policy((CameraSpec("front", 16, 16),))
    loop, actor = loop_of(made, replan_steps), Actor(made, made.make_sampler("ddim-1"), 1)
    loop.put_gate(1, driving=True)
    rng, newly = np.random.default_rng(0), []
    for n in range(int(3.0 * rate_hz)):
        time_s = 1.0 + n / rate_hz + 0.002 * rng.standard_normal()
        for joints_s in (time_s - 0.01, time_s):
            loop.put_joints(np.zeros(1), 0.0, joints_s, joints_s)
        loop.put_frame("front", rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), time_s, time_s)
        inference = loop.begin(actor, time_s, 0.0) if loop.due() else None
        if isinstance(inference, Inference):
            before = len(actor.features._kept["front"])
            loop.finish(inference.run(), 0.0)
            newly.append(len(actor.features._kept["front"]) - before)
        while (encoding := loop.encoding(actor)) is not None:
            encoding.run()
    assert len(newly) > 5 and set(newly) == {1}, "the inference encodes the newest frame alone"
