"""The policy at work: when it is asked, with what, and what becomes of its chunk.

Learning's counterpart of the control loop: no clock, no threads, no ROS. A shell puts in frames, joints and
gate states, begins an inference when one is due, runs it where and when it likes, and says how it ended. The
policy node and the simulation are two such shells, so that what is evaluated is what drives the robot.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from drift_core.observation.assembler import Assembler, Missing, Refused
from drift_core.observation.spec import Image, Observation
from drift_core.policy.foresight import Foresight
from drift_core.policy.frame_features import FrameFeatures
from drift_core.policy.pace import Pace
from drift_core.policy.policy import DiffusionPolicy
from drift_core.policy.prefix import chunk_prefix
from drift_core.samplers import Prefix, Sampler


@dataclass(frozen=True, eq=False)
class Actor:
    """A policy with a sampler and frames of its own: what runs, until another one is swapped in."""

    policy: DiffusionPolicy
    sampler: Sampler
    version: int
    features: FrameFeatures = field(init=False)  # of what it has seen

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", FrameFeatures(self.policy))


@dataclass(frozen=True, eq=False)
class Encoding:
    """A frame that an observation to come may show; any thread may encode it, beside an inference."""

    actor: Actor
    camera: str
    image: Image

    def run(self) -> None:
        """Encode it; errors as `DiffusionPolicy.encode_frame`."""
        self.actor.features.of(self.camera, np.asarray(self.image))


@dataclass(frozen=True, eq=False)
class Inference:
    """One observation on its way to a chunk; any thread may run it, once."""

    observation: Observation
    epoch: int
    actor: Actor
    generator: torch.Generator
    prefix: Prefix | None
    fresh: bool  # the sampler forgets its last chunk first

    def run(self) -> np.ndarray:
        """Return the chunk (T, A), float32, raw; errors as `DiffusionPolicy.act`."""
        if self.fresh:
            self.actor.sampler.reset()
        actor = self.actor
        return actor.policy.act(
            self.observation, actor.sampler, self.generator, self.prefix, actor.features.of
        )


@dataclass(frozen=True, eq=False)
class Foreseeing:
    """A chunk that was made, to be compared with what was foreseen; any thread may run it, beside others."""

    foresight: Foresight
    inference: Inference
    data: np.ndarray  # (T, A)

    def run(self) -> None:
        """Compare, and foresee what the chunk leads to; errors as `DiffusionPolicy.observe`."""
        self.foresight.look(self.inference.observation, self.data, self.inference.actor.features.of)


@dataclass(frozen=True, eq=False)
class MadeChunk:
    """A finished chunk; step i is due at t_ref_s + (i + 1) dt_s."""

    id: int  # counts those handed out, from 1
    epoch: int
    t_ref_s: float
    data: np.ndarray  # (T, A) float32
    version: int
    oldest_input_s: float
    inference_s: float
    sampler: str = ""  # that denoised it
    seed: int = 0  # of the noise from which all chunks of a loop are drawn, one after the other
    latent: np.ndarray | None = None  # (horizon, A) float32 noise it began from, normalised; None: a draft


class PolicyLoop:
    """Assemble observations, say when one deserves an inference, and hand out its chunk or discard it.

    One inference at a time; observations that come meanwhile are not queued. Frames may be encoded beside it,
    before they are needed; the inference encodes what is missing. A new epoch, and a clock that was set back,
    start afresh: the next observation is denoised at once and from noise, without a prefix, and what is under
    way is discarded.
    """

    def __init__(
        self,
        assembler: Assembler,
        pace: Pace,
        realtime_chunking: bool,
        generator: torch.Generator,
        foresees: bool = False,
    ) -> None:
        """`realtime_chunking`: impose the steps that run during inference; `generator`: of sampling noise.

        `foresees`: policies do, and what `foreseeing` gives is run.
        """
        self.assembler = assembler
        self.inference: Inference | None = None  # under way
        self.made = 0  # chunks handed out
        self.discarded = 0  # chunks that nobody wanted any more
        self.dropped = 0  # observations that came during an inference
        self._pace, self._realtime_chunking, self._generator = pace, realtime_chunking, generator
        self._epoch, self._driving = 0, False
        # Two times, because the pace forgets earlier than the eye: a failed inference, and a policy that
        # drives again, are not made to wait, but what was denoised in this epoch is not denoised again.
        self._tried_t_ref_s: float | None = None  # of the last observation that was denoised in this epoch
        self._last_t_ref_s: float | None = None  # of the last one that gave a chunk or is under way
        self._last_chunk: MadeChunk | None = None  # of this epoch
        self._last_state: np.ndarray | None = None  # (S,) that it was made for
        # A warm start goes on from the chunk that was handed out last and from no other: not from a failed or
        # discarded one, nor from what a sampler remembers of the time before its policy was swapped out.
        self._warm: Actor | None = None  # whose sampler has made that chunk, and nothing since
        self._void = False  # begun afresh since the inference under way began
        self._seen_t_ref_s: float | None = None  # of the newest observation, denoised or not
        self._arrived: dict[str, Image] = {}  # by camera: the newest frame that is worth encoding
        self._foresees = foresees
        self._foresight: Foresight | None = None  # of the policy that made the last chunk
        self._foreseeing: Foreseeing | None = None  # of the newest chunk, not run yet

    def put_frame(self, camera: str, image: Image, stamp_s: float, arrival_s: float) -> Refused | None:
        """Take an image as `Assembler.put_frame` does."""
        refused = self.assembler.put_frame(camera, image, stamp_s, arrival_s)
        if refused is None and self._within_reach(stamp_s - self.assembler.latency_s[camera]):
            self._arrived[camera] = image
        self._count_dropped()
        return refused

    def put_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> Refused | None:
        """Take joint positions (J,) and the gripper's opening as `Assembler.put_joints` does."""
        refused = self.assembler.put_joints(positions_rad, gripper_m, stamp_s, arrival_s)
        self._count_dropped()
        return refused

    def put_gate(self, epoch: int, driving: bool) -> None:
        """Take the gate's epoch; `driving`: the policy drives or is awaited."""
        if epoch != self._epoch:
            self._start_afresh()
        if driving and not self._driving:
            self._last_t_ref_s = None  # do not wait for the idle period
        self._epoch, self._driving = epoch, driving

    def replan(self) -> None:
        """Let the next new observation be denoised without waiting, as by a policy that was swapped in."""
        self._last_t_ref_s = None

    def clock_set_back(self) -> None:
        """Forget all samples and chunks: their stamps no longer mean anything."""
        self.assembler.reset()
        self._arrived.clear()
        self._start_afresh()

    def looks(self, stamp_s: float) -> bool:
        """Say whether the next observation may show a frame of that stamp; if not, it need not be drawn.

        While somebody else drives every one may: as soon as the policy gets the task back, it looks back.
        """
        late_s = self.assembler.latency_s.values()
        return not self._driving or any(self._within_reach(stamp_s - each_s) for each_s in late_s)

    def encoding(self, actor: Actor) -> Encoding | None:
        """Return a frame that has arrived since and is worth encoding now, None if there is none."""
        if not self._arrived:
            return None
        camera = next(iter(self._arrived))
        return Encoding(actor, camera, self._arrived.pop(camera))

    def foreseeing(self) -> Foreseeing | None:
        """Return what is to be compared of the newest chunk, once; None: nothing. One is run at a time."""
        found, self._foreseeing = self._foreseeing, None
        return found

    @property
    def future_error(self) -> float | None:
        """How far what was last seen lies from what was foreseen (`Foresight.look`); None: nobody knows."""
        return None if self._foresight is None else self._foresight.error

    def due(self) -> bool:
        """Say whether an observation deserves an inference and none is under way."""
        t_ref_s = self.assembler.t_ref_s()
        if self.inference is not None or t_ref_s is None or t_ref_s == self._tried_t_ref_s:
            return False
        return self._pace.due(t_ref_s, self._last_t_ref_s, self._driving)

    def begin(self, actor: Actor, now_s: float, inference_s: float) -> Inference | Missing:
        """Return an inference of the newest observation to be run, or why there is no observation.

        `now_s` is on the clock of the stamps, `inference_s` how long the inference will probably take.
        RuntimeError: one is under way already.
        """
        if self.inference is not None:
            raise RuntimeError("an inference is under way; ask `due` before beginning another")
        observation = self.assembler.assemble()
        if isinstance(observation, Missing):
            return observation
        turned = self._turned(observation)
        prefix = None if turned else self._prefix(observation.t_ref_s, now_s + inference_s)
        fresh = turned or self._warm is not actor
        self.inference = Inference(observation, self._epoch, actor, self._generator, prefix, fresh)
        self._tried_t_ref_s = self._last_t_ref_s = observation.t_ref_s
        self._warm, self._void = None, False
        return self.inference

    def finish(self, data: np.ndarray, inference_s: float) -> MadeChunk | None:
        """Take the chunk (T, A) of the inference under way; None if it is not wanted any more.

        `inference_s` is how long it took. RuntimeError: no inference is under way.
        """
        if self._void:
            self.discard()
            return None
        inference = self._end()
        seen = inference.observation
        self.made += 1
        self._warm, self._last_state = inference.actor, seen.state[-1]
        if self._foresees:
            if self._foresight is None or inference.fresh:
                self._foresight = Foresight(inference.actor.policy)
            self._foreseeing = Foreseeing(self._foresight, inference, data)
        self._last_chunk = MadeChunk(
            id=self.made,
            epoch=inference.epoch,
            t_ref_s=seen.t_ref_s,
            data=data,
            version=inference.actor.version,
            oldest_input_s=seen.oldest_input_s,
            inference_s=inference_s,
            sampler=inference.actor.sampler.called,
            seed=inference.generator.initial_seed(),
            latent=_latent(inference.actor.sampler),
        )
        return self._last_chunk

    def discard(self) -> None:
        """Drop the inference under way, which ended well but is of no use; RuntimeError if there is none."""
        self.fail()
        self.discarded += 1

    def fail(self) -> None:
        """End the inference under way without a chunk: the next observation is tried as if it had not been.

        RuntimeError: no inference is under way.
        """
        self._end()
        self._last_t_ref_s = None if self._last_chunk is None else self._last_chunk.t_ref_s
        if self._foresight is not None:
            self._foresight.error = None  # that of an older observation

    def _end(self) -> Inference:
        if self.inference is None:
            raise RuntimeError("no inference is under way; `begin` one first")
        ended, self.inference = self.inference, None
        return ended

    def _within_reach(self, time_s: float) -> bool:
        """Say whether the next observation that is due may reach back to a frame of that time."""
        if self._last_t_ref_s is None:
            return True
        spec = self.assembler.spec
        reach_s = (spec.observation_steps - 0.5) * spec.dt_s  # to the oldest step, and half a step beyond
        return time_s >= self._pace.due_s(self._last_t_ref_s, self._driving) - reach_s

    def _prefix(self, t_ref_s: float, done_s: float) -> Prefix | None:
        last = self._last_chunk
        if not self._realtime_chunking or not self._driving or last is None:
            return None
        return chunk_prefix(last.data, last.t_ref_s, t_ref_s, done_s, self._pace.dt_s)

    def _turned(self, observation: Observation) -> bool:
        """Say whether a joint has passed half a turn from home since the last chunk was made.

        The state then shows it a whole turn away, and so would the next chunk: it cannot go on from the last
        one. No other entry of a state changes by as much as half a turn.
        """
        if self._last_chunk is None or self._last_state is None:
            return False
        return float(np.abs(observation.state[-1] - self._last_state).max()) > np.pi

    def _count_dropped(self) -> None:
        t_ref_s = self.assembler.t_ref_s()
        self.dropped += self.inference is not None and t_ref_s != self._seen_t_ref_s
        self._seen_t_ref_s = t_ref_s

    def _start_afresh(self) -> None:
        self._tried_t_ref_s, self._last_t_ref_s, self._last_chunk, self._warm = None, None, None, None
        self._void, self._foresight, self._foreseeing = True, None, None


def _latent(sampler: Sampler) -> np.ndarray | None:
    latent = sampler.latent
    return None if latent is None else latent[0].detach().float().cpu().numpy()
