"""Tasks by name, also several that one policy is to learn: place+insert."""

from drift_core.task import TaskConfig, load_task, task_names, together

from drift.configuration import config_file


def named_task(name: str) -> TaskConfig:
    """Return what config/tasks says of `name`; UserError and ConfigError name what is not allowed."""
    return together([load_task(config_file("task", part)) for part in task_names(name)])
