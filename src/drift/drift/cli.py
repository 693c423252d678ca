"""The command line `drift`. Each command is a module of drift.commands with a function `main`."""

import os
import sys

import typer
from drift_config.errors import DriftError
from drift_ros.errors import SessionError

from drift.commands import demo, doctor, eval, joystick, session, teleop, train, up
from drift.errors import StackError, UserError

app = typer.Typer(
    help="Train and run a diffusion policy on a robot arm that learns from your corrections.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.main)
app.command("demo")(demo.main)
app.command("session")(session.main)
app.command("teleop")(teleop.main)
app.command("joystick")(joystick.main)
app.command("train")(train.main)
app.command("eval")(eval.main)
app.command("doctor")(doctor.main)


def main() -> None:
    """Run the command; wrong input is one line and exit code 2, a stack that fails exit code 1."""
    try:
        app()
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
