"""A small task, its robot, random checkpoints for both, and a runtime with the inputs that it needs."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from drift_control.inputs import JointMessage
from drift_control.robot.robot import load_robot
from drift_core.denoisers import DenoiserConfig, MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.fetching import NoAnswerError
from drift_core.pieces import Piece
from drift_core.policy.checkpoint import save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.policy.pieces import read_piece
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.policy.versions import Versions
from drift_core.rank.schedule import ConstantRank
from drift_core.task import load_task
from drift_core.training.config import TrainConfig
from drift_core.training.trainer import Trainer
from drift_policy_node.config import PolicyNodeConfig
from drift_policy_node.runtime import PolicyRuntime

torch.set_num_threads(1)  # on busy cores the threads of small networks mostly wait for each other

CONFIG = Path(__file__).resolve().parents[3] / "config"
STREAM = TrainConfig(
    steps=1,
    batch_size=1,
    noise_draws=1,
    lr=1e-3,
    warmup_steps=0,
    weight_decay=0.0,
    clip_norm=1.0,
    ema_decay=0.9,
    threads=1,
)
MLP = MlpConfig(width=16, blocks=1, step_dim=8)
TASK = """
name: tiny
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
            foresight=False,
            idle_rate_hz=2.0,
            input_timeout_s=0.5,
            camera_repeat_s=0.5,
            camera_repeat_rad=0.05,
            camera_contrast_min=0.0,  # the pictures here are of one colour
            hang_limit_s=0.8,
            load_limit_s=10.0,
            fetch_mb_s=100.0,
            torch_threads=1,
            seed=3,
        )
        return values | changes

    def config(self, **changes) -> PolicyNodeConfig:
        return PolicyNodeConfig(**self.parameters(**changes))

    def policy(
        self,
        seed: int = 0,
        cameras: tuple[str, ...] = ("front", "wrist"),
        denoiser: DenoiserConfig = MLP,
    ) -> DiffusionPolicy:
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
                denoiser=denoiser,
            )
        )

    def checkpoint(self, version: int, policy: DiffusionPolicy | None = None, **changes) -> tuple[Path, str]:
        info = dict(
            task="tiny", robot="panda", version=version, parent=0, rank=1.0, effective_rank=1.0, step=1,
            loss=None, reason="test", created_s=0.0,
        )  # fmt: skip
        path = checkpoint_path(self.folder / "checkpoints", version)
        return path, save_checkpoint(path, policy or self.policy(version), CheckpointInfo(**(info | changes)))

    def stream(self, first: int = 1) -> Iterator[tuple[Path, str]]:
        """Write versions `first`, ... of one training: the first one whole, then deltas on it."""
        policy = self.policy()
        trainer = Trainer(policy, STREAM, ConstantRank(0.125), torch.Generator().manual_seed(0))
        versions = Versions(self.folder / "checkpoints")
        for version in itertools.count(first):
            with torch.no_grad():  # in the place of gradient steps
                for parameter in trainer.policy.denoiser.parameters():
                    if parameter.requires_grad:
                        parameter.add_(1e-3 * version)
            trainer.restart_averages()
            info = CheckpointInfo(
                task="tiny", robot="panda", version=version, parent=version - 1, rank=0.125,
                effective_rank=0.2, step=version, loss=None, reason="continuous", created_s=0.0,
            )  # fmt: skip
            yield versions.save(*trainer.averaged(), info)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


class TrainerDisk:
    """The trainer's folder, as it is asked for pieces; it does not answer before it is told to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.bench = Bench(folder)
        self.folder, self.answers = folder / "checkpoints", False
        self.asked: list[tuple[str, int, int]] = []
        self.spoil = lambda piece: piece
        self.dies_at: int | None = None  # this piece is not answered, nor what comes after

    def ask(self, name: str, offset: int, length: int) -> Piece:
        if not self.answers:
            raise NoAnswerError
        if len(self.asked) == self.dies_at:
            self.answers = False
            raise NoAnswerError
        self.asked.append((name, offset, length))
        return self.spoil(read_piece(self.folder, name, offset, length))


class Rig:
    """Feed a runtime with cameras at 10 Hz and joints at 20 Hz; `now_s` counts from 100."""

    def __init__(self, bench, **changes):
        self.bench = bench
        self.woken = threading.Event()
        self.trainer = TrainerDisk(bench.folder / "trainer")
        self.runtime = PolicyRuntime(
            bench.config(**changes), bench.robot, bench.task, self.woken.set, self.trainer.ask
        )
        self.runtime.active = self.runtime.configured = True
        self.now_s, self.epoch, self.driving, self.cameras = 100.0, 1, True, ("front", "wrist")
        self.chunks = []
        self.value = 0
        self.frozen, self.frozen_value = "", 7  # a camera that repeats its picture
        self.sweep_rad, self.q = 0.0, bench.robot.home.copy()
        self.clock_s = 0.0  # of ROS time, ahead of `now_s`
        self.broken = {}  # positions by name
        self.delay_s = {"front": 0.0, "wrist": 0.0}
        self.finger_s, self.fingers = 0.0, 0.04  # of a hand with messages of its own; where they stand
        self.finger_stamped = True
        self.names = [*bench.robot.config.joint_names, *bench.robot.config.gripper.joints]

    def tick(self):
        """Let 0.05 s pass."""
        self.now_s = round(self.now_s + 0.05, 6)
        self.value += 1
        if self.value % 2 == 0:
            for camera in self.cameras:
                value = self.frozen_value if camera == self.frozen else self.value
                self.show(camera, self.ros_s - self.delay_s[camera], value)
        self.q[0] += self.sweep_rad
        self.put_joints()
        if self.finger_s and round(self.now_s / 0.05) % round(self.finger_s / 0.05) == 0:
            stamp_s = self.ros_s if self.finger_stamped else 0.0
            message = JointMessage(self.names[7:], [self.fingers] * 2, stamp_s, self.now_s)
            self.runtime.intake.put_joints(message, self.ros_s)
        self.runtime.put_gate(self.epoch, self.driving, self.now_s)
        self.step()

    @property
    def ros_s(self):
        return self.now_s + self.clock_s

    def show(self, camera, stamp_s, value=1):
        image = np.full((16, 16, 3), value % 256, np.uint8)
        self.runtime.intake.put_frame(camera, image, stamp_s, self.now_s, self.ros_s)

    def put_joints(self, stamp_s=None):
        """Send the joints of arm and gripper, with those in `broken` as they are there; None: not at all."""
        positions = dict(zip(self.names, [*self.q, self.fingers, self.fingers], strict=True))
        if self.finger_s:
            positions = dict(zip(self.names[:7], self.q, strict=True))
        sent = {name: q for name, q in (positions | self.broken).items() if q is not None}
        stamp_s = self.ros_s if stamp_s is None else stamp_s
        message = JointMessage([*sent], [*sent.values()], stamp_s, self.now_s)
        self.runtime.intake.put_joints(message, self.ros_s)

    def step(self):
        chunk = self.runtime.step(self.now_s, self.ros_s)
        if chunk is not None:
            self.chunks.append(chunk)

    def settle(self):
        """Wait for the threads, then look at what they did."""
        limit_s = time.monotonic() + 30.0
        while self.busy():
            assert time.monotonic() < limit_s, "the threads did not end"
            self.woken.wait(0.01)
            self.woken.clear()
            self.step()

    def busy(self):
        exchange = self.runtime.exchange
        if exchange._deliveries._order is not None and self.trainer.answers:
            return True
        at_work = self.runtime.loop.inference is not None or exchange._request is not None
        return at_work or self.runtime._encoder.busy

    def step_until(self, reached, limit_s=20.0):
        """Go on, as soon as there is news, until `reached()` holds."""
        end_s = time.monotonic() + limit_s
        while not reached():
            assert time.monotonic() < end_s, f"not within {limit_s} s"
            self.woken.wait(0.01)
            self.step()

    def run(self, ticks):
        for _ in range(ticks):
            self.tick()
            self.settle()


@pytest.fixture
def make_rig(bench):
    rigs = []

    def make(**changes):
        rigs.append(Rig(bench, **changes))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.runtime.close()


@pytest.fixture
def rig(make_rig, bench):
    rig = make_rig()
    path, sha256 = bench.checkpoint(1)
    rig.runtime.exchange.load_now(path, sha256)
    return rig
