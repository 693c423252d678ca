"""Where the console listens, and the file that tells its owner, and nobody else."""

import json
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from drift_config.errors import ConfigError

from drift_console_node.access import Tokens
from drift_console_node.config import ConsoleConfig

FILE = "console.json"  # in the run's folder
_PORTS = 20  # that are tried


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at `port` or one of the next 19; ConfigError if none is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last = port if port == 0 else min(port + _PORTS - 1, 65535)
    reason = ""
    for candidate in range(port, last + 1):
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((host, candidate))
            opened.listen(64)
            return opened
        except OSError as error:
            opened.close()
            reason = error.strerror or str(error)
    raise ConfigError(f"host={host}, port={port} to {last} cannot be listened at: {reason}")


def url(config: ConsoleConfig, port: int) -> str:
    """Return the console's address without a token."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(config.host, config.host)
    host = f"[{shown}]" if ":" in shown else shown
    return f"http{'s' if config.tls_certificate else ''}://{host}:{port}/"


def kept_tokens(folder: Path) -> Tokens:
    """Return the tokens of a console that ran here before, so that open pages go on; else new ones.

    A file that others could read or write is not believed.
    """
    said, fresh = _read(folder), Tokens.new()
    tokens = Tokens(said.get("driver_token", ""), said.get("viewer_token", ""))
    return tokens if len(tokens.driver) == len(tokens.viewer) == len(fresh.driver) else fresh


def read_address(folder: Path) -> str:
    """Return the address with its token of the run in `folder`; empty where there is none of ours."""
    return _read(folder).get("address", "")


def _read(folder: Path) -> dict[str, str]:
    """Return what the file says, nothing where it is not of this user alone."""
    with suppress(OSError, ValueError):
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == 0o600:
                said = json.load(file)
                if isinstance(said, dict):
                    return {str(key): value for key, value in said.items() if isinstance(value, str)}
    return {}


def write_address(folder: Path, address: str, tokens: Tokens) -> Path:
    """Write addresses and tokens so that only this user can read them; return the file."""
    said = {
        "address": f"{address}#t={tokens.driver}",
        "to_look_only": f"{address}#t={tokens.viewer}",
        "driver_token": tokens.driver,
        "viewer_token": tokens.viewer,
    }
    path, beside = folder / FILE, folder / f".{FILE}.{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
    os.replace(beside, path)
    return path
