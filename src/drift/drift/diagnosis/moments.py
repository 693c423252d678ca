"""The observations at which a policy is diagnosed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from drift_core.data.windows import WindowClass, WindowSet
from drift_core.observation.spec import Observation
from drift_core.policy.canary import blank_observation, check_fits
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.policy import DiffusionPolicy

from drift.data.opening import chosen, open_store
from drift.data.origin_files import origin_files
from drift.errors import UserError


@dataclass(frozen=True, eq=False)
class Moment:
    """One observation of an episode, or a blank one."""

    time_s: float  # from the first observation
    driven: str  # by whom, and what for: the window's class in lower case, "blank"
    observation: Observation


def blank_moment(policy: DiffusionPolicy) -> Moment:
    """Return grey pictures and the state in the middle of what the normaliser was fitted on.

    Of a policy that has learned several tasks, for the first of them.
    """
    for task in policy.config.tasks[:1]:
        policy.serve(task)
    blank = blank_observation(policy.config.observation)
    centre = policy.normalizer.state_centre.numpy()
    state = np.broadcast_to(centre, blank.state.shape).astype(np.float32)
    return Moment(0.0, "blank", Observation(blank.t_ref_s, blank.images, state, blank.oldest_input_s))


def episode_moments(
    data: Path, episode: str | None, policy: DiffusionPolicy, info: CheckpointInfo
) -> tuple[str, list[Moment]]:
    """Return the id of an episode, the newest if none is named, and its observations, a policy step apart.

    UserError where it does not fit the checkpoint.
    """
    store = open_store(data)
    name = chosen(store, episode)
    origin = origin_files(info.robot, info.task)
    cut = origin.cutter(store)
    if cut is None:
        raise UserError(f"checkpoint of {info.robot}, {info.task}: {origin.unknown}")
    assert origin.task is not None
    n_joints = 0 if origin.robot is None else origin.robot.n_joints
    check_fits(policy.config, origin.task.observation_spec(n_joints), origin.task.action_space)
    policy.serve(store.meta(name).task)
    windows = cut(name)
    if not len(windows):
        raise UserError(f"episode={name} has no whole observation: {windows.remark}")
    return name, list(_moments(windows, policy))


def _moments(windows: WindowSet, policy: DiffusionPolicy) -> Iterator[Moment]:
    cameras = list(windows.frames)
    for n, t_ref_s in enumerate(windows.t_ref_s):
        rows = windows.frame_rows[windows.frame_index[n]]  # (To, cameras)
        images = {
            camera.name: np.stack(
                [windows.frames[camera.name].image(int(row)) for row in rows[:, cameras.index(camera.name)]]
            )
            for camera in policy.config.observation.cameras
        }
        driven = WindowClass(int(windows.window_class[n])).name.lower().replace("_", " ")
        seen = Observation(float(t_ref_s), images, windows.state[n], float(t_ref_s))
        yield Moment(float(t_ref_s - windows.t_ref_s[0]), driven, seen)
