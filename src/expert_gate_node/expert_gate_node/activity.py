"""What a controller manager's list of controllers and hardware says about the one that the gate commands."""

from collections.abc import Mapping, Sequence

ACTIVE = "active"  # label of a lifecycle state


def inactive(name: str, controllers: Mapping[str, str], hardware: Mapping[str, str]) -> str:
    """Return why controller `name` executes nothing, in words; empty: it is active, on active hardware.

    Both map names to labels of lifecycle states.
    """
    state = controllers.get(name)
    others = sorted(other for other, label in controllers.items() if label == ACTIVE)
    active = f"active: {', '.join(others) or 'none'}"
    if state is None:
        return f"no controller {name} is loaded; {active}"
    if state != ACTIVE:
        return (
            f"controller {name} is {state}: ros2 control switch_controllers --activate {name} "
            f"(and --deactivate whatever else holds the joints, or leaves the arm free to move; {active})"
        )
    asleep = sorted(f"{part} is {label}" for part, label in hardware.items() if label != ACTIVE)
    return f"hardware {', '.join(asleep)}" if asleep else ""


def joint_order(interfaces: Sequence[str]) -> list[str]:
    """Return the joints of command interfaces `joint/interface`, each once, in their order."""
    return list(dict.fromkeys(name.rpartition("/")[0] for name in interfaces))


def other_order(name: str, joints: list[str], wanted: list[str], by_name: bool) -> str:
    """Return why controller `name` would move other joints than meant, in words; empty: it would not.

    `joints`: its own, in its order, empty where unknown; `by_name`: it sorts what it gets by name.
    """
    same = sorted(joints) == sorted(wanted) if by_name else joints == wanted
    if not joints or same:
        return ""
    return f"the joints of controller {name} are {joints}, must be {wanted}"
