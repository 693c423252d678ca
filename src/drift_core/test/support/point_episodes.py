"""Episodes of a point that a policy and a person drive in turn, with the chunks of the policy."""

from dataclasses import replace

import numpy as np
from drift_core.episodes import ChunkRecord, EpisodeMeta, EpisodeWriter, StepRecord, read_episode

POLICY, EXPERT = 1, 2


def chunk(number, stamp_s, epoch=1, steps=4, value=0.0):
    data = np.full((steps, 2), value) + np.arange(steps)[:, None]
    latent = np.full((8, 2), 0.5) if number % 2 else np.empty((0, 0))
    return ChunkRecord(
        number, epoch, stamp_s, stamp_s + 0.02, 0.1, "point", 3, stamp_s, 20.0, "ddim-8", 0, data, latent
    )


def record(
    root, name, drives, chunks, kind="intervention", outcome="success", score=None, rewards=(), **changes
):
    """A point at 50 Hz: `drives` are (seconds, source, take-over, chunk id, epoch); actions: 0.01 x tick.

    `rewards`: what was earned until which time [s] from the begin on.
    """
    meta = EpisodeMeta(
        id=name, robot="point", task="walk", seed=1, kind=kind, cameras=(), dt_s=0.1, started_s=1000.0
    )  # fmt: skip
    tick = 0
    with EpisodeWriter(root, replace(meta, rewarded=len(rewards) > 0, **changes)) as writer:
        for reward, until_s in rewards:
            writer.add_reward(reward, 1000.0 + until_s)
        for seconds, source, take_over, chunk_id, epoch in drives:
            for _ in range(round(50 * seconds)):
                now_s = 1000.0 + tick / 50
                point = np.full(2, 0.01 * tick)
                writer.add_joints(point, 0.0, now_s, now_s)
                step = StepRecord(
                    now_s, tick, source, epoch, take_over, chunk_id, 3 * (source == POLICY), -1.0, None, None,
                    point, 0,
                )  # fmt: skip
                writer.add_step(step)
                tick += 1
        for made in chunks:
            writer.add_chunk(made)
        return read_episode(writer.close(outcome, score))


CORRECTED = [(1.0, POLICY, 0, 1, 1), (1.0, EXPERT, 1, 0, 1), (0.4, POLICY, 1, 9, 2)]


def attempt(root, name, value):
    """Chunk 1 drives for 0.4 s, chunk 2 for 0.3 s; chunk 3 is never executed."""
    drives = [(0.4, POLICY, 0, 1, 1), (0.3, POLICY, 0, 2, 1)]
    chunks = [chunk(1, 1000.0, value=value), chunk(2, 1000.4, value=value + 10), chunk(3, 1000.6)]
    return record(root, name, drives, chunks, kind="evaluation")
