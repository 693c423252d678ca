"""`drift doctor`: is this machine ready, or the arm that it is to command, and what to do where not."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from drift.doctor import machine, ros
from drift.doctor.camera_places import camera_places
from drift.doctor.discovery import discovery
from drift.doctor.finding import Check, Finding, Severity
from drift.doctor.libraries import libraries
from drift.doctor.rendering import rendering
from drift.errors import UserError
from drift.shared_memory import remove_dead
from drift.stack_arguments import StackArguments, help_text

CHECKS: dict[str, Check] = {
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
    "camera places": camera_places,
    "joystick": machine.joystick,
}
_STYLES = {Severity.PASS: "green", Severity.WARN: "yellow", Severity.FAIL: "bold red"}


def _option(name: str) -> typer.models.OptionInfo:
    return typer.Option(help=help_text(name), metavar="NAME")


def main(
    robot: Annotated[
        str,
        typer.Option(
            help="ask the running driver of this arm instead: a file of config/robots", metavar="NAME"
        ),
    ] = "",
    gripper: Annotated[str, _option("gripper")] = "",
    task: Annotated[str, _option("task")] = StackArguments.task,
    namespace: Annotated[str, _option("namespace")] = "",
    controller: Annotated[str, _option("controller")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print a list of rows as JSON")] = False,
) -> None:
    """Check Python, ROS, rendering, DDS, devices and disk; with --robot the arm's driver and the cameras.

    Exit code 1 when the stack cannot work. Nothing is changed, and nothing moves.
    """
    if not robot and (gripper or namespace or controller or task != StackArguments.task):
        raise UserError("gripper, task, namespace and controller are for an arm: say --robot NAME as well")
    rows = _of_robot(robot, gripper, task, namespace, controller) if robot else _of_machine()
    findings = []
    console = Console(highlight=False)
    for name, finding in rows:
        findings.append((name, finding))
        if not as_json:
            _show(console, name, finding)
    remove_dead()  # should a check have been killed
    failed = sum(finding.status is Severity.FAIL for _, finding in findings)
    if as_json:
        print(json.dumps([{"check": name, **asdict(finding)} for name, finding in findings], indent=1))
    else:
        console.print("ready" if not failed else f"{failed} of {len(findings)} checks failed")
    raise typer.Exit(1 if failed else 0)


def _of_machine() -> Iterator[tuple[str, Finding]]:
    for name, check in CHECKS.items():
        yield name, check()


def _of_robot(
    robot: str, gripper: str, task: str, namespace: str, controller: str
) -> Iterable[tuple[str, Finding]]:
    from drift.doctor.robot.ask import ask  # reads arms and tasks

    return ask(
        StackArguments(
            robot=robot, gripper=gripper, sim="none", task=task, namespace=namespace, controller=controller
        )
    )


def _show(console: Console, name: str, finding: Finding) -> None:
    style = _STYLES[finding.status]
    console.print(f"[{style}]{finding.status.value}[/] {name:<16} ", end="", soft_wrap=True)
    console.print(finding.text, soft_wrap=True, markup=False)
    if finding.advice:
        console.print(f"{'':21} → {finding.advice}", soft_wrap=True, markup=False)
