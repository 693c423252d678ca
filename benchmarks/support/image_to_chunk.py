"""From the arrival of the newest picture to the finished chunk, as the policy node goes through it."""

import time

import numpy as np
import torch
from benchmarks.support.networks import always_warm, make_policy
from drift_core.engines import make_engine
from drift_core.observation.assembler import Assembler, Missing
from drift_core.observation.spec import Observation
from drift_core.policy.loop import Actor, PolicyLoop
from drift_core.policy.pace import Pace
from drift_core.policy.policy import DiffusionPolicy, Encode
from torch import Tensor

SAMPLER = "rti-3"


class _EncodesAll(DiffusionPolicy):
    """A policy as it was before features were kept: both frames through PyTorch at every inference."""

    @torch.no_grad()
    def observe(self, observation: Observation, encode: Encode | None = None) -> Tensor:
        images = {name: torch.from_numpy(f).permute(0, 3, 1, 2) for name, f in observation.images.items()}
        rows = torch.arange(self.config.observation.observation_steps)
        return self.condition(
            self.encode_frames(images), rows[None], torch.from_numpy(observation.state)[None]
        )


class Stream:
    """One policy in its loop, shown picture after picture of noise."""

    def __init__(self, cameras: int, engine: str, keeps_features: bool) -> None:
        policy = make_policy("S", cameras)
        if not keeps_features:
            before = _EncodesAll(policy.config).eval()
            before.load_state_dict(policy.state_dict())
            policy = before
        denoiser, encoder = make_engine(engine, policy.denoiser), None
        if keeps_features and policy.encoder is not None:
            encoder = make_engine(engine, policy.encoder)
        policy.use_engine(denoiser, encoder)
        self.engine = denoiser.name
        self.encoder_engine = "eager" if encoder is None else encoder.name
        spec = policy.config.observation
        self._cameras = spec.cameras
        state_dim = spec.state_dim
        assembler = Assembler(
            spec, lambda q, opening_m: np.resize(q, state_dim), {c.name: 0.0 for c in spec.cameras}
        )
        self._loop = PolicyLoop(
            assembler, Pace(1, spec.dt_s, spec.dt_s), False, torch.Generator().manual_seed(0)
        )
        self._loop.put_gate(1, driving=True)
        self._actor = Actor(policy, always_warm(policy.make_sampler(SAMPLER)), 1)
        self._rng, self._time_s, self._dt_s = np.random.default_rng(0), 0.0, spec.dt_s

    def __call__(self) -> float:
        """Let a picture of every camera arrive at once; return how long its chunk took [ms]."""
        self._time_s += self._dt_s
        pictures = {
            camera.name: self._rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
            for camera in self._cameras
        }
        self._loop.put_joints(np.zeros(1), 0.0, self._time_s, self._time_s)
        started_s = time.perf_counter()
        for name, picture in pictures.items():
            self._loop.put_frame(name, picture, self._time_s, self._time_s)
        inference = self._loop.begin(self._actor, self._time_s, 0.0)
        if not isinstance(inference, Missing):
            self._loop.finish(inference.run(), 0.0)
        return 1e3 * (time.perf_counter() - started_s)


def measure_image_to_chunk(engine: str, repetitions: int) -> list[dict[str, str | float | None]]:
    """Time one and two cameras, before and now, in interleaved rounds; return the rows."""
    rows: list[dict[str, str | float | None]] = []
    for cameras in (1, 2):
        streams = {build: Stream(cameras, engine, build == "now") for build in ("before", "now")}
        for stream in streams.values():  # the first pictures make no observation, or a cold chunk
            for _ in range(4):
                stream()
        times_ms = {build: np.empty(repetitions) for build in streams}
        for repetition in range(repetitions):
            for build, stream in streams.items():
                times_ms[build][repetition] = stream()
        before_ms = float(np.median(times_ms["before"]))
        for build, times in times_ms.items():
            p50, p95, p99 = (float(value) for value in np.percentile(times, [50, 95, 99]))
            rows.append(
                {
                    "row": "image_to_chunk",
                    "network": "S",
                    "cameras": cameras,
                    "build": build,
                    "engine": streams[build].engine,
                    "encoder_engine": streams[build].encoder_engine,
                    "count": repetitions,
                    "p50_ms": p50,
                    "p95_ms": p95,
                    "p99_ms": p99,
                    "ratio_before": p50 / before_ms,
                    "p99_by_p50": p99 / p50,
                }
            )
    return rows
