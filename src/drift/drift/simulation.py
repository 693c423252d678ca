"""The in-process shell, set up from the same files as the nodes."""

from dataclasses import fields
from typing import TYPE_CHECKING

from drift.configuration import config_file

if TYPE_CHECKING:
    from drift_control.gate.config import GateConfig
    from drift_sim.environments.arm_cell import ArmCell
    from drift_sim.policy_driver import PolicyPace
    from drift_sim.shell import Shell


INFERENCE_S = (
    0.05  # simulated time from observation to chunk; about what the policy node takes on two busy cores
)


def make_shell(robot: str, task: str) -> "Shell[ArmCell]":
    """Return a shell for the named robot and task, with the gate and the expert's joystick as configured."""
    from drift_control.robot.robot import load_robot
    from drift_control.teleop.joystick import load_joystick
    from drift_core.task import load_task
    from drift_sim.environments.arm_cell import ArmCell
    from drift_sim.shell import Shell

    cell = ArmCell(
        load_robot(config_file("robot", robot)),
        load_task(config_file("task", task)),
        gate_config(),
        load_joystick(config_file("joystick", "scripted")),
    )
    return Shell(cell)


def gate_config() -> "GateConfig":
    """Return the gate's parameters as configured."""
    from drift_control.gate.config import GateConfig
    from expert_gate_node.config import ExpertGateConfig

    from drift.node_parameters import defaults

    node = defaults(ExpertGateConfig)
    return GateConfig(**{field.name: getattr(node, field.name) for field in fields(GateConfig)})


def policy_pace() -> "PolicyPace":
    """Return how the policy node is paced."""
    from drift_policy_node.config import PolicyNodeConfig
    from drift_sim.policy_driver import PolicyPace

    from drift.node_parameters import defaults

    node = defaults(PolicyNodeConfig)
    return PolicyPace(
        replan_steps=node.replan_steps,
        realtime_chunking=node.realtime_chunking,
        inference_s=INFERENCE_S,
        idle_rate_hz=node.idle_rate_hz,
    )
