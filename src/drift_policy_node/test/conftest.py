"""A small task, its robot, and random checkpoints for both."""

from pathlib import Path

import pytest
import torch
from drift_control.robot import load_robot
from drift_core.checkpoint import CheckpointInfo, checkpoint_path, save_checkpoint
from drift_core.denoisers import MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.policy import DiffusionPolicy, PolicyConfig
from drift_core.task import load_task
from drift_policy_node.config import PolicyNodeConfig

torch.set_num_threads(1)  # on busy cores the threads of small networks mostly wait for each other

CONFIG = Path(__file__).resolve().parents[3] / "config"
TASK = """
name: tiny
robots: [panda]
cameras:
  - {name: front, topic: camera/front/image_raw, height: 16, width: 16, latency_s: 0.0}
  - {name: wrist, topic: camera/wrist/image_raw, height: 16, width: 16, latency_s: 0.02}
dt_s: 0.1
horizon: 8
observation_steps: 2
action_steps: 4
action_space: tcp_pose
max_duration_s: 20.0
scene: {}
"""


class Bench:
    """Everything on disk that a policy node needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.task_file = folder / "tiny.yaml"
        self.task_file.write_text(TASK)
        self.task = load_task(self.task_file)
        self.robot = load_robot(CONFIG / "robots" / "panda.yaml")

    def parameters(self, **changes) -> dict[str, object]:
        values = dict(
            robot_file=str(CONFIG / "robots" / "panda.yaml"),
            task_file=str(self.task_file),
            checkpoint_folder=str(self.folder / "checkpoints"),
            checkpoint_file="",
            autostart=True,
            image_transport="raw",
            sampler="ddim-4",
            engine="eager",
            device="cpu",
            replan_steps=2,
            realtime_chunking=True,
            idle_rate_hz=2.0,
            input_timeout_s=0.5,
            camera_repeat_s=0.5,
            camera_repeat_rad=0.05,
            camera_contrast_min=0.0,  # the pictures here are of one colour
            hang_limit_s=1.0,
            torch_threads=1,
            seed=3,
        )
        return values | changes

    def config(self, **changes) -> PolicyNodeConfig:
        return PolicyNodeConfig(**self.parameters(**changes))

    def policy(self, seed: int = 0, cameras: tuple[str, ...] = ("front", "wrist")) -> DiffusionPolicy:
        torch.manual_seed(seed)
        spec = self.task.observation_spec(self.robot.n_joints)
        seen = tuple(camera for camera in spec.cameras if camera.name in cameras)
        return DiffusionPolicy(
            PolicyConfig(
                observation=type(spec)(seen, spec.state_dim, spec.observation_steps, spec.dt_s),
                action_dim=10,
                action_space="tcp_pose",
                horizon=8,
                action_steps=4,
                encoder=SmallCnnConfig(channels=8, maps=4),
                denoiser=MlpConfig(width=16, blocks=1, step_dim=8),
            )
        )

    def checkpoint(self, version: int, policy: DiffusionPolicy | None = None, **changes) -> tuple[Path, str]:
        info = dict(
            task="tiny", robot="panda", version=version, parent=0, rank=1.0, effective_rank=1.0, step=1,
            loss=None, reason="test", created_s=0.0,
        )  # fmt: skip
        path = checkpoint_path(self.folder / "checkpoints", version)
        return path, save_checkpoint(path, policy or self.policy(version), CheckpointInfo(**(info | changes)))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
