"""`drift doctor`: is this machine ready, and what to do where it is not."""

from collections.abc import Callable

import typer
from rich.console import Console

from drift.doctor import machine, ros
from drift.doctor.discovery import discovery
from drift.doctor.finding import Finding, Severity
from drift.doctor.libraries import libraries
from drift.doctor.rendering import rendering
from drift.shared_memory import remove_dead

CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": machine.python,
    "ROS 2": ros.ros,
    "workspace": ros.workspace,
    "libraries": libraries,
    "rendering": rendering,
    "discovery": discovery,
    "DDS profile": ros.dds_profile,
    "shared memory": machine.shared_memory,
    "images over DDS": ros.image_loopback,
    "disk": machine.disk,
    "GPU": machine.gpu,
    "cameras": machine.cameras,
    "joystick": machine.joystick,
}
_STYLES = {Severity.PASS: "green", Severity.WARN: "yellow", Severity.FAIL: "bold red"}


def main() -> None:
    """Check Python, ROS, rendering, DDS, devices and disk; exit code 1 when the stack cannot work."""
    console = Console(highlight=False)
    findings = []
    for name, check in CHECKS.items():
        finding = check()
        findings.append(finding)
        console.print(
            f"[{_STYLES[finding.status]}]{finding.status.value}[/] {name:<16} {finding.text}", soft_wrap=True
        )
        if finding.advice:
            console.print(f"{'':21} → {finding.advice}", soft_wrap=True)
    remove_dead()  # should a check have been killed
    failed = sum(finding.status is Severity.FAIL for finding in findings)
    console.print("ready" if not failed else f"{failed} of {len(findings)} checks failed")
    raise typer.Exit(1 if failed else 0)
