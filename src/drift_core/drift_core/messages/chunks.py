"""Chunks in messages as the recorder keeps them."""

from typing import Any

import numpy as np

from drift_core.episodes import ChunkRecord
from drift_core.errors import ShapeError
from drift_core.messages.steps import seconds

ACTION_SPACES = {1: "tcp_pose", 2: "joint_position"}  # by the constants of ActionChunk


def to_chunk_record(msg: Any, arrival_s: float) -> ChunkRecord:
    """Return one `action_chunk` message as a row of an episode; `arrival_s`: on the steady clock.

    ShapeError: its numbers do not fill its steps. What it was made with may be missing, as in bags of before.
    """
    return ChunkRecord(
        id=msg.id,
        epoch=msg.epoch,
        stamp_s=seconds(msg.header.stamp),
        arrival_s=arrival_s,
        dt_s=msg.dt,
        action_space=ACTION_SPACES.get(msg.action_space, f"unknown ({msg.action_space})"),
        policy_version=msg.policy_version,
        oldest_input_s=seconds(msg.oldest_input),
        inference_ms=msg.inference_ms,
        sampler=getattr(msg, "sampler", ""),
        seed=getattr(msg, "seed", 0),
        data=_matrix(msg, "data", msg.n_steps, msg.data),
        latent=_matrix(msg, "latent", getattr(msg, "latent_steps", 0), getattr(msg, "latent", ())),
    )


def _matrix(msg: Any, name: str, steps: int, values: Any) -> np.ndarray:
    numbers = np.array(values, dtype=float)
    if not steps and not numbers.size:
        return np.empty((0, 0))
    if numbers.size != steps * msg.dim or not numbers.size:
        raise ShapeError(f"chunk {msg.id}: {name} must have {steps} x {msg.dim} numbers, has {numbers.size}")
    return numbers.reshape(steps, msg.dim)
