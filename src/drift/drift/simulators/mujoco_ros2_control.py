"""mujoco_ros2_control: real ros2_control on MuJoCo, in one process; no maker's description is needed."""

from drift.node_spec import SIMULATION, NodeSpec
from drift.simulators.simulator import (
    Cell,
    Simulator,
    as_yaml,
    check_installed,
    description_node,
    hand_remapping,
    judge,
    spawner,
)

_PACKAGES = ("mujoco_ros2_control", "mujoco_ros2_control_msgs", "mujoco_ros2_control_plugins")


def mujoco_ros2_control(cell: Cell) -> Simulator:
    """Return what runs the cell; UserError names what is not installed."""
    from drift_sim.external.controllers import controller_parameters  # these load MuJoCo
    from drift_sim.external.mirror import Mirror
    from drift_sim.mujoco_ros2_control.cell import build_cell
    from drift_sim.mujoco_ros2_control.description import build_description
    from drift_sim.mujoco_ros2_control.plugins import plugin_parameters

    mirror = Mirror(cell.robot, cell.task)
    mirror.reset_objects(cell.told.seed)
    check_installed("mujoco_ros2_control", _PACKAGES)
    told, mjcf, urdf = cell.told, cell.folder / "cell.xml", cell.folder / "robot.urdf"
    controllers, plugins = cell.folder / "controllers.yaml", cell.folder / "plugins.yaml"
    description = build_description(mirror, str(mjcf))
    describing, described = description_node(description, cell.folder / "description.yaml")
    rates = told.camera_rate_hz, told.ground_truth_rate_hz
    files = {
        mjcf: build_cell(mirror),
        urdf: description,
        controllers: as_yaml(
            controller_parameters(cell.robot.config, cell.controller, told.joint_state_rate_hz)
        ),
        plugins: as_yaml(plugin_parameters(cell.task, cell.namespace, *rates)),
        **described,
    }
    joint_states, *_ = cell.robot.config.joint_state_topics
    simulator = NodeSpec(
        "simulator",
        "mujoco_ros2_control",
        "ros2_control_node",
        parameter_files=(controllers, plugins),
        remappings={} if joint_states == "joint_states" else {"joint_states": joint_states},
        own_names=True,
        essential=True,
        stop_stage=SIMULATION,
    )
    nodes = (simulator, describing, spawner(cell, controllers), judge(cell, "mujoco_mirror"))
    return Simulator(nodes, files, hand_remapping(cell))
