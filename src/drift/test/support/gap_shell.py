"""The in-process shell of the task that is learned in seconds."""

import sys

import gap_environment
from drift.experiment.task import StudyTask
from drift_sim.environments.child import Child
from drift_sim.environments.served import ServedEnvironment
from drift_sim.environments.setting import Setting
from drift_sim.expert.vector import TakeOver
from drift_sim.shell import Shell

SETTING = Setting(
    horizon=8, observation_steps=1, action_steps=4, take_over=TakeOver(patience_steps=3, hand_back_steps=10)
)
TASK = StudyTask("place", "state")  # stands for it, as it is in no list of tasks


def gap_shell(task: StudyTask) -> Shell:
    """Return a shell of it whatever `task` is; its process is the shell's own."""
    command = [sys.executable, gap_environment.__file__, "gap", "state"]
    return Shell(ServedEnvironment(lambda: Child(command, "gap", 120.0), "gap", SETTING))
