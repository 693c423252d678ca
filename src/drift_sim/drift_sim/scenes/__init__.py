"""Kinds of scenes, found by the `kind` of a task's scene."""

from drift_config.errors import ConfigError
from drift_core.task import TaskConfig

from drift_sim.scenes.fork import Fork
from drift_sim.scenes.scene import ArmScene
from drift_sim.scenes.table.scene import TableScene

SCENES: dict[str, type[TableScene] | type[Fork]] = {
    "table": TableScene,
    "fork": Fork,
}


def make_scene(task: TaskConfig) -> ArmScene | Fork:
    """Return the scene of `task`; raise ConfigError for an unknown kind, or what else is wrong in it."""
    kind = task.scene.get("kind")
    if kind not in SCENES:
        raise ConfigError(f"scene.kind={kind!r} of task {task.name} must be one of {', '.join(SCENES)}")
    return SCENES[kind](task)


def make_arm_scene(task: TaskConfig) -> ArmScene:
    """Return the scene of a task for an arm; raise ConfigError for a task without arm, too."""
    scene = make_scene(task)
    if not isinstance(scene, ArmScene):
        raise ConfigError(f"scene.kind={task.scene['kind']!r} of task {task.name} has no arm")
    return scene
