"""The in-process shell, set up from the same files as the nodes."""

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from drift.configuration import config_file, nodes_file

os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported

if TYPE_CHECKING:
    from drift_control.gate.config import GateConfig
    from drift_sim.policy_driver import PolicyPace
    from drift_sim.shell import Shell

INFERENCE_S = (
    0.05  # simulated time from observation to chunk; about what the policy node takes on two busy cores
)


def make_shell(robot: str, task: str) -> "Shell":
    """Return a shell for the named robot and task, with the gate and the gamepad as configured."""
    from drift_control.robot.robot import load_robot
    from drift_control.teleop.joystick import load_joystick
    from drift_core.task import load_task
    from drift_sim.shell import Shell

    return Shell(
        load_robot(config_file("robot", robot)),
        load_task(config_file("task", task)),
        gate_config(),
        load_joystick(config_file("joystick", "gamepad")),
    )


def gate_config() -> "GateConfig":
    """Return the gate's parameters as configured."""
    from drift_control.gate.config import GateConfig

    values = node_parameters("expert_gate")
    return GateConfig(**{field.name: values[field.name] for field in fields(GateConfig)})


def policy_pace() -> "PolicyPace":
    """Return how the policy node is paced."""
    from drift_sim.policy_driver import PolicyPace

    values = node_parameters("policy")
    return PolicyPace(
        replan_steps=values["replan_steps"],
        realtime_chunking=values["realtime_chunking"],
        inference_s=INFERENCE_S,
        idle_rate_hz=values["idle_rate_hz"],
    )


def node_parameters(node: str) -> dict[str, Any]:
    """Return the section of `node` in config/nodes.yaml."""
    content = yaml.safe_load(nodes_file().read_text(encoding="utf-8"))
    return content[f"/**/{node}"]["ros__parameters"]
