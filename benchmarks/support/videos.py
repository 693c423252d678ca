"""Episodes that were only watched: demonstrations without their control steps."""

from pathlib import Path

from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter


def add_videos(demonstrations: Path, count: int, folder: Path) -> None:
    """Let `folder` have `count` videos, of the first demonstrations of another folder."""
    there, store = EpisodeStore(folder).ids(), EpisodeStore(demonstrations)
    for number, episode_id in enumerate(store.ids()[:count]):
        name = f"video_{number:06d}"
        if name in there:
            continue
        episode = store.read(episode_id)
        of = episode.meta
        meta = EpisodeMeta(
            name, of.robot, of.task, of.seed, "demonstration", of.cameras, of.dt_s, of.started_s
        )
        with EpisodeWriter(folder, meta) as writer:
            joints = episode.joints
            for sample in zip(
                joints.positions_rad, joints.gripper_m, joints.stamp_s, joints.arrival_s, strict=True
            ):
                writer.add_joints(*sample)
            for camera, frames in episode.frames.items():
                for image, *times in zip(frames.images(), frames.stamp_s, frames.arrival_s, strict=True):
                    writer.add_frame(camera, image, *times)
            writer.close(of.outcome or "success")
