"""Give one of our policies the interface that LeRobot's evaluation loop asks for, and take steps with it.

python examples/act_as_lerobot_policy.py runs/NAME/checkpoints/policy_000003.safetensors
Without a checkpoint the weights are random. LeRobot is not needed: what it would pass in is made up here.
"""

import sys
from pathlib import Path

import torch
from drift.configuration import config_file
from drift_control import load_robot
from drift_core import DiffusionPolicy, load_checkpoint, load_task, load_train_file
from drift_formats.lerobot.adapter import LeRobotPolicy


def random_policy() -> DiffusionPolicy:
    """Return an untrained policy for the task `place` with a Panda, as the smallest recipe has it."""
    torch.manual_seed(0)
    robot = load_robot(config_file("robot", "panda"))
    recipe = load_train_file(config_file("train", "smoke"))
    return DiffusionPolicy(recipe.policy_config(load_task(config_file("task", "place")), robot.n_joints))


def take_steps(policy: DiffusionPolicy, steps: int, environments: int = 2) -> torch.Tensor:
    """Return the actions (steps, environments, A) for pictures and states that are noise."""
    adapter, spec = LeRobotPolicy(policy, "ddim-4"), policy.config.observation
    adapter.reset()  # LeRobot calls it at the beginning of each rollout
    actions = []
    for _ in range(steps):
        observation = {"observation.state": torch.zeros(environments, spec.state_dim)}
        for camera in spec.cameras:  # float in [0, 1], as `preprocess_observation` of LeRobot makes them
            picture = torch.rand(environments, 3, camera.height, camera.width)
            observation[f"observation.images.{camera.name}"] = picture
        actions.append(adapter.select_action(observation))  # a new chunk when the last one is used up
    return torch.stack(actions)


def main(checkpoint: str = "") -> None:
    policy = load_checkpoint(Path(checkpoint)).policy if checkpoint else random_policy()
    actions = take_steps(policy.eval(), steps=12)
    print(f"{len(actions)} steps of {actions.shape[1]} environments, actions of {actions.shape[2]} numbers")
    print(f"a chunk of {policy.config.chunk_steps} steps after every {policy.config.action_steps}")


if __name__ == "__main__":
    main(*sys.argv[1:])
