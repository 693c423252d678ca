"""Learning without ROS: networks, samplers, rank modulation, observations, episodes, training.

`__all__` is what other programs may rely on; everything else may change. A name is loaded when it is first
used, because torch takes a second to load and much of this package does without it.
"""

from importlib import import_module
from typing import Any

# name: module below this package
_HOME = {
    "CheckpointError": "errors",
    "ShapeError": "errors",
    "DataError": "errors",
    "TaskConfig": "task",
    "load_task": "task",
    "CameraSpec": "observation.spec",
    "Observation": "observation.spec",
    "ObservationSpec": "observation.spec",
    "Assembler": "observation.assembler",
    "Episode": "episodes",
    "EpisodeMeta": "episodes",
    "EpisodeStore": "episodes",
    "EpisodeWriter": "episodes",
    "read_episode": "episodes",
    "WindowSet": "data.windows",
    "cut_windows": "data.windows",
    "WindowDataset": "data.dataset",
    "DiffusionPolicy": "policy.policy",
    "PolicyConfig": "policy.policy",
    "PolicyLoop": "policy.loop",
    "Normalizer": "policy.normalizer",
    "Batch": "policy.batch",
    "load_checkpoint": "policy.checkpoint",
    "load_latest": "policy.checkpoint",
    "save_checkpoint": "policy.checkpoint",
    "Sampler": "samplers",
    "make_sampler": "samplers",
    "Denoiser": "denoisers",
    "make_denoiser": "denoisers",
    "Engine": "engines",
    "make_engine": "engines",
    "RankReport": "rank",
    "merge": "rank",
    "modulate": "rank",
    "rank_report": "rank",
    "set_rank": "rank",
    "RankSchedule": "rank.schedule",
    "TrainConfig": "training.config",
    "TrainFile": "training.config",
    "load_train_file": "training.config",
    "Trainer": "training.trainer",
    "Objective": "objectives",
    "Rounds": "training.rounds",
    "train_round": "training.rounds",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
