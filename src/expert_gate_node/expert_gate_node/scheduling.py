"""Real-time scheduling of the control process, as ros2_control does it, where the system permits it."""

import os
from pathlib import Path


def run_before_others(priority: int) -> bool:
    """Schedule all threads of this process first in, first out at `priority` (1..99); False if not permitted.

    The middleware's threads too: a joint state must be received before the tick that needs it.
    """
    try:
        for task in Path("/proc/self/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        return False
    return True
