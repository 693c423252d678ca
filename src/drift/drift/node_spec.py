"""One node of a stack, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Parameter = bool | int | float | str | list[str]
OTHERS, GATE, SIMULATION = 0, 1, 2  # stop stages: the gate brings the arm to rest while the arm still listens


@dataclass(frozen=True)
class NodeSpec:
    """One node to start."""

    name: str
    package: str
    executable: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)  # win over the files
    parameter_files: tuple[Path, ...] = ()  # later ones win over earlier ones
    remappings: dict[str, str] = field(default_factory=dict)
    part: str = "robot"  # of the stack: what runs on one machine
    arguments: tuple[str, ...] = ()  # for programs that take more than ROS arguments
    essential: bool = False  # its death ends the whole stack; any other node is respawned
    once: bool = False  # it does its work and ends with 0; any other end ends the whole stack
    own_names: bool = False  # the program has several nodes, which keep their names
    stop_stage: int = OTHERS
    environment: Mapping[str, str] = field(default_factory=dict)  # wins over the stack's, and the user's
    watchdog_s: float | None = None  # it sends heartbeats; silent for so long it hangs (`drift up` only)
