"""What the entries of our states and actions are called in a set."""

from drift_formats.format import Cell

POSE = ("tcp_x", "tcp_y", "tcp_z", "tcp_r11", "tcp_r21", "tcp_r31", "tcp_r12", "tcp_r22", "tcp_r32")
GRIPPER = "gripper"
POINT = ("x", "y")


def state_names(cell: Cell) -> tuple[str, ...]:
    """Return the S names of a state: TCP pose [m], opening [m], joints [rad]; or a point [m]."""
    return POINT if cell.arm is None else (*POSE, GRIPPER, *cell.arm.config.joint_names)


def action_names(cell: Cell) -> tuple[str, ...]:
    """Return the A names of an action."""
    if cell.arm is None:
        return POINT
    joints = cell.task.action_space == "joint_position"
    return (*cell.arm.config.joint_names, GRIPPER) if joints else (*POSE, GRIPPER)
