"""Parameters of the console; the values stand in config/nodes.yaml."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class ConsoleConfig:
    """Where the console listens, whom it believes for how long, and what it shows."""

    task_file: Path
    """config/tasks/<task>.yaml: whose cameras are shown"""
    joystick_file: Path
    """config/joysticks/<name>.yaml: the device that console/joy is to the gate"""
    run_folder: Path
    """where the address with its tokens is written"""
    episode_folder: Path
    """episode store of the run"""
    checkpoint_folder: Path
    """checkpoints of the run"""
    host: Annotated[str, Field(min_length=1)]
    """address to listen at; one that other machines reach needs tls_certificate and tls_key"""
    port: Annotated[int, Field(ge=0, le=65535)]
    """the first to try; one of the 20 after it where it is taken; 0: any"""
    names: str
    """further names of this machine that a browser may call it by, joined by commas"""
    tls_certificate: str
    """file (PEM); empty: without TLS"""
    tls_key: str
    """file (PEM) of its key"""
    insecure_lan: bool
    """listen beyond this machine without TLS: whoever is on the network can read along, and drive"""
    max_age_s: Annotated[float, Field(ge=0.1, le=0.5)]
    """age of an input by the console's own clock, above which it does not count [s]"""
    input_timeout_s: Annotated[float, Field(ge=0.1, le=0.5)]
    """silence of a page that drives, after which the console falls silent, too, and the gate holds [s]"""
    keyboard_speed: Annotated[float, Field(gt=0.0, le=1.0)]
    """share of full speed when driving with keys"""
    image_transport: Literal["raw", "compressed"]
    """which topic of each camera is looked at"""
    jpeg_quality: Annotated[int, Field(ge=30, le=95)]
    """of pictures that come raw"""
    picture_width: Annotated[int, Field(ge=64, le=1920)]
    """at most [pixel]; wider ones are made smaller"""
    niceness: Annotated[int, Field(ge=0, le=19)]
    """of the process: control and policy come first"""

    @model_validator(mode="after")
    def _no_open_door(self) -> "ConsoleConfig":
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError(
                f"tls_certificate={self.tls_certificate!r} and tls_key={self.tls_key!r} must be given "
                "together"
            )
        if not self.loopback and not self.tls_certificate and not self.insecure_lan:
            raise ValueError(
                f"host={self.host} is reached from other machines: it needs tls_certificate and tls_key; "
                "better keep 127.0.0.1 and go through ssh -L 8420:127.0.0.1:8420"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether a name or address is this machine's own, whatever a name server says."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
