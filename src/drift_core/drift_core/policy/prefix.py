"""Real-time chunking: what of the running chunk the next one has to begin with."""

import math

import numpy as np
import torch

from drift_core.samplers import Prefix, prefix_weights


def chunk_prefix(
    old: np.ndarray, old_t_ref_s: float, t_ref_s: float, done_s: float, dt_s: float
) -> Prefix | None:
    """Return the old chunk (T, A) on the time grid of the new one, or None when nothing of it is left.

    Steps due before `done_s`, the expected end of the inference, run from the old chunk anyway and are
    imposed, and so is the one after them: the arm is on its way there when the new chunk takes over. From
    there to the end of the old chunk the weights fall off, and the rest is free.
    """
    horizon = len(old)
    shift = (t_ref_s - old_t_ref_s) / dt_s  # new step i is old step i + shift
    overlap = min(math.floor(horizon - 1 - shift + 1e-6) + 1, horizon)  # new steps the old chunk reaches
    if shift < 0.0 or overlap < 1:
        return None
    imposed = min(max(math.floor((done_s - t_ref_s) / dt_s + 1e-6), 0) + 1, overlap)
    at = np.arange(horizon) + shift
    grid = np.arange(horizon)
    known = np.stack([np.interp(at, grid, column) for column in old.T], axis=1)  # (T, A)
    return Prefix(torch.from_numpy(known.astype(np.float32))[None], prefix_weights(imposed, overlap, horizon))
