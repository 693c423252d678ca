"""Chunks of set-points between messages and `drift_control`."""

import numpy as np
from drift_control.inputs import Chunk
from drift_interfaces.msg import ActionChunk

from drift_ros.clock import to_seconds, to_stamp

ACTION_SPACES = {ActionChunk.TCP_POSE: "tcp_pose", ActionChunk.JOINT_POSITION: "joint_position"}
_SPACE_NUMBERS = {name: number for number, name in ACTION_SPACES.items()}


def to_chunk(msg: ActionChunk, arrival_s: float) -> Chunk:
    """Return a chunk; one whose data do not fit its shape keeps them as one row, for the gate to refuse."""
    data = np.array(msg.data, float)
    fits = data.size == msg.n_steps * msg.dim
    return Chunk(
        id=msg.id,
        epoch=msg.epoch,
        stamp_s=to_seconds(msg.header.stamp),
        dt_s=msg.dt,
        data=data.reshape(msg.n_steps, msg.dim) if fits else data.reshape(1, -1),
        action_space=ACTION_SPACES.get(msg.action_space, f"unknown ({msg.action_space})"),
        policy_version=msg.policy_version,
        oldest_input_s=to_seconds(msg.oldest_input),
        arrival_s=arrival_s,
    )


def to_chunk_message(
    chunk: Chunk,
    frame_id: str,
    inference_ms: float,
    sampler: str = "",
    seed: int = 0,
    latent: np.ndarray | None = None,
) -> ActionChunk:
    """Return the message of a chunk; its arrival time is not sent.

    `sampler`, `seed` and `latent` (horizon, A): what it was made with, as of a `MadeChunk`.
    """
    steps, dim = chunk.data.shape
    msg = ActionChunk(
        id=chunk.id,
        epoch=chunk.epoch,
        dt=chunk.dt_s,
        n_steps=steps,
        dim=dim,
        data=np.asarray(chunk.data, float).ravel().tolist(),
        action_space=_SPACE_NUMBERS[chunk.action_space],
        policy_version=chunk.policy_version,
        oldest_input=to_stamp(chunk.oldest_input_s),
        inference_ms=inference_ms,
        sampler=sampler,
        seed=seed,
        latent_steps=0 if latent is None else len(latent),
        latent=[] if latent is None else latent.ravel().tolist(),
    )
    msg.header.stamp, msg.header.frame_id = to_stamp(chunk.stamp_s), frame_id
    return msg
