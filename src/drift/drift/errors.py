"""What the command line refuses: said in one line, without a traceback."""

import os
import sys
from collections.abc import Callable

from drift_config.errors import DriftError
from drift_ros.errors import SessionError


class UserError(Exception):
    """Wrong input: the message names the value and what is allowed. Exit code 2."""


class StackError(Exception):
    """The stack did not come up, or ended by itself: the message quotes the process to blame. Exit code 1."""


def run(program: Callable[[], object]) -> None:
    """Run `program`; wrong input is one line and exit code 2, a stack that fails exit code 1."""
    try:
        program()
    except (UserError, DriftError) as error:
        _exit(f"error: {error}", 2)
    except (StackError, SessionError) as error:
        _exit(f"error: {error}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: `drift … | head`
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _exit(f"error: {error.filename}: {error.strerror}", 2)
    except KeyboardInterrupt:
        _exit("interrupted", 130)


def _exit(text: str, code: int) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)
