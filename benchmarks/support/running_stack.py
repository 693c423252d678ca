"""A stack of real processes for benchmarks, in a domain of its own: simulation, gate, what is asked for."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # before anything of ROS is started
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import torch  # noqa: E402
from benchmarks.support.distinct_weights import perturb  # noqa: E402
from drift.configuration import config_file  # noqa: E402
from drift.processes.supervisor import ProcessSupervisor  # noqa: E402
from drift.ros_command import processes  # noqa: E402
from drift.stack import StackSpec, stack  # noqa: E402
from drift.stack_arguments import StackArguments  # noqa: E402
from drift_control.robot.pose import pose_to_action  # noqa: E402
from drift_control.robot.robot import Robot, load_robot  # noqa: E402
from drift_core.denoisers import DenoiserConfig  # noqa: E402
from drift_core.policy.checkpoint import save_checkpoint  # noqa: E402
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.policy.policy import DiffusionPolicy  # noqa: E402
from drift_core.policy.versions import Versions  # noqa: E402
from drift_core.task import load_task  # noqa: E402
from drift_core.training.config import load_train_file  # noqa: E402
from drift_core.training.trainer import Trainer  # noqa: E402
from drift_ros.session import SessionClient  # noqa: E402

ROBOT, TASK, RECIPE = "panda", "place", "demo"
START_LIMIT_S = 60.0
NEAR_M = 0.02  # a random policy wanders by this much about home, and so is never clamped
UNET_NEAR_M = 0.012  # whose random chunks are rougher


@dataclass
class RunningStack:
    """Simulation and gate that run, and what runs beside them."""

    plan: StackSpec
    supervisor: ProcessSupervisor
    client: SessionClient
    robot: Robot
    beside: dict[str, ProcessSupervisor] = field(default_factory=dict)

    def start(self, name: str) -> ProcessSupervisor:
        """Start one more node of the stack; it is respawned when it dies."""
        spec = [process for process in processes(self.plan) if process.name == name]
        supervisor = self.beside[name] = ProcessSupervisor(spec, self.plan.run.logs)
        supervisor.start()
        return supervisor

    def parameters(self, name: str) -> dict[str, bool | int | float | str]:
        """Return what the stack tells a node."""
        (found,) = (node.parameters for node in self.plan.nodes if node.name == name)
        return found

    def pid(self, name: str) -> int:
        """Return the process id of a node."""
        pid = (self.beside.get(name) or self.supervisor).status()[name].pid
        if pid is None:
            raise RuntimeError(f"{name} does not run")
        return pid

    def make_ready(self) -> None:
        """Wait until the gate answers and arm it at home."""
        self.client.wait_for_servers("gate/arm", "gate/home", limit_s=START_LIMIT_S)
        self.client.wait_until(
            lambda: self.client.gate_state is not None and self.client.gate_state.text == "not armed",
            START_LIMIT_S,
            "the first joint states",
        )
        self.client.arm()

    def start_policy(self, denoiser: DenoiserConfig | None = None) -> None:
        """Start a policy with random weights that stays near home, and wait until it is active."""
        save_random_policy(self.plan.run.checkpoints, self.robot, 1, denoiser)
        self.start("policy")
        self.client.wait_until(
            lambda: self.client.policy_state is not None and self.client.policy_state.version > 0,
            START_LIMIT_S,
            "the policy to load its checkpoint",
        )


@contextmanager
def running_stack(
    rate_hz: float = 50.0,
    expert: str = "none",
    remap: dict[str, dict[str, str]] | None = None,
    on_clock: tuple[str, ...] = (),
    recipe: str = RECIPE,
) -> Iterator[RunningStack]:
    """Run simulation and gate until the end of the block, in a temporary folder.

    `remap`: topics by node. `on_clock`: nodes that take ROS time from /clock, which somebody must publish.
    `recipe`: the file of config/train.
    """
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-benchmark-")))
        overlay = folder / "rate.yaml"
        overlay.write_text(f"/**/expert_gate:\n  ros__parameters:\n    rate_hz: {rate_hz}\n")
        arguments = StackArguments(
            robot=ROBOT,
            task=TASK,
            train=recipe,
            expert=expert,
            run=str(folder / "run"),
            params_file=str(overlay),
        )
        plan = stack(arguments)
        nodes = (replace(n, remappings={**n.remappings, **(remap or {}).get(n.name, {})}) for n in plan.nodes)
        nodes = (replace(n, parameters={**n.parameters, "use_sim_time": n.name in on_clock}) for n in nodes)
        plan = replace(plan, nodes=tuple(nodes))
        plan.run.create()
        core = [spec for spec in processes(plan) if spec.essential]
        supervisor = cleanup.enter_context(ProcessSupervisor(core, plan.run.logs))
        client = cleanup.enter_context(SessionClient())
        running = RunningStack(plan, supervisor, client, load_robot(config_file("robot", ROBOT)))
        cleanup.callback(lambda: [beside.stop() for beside in running.beside.values()])
        yield running


def random_policy(robot: Robot, seed: int = 0, denoiser: DenoiserConfig | None = None) -> DiffusionPolicy:
    """Return the demo's policy, or one with another network, with random weights and a normaliser of small
    motions about home."""
    torch.manual_seed(seed)
    config = load_train_file(config_file("train", RECIPE)).policy_config(
        load_task(config_file("task", TASK)), robot.n_joints
    )
    policy = DiffusionPolicy(replace(config, denoiser=denoiser or config.denoiser))
    perturb(policy, seed)
    home = pose_to_action(robot.forward(robot.home), robot.config.gripper.opening_max_m / 2.0)
    policy.normalizer.action_centre.copy_(torch.from_numpy(home).float())
    policy.normalizer.action_half_range.fill_(NEAR_M if denoiser is None else UNET_NEAR_M)
    return policy


def save_deltas(
    folder: Path, robot: Robot, versions: Sequence[int], denoiser: DenoiserConfig | None
) -> list[Path]:
    """Write that policy at the demo's rank, whole as the first of `versions`, and the others as deltas on it.

    In the place of gradient steps, every number that trains is moved at random.
    """
    recipe = load_train_file(config_file("train", RECIPE))
    trainer = Trainer(
        random_policy(robot, versions[0], denoiser),
        recipe.online,
        recipe.rank.online,
        torch.Generator().manual_seed(0),
        replace(recipe.rank.modulation, averages="restart"),
    )
    writer, paths = Versions(folder), []
    for version in versions:
        with torch.no_grad():
            for parameter in trainer.policy.parameters():
                if parameter.requires_grad:
                    parameter.add_(1e-3 * torch.randn(parameter.shape))
        trainer.restart_averages()
        info = replace(_info(version), rank=trainer.rank, effective_rank=trainer.effective_rank)
        paths.append(writer.save(*trainer.averaged(), info)[0])
    return paths


def save_random_policy(folder: Path, robot: Robot, version: int, denoiser: DenoiserConfig | None) -> Path:
    """Write that policy as a checkpoint; every version has weights of its own."""
    path = checkpoint_path(folder, version)
    save_checkpoint(path, random_policy(robot, version, denoiser), _info(version), latest=version == 1)
    return path


def _info(version: int) -> CheckpointInfo:
    return CheckpointInfo(
        task=TASK, robot=ROBOT, version=version, parent=0, rank=1.0, effective_rank=1.0, step=1, loss=None,
        reason="random weights", created_s=0.0,
    )  # fmt: skip
