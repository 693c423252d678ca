"""Refuse a second gate beside one that runs already: both would command one arm.

Asked in a process of its own, while the files of the stack are read: what starts the stack stays without ROS.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE

from drift.errors import UserError
from drift.stack_arguments import StackArguments


@contextmanager
def no_other_gate(wanted: StackArguments) -> Iterator[None]:
    """Look in the namespace while the block runs; after it, UserError names what was found.

    A stack without a gate needs one elsewhere: nothing is looked for.
    """
    if not wanted.runs("robot"):
        yield
        return
    command = [sys.executable, "-m", "drift.ros.running_gates", wanted.ros_namespace]
    # A session of its own: Ctrl-C is for this process. An exception closes the input, and with that the other
    # process ends; killed, it would leave shared memory behind.
    with subprocess.Popen(
        command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
    ) as looking:
        yield
        said, trouble = looking.stdout.read(), looking.stderr.read()  # type: ignore[union-attr]
    if looking.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {looking.returncode}\n{trouble}")
    if said:
        raise UserError(
            f"a gate is running already: {', '.join(said.splitlines())}; stop its stack, or start this one "
            "in another namespace (namespace:=NAME) or domain (ROS_DOMAIN_ID)"
        )
