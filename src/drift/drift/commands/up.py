"""`drift up`: start the stack and keep it running until Ctrl-C."""

import signal
from dataclasses import fields
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from drift.console import PrefixedLog
from drift.errors import UserError
from drift.processes.supervisor import ProcessSupervisor
from drift.second_gate import no_other_gate
from drift.shared_memory import prepare, remove_dead
from drift.signals import handle_end
from drift.stack_arguments import StackArguments, check_names, help_text


def _option(name: str, metavar: str = "NAME") -> typer.models.OptionInfo:
    return typer.Option(help=help_text(name), metavar=metavar)


def main(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME:=VALUE]...", help="the options below, as ros2 launch takes them"),
    ] = None,
    robot: Annotated[str, _option("robot")] = StackArguments.robot,
    gripper: Annotated[str, _option("gripper")] = StackArguments.gripper,
    sim: Annotated[str, _option("sim", "mujoco|gazebo|mujoco_ros2_control|none")] = StackArguments.sim,
    task: Annotated[str, _option("task")] = StackArguments.task,
    expert: Annotated[str, _option("expert")] = StackArguments.expert,
    joystick: Annotated[str, _option("joystick")] = StackArguments.joystick,
    train: Annotated[str, _option("train")] = StackArguments.train,
    planner: Annotated[str, _option("planner")] = StackArguments.planner,
    console: Annotated[str, _option("console", "true|false")] = StackArguments.console,
    namespace: Annotated[str, _option("namespace")] = StackArguments.namespace,
    run: Annotated[str, _option("run", "FOLDER")] = StackArguments.run,
    params_file: Annotated[str, _option("params_file", "FILE")] = StackArguments.params_file,
    controller: Annotated[str, _option("controller")] = StackArguments.controller,
    ur_type: Annotated[str, _option("ur_type")] = StackArguments.ur_type,
    cameras: Annotated[str, _option("cameras", "CAMERA=DRIVER[@DEVICE],…")] = StackArguments.cameras,
    parts: Annotated[str, _option("parts", "PART,…")] = StackArguments.parts,
    record_bag: Annotated[str, _option("record_bag", "true|false")] = StackArguments.record_bag,
    use_sim_time: Annotated[str, _option("use_sim_time", "auto|true|false")] = StackArguments.use_sim_time,
) -> None:
    """Start simulation, gate, planner, trainer, policy and expert as processes; Ctrl-C stops them in order.

    All but gate and simulation are respawned when they die; without one of these two all is stopped.

    Nothing moves before the gate is armed: see drift session.
    """
    options = {item.name: str(context.params[item.name]) for item in fields(StackArguments)}
    said = from_words(words or [], tuple(options))
    for name in said:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"{name}:={said[name]} and --{name} {options[name]} must not both be said")
    raise typer.Exit(run_stack(StackArguments(**{**options, **said})))


def from_words(words: list[str], allowed: tuple[str, ...]) -> dict[str, str]:
    """Return what words like robot:=panda say."""
    said: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator:
            raise UserError(f"{word} must be NAME:=VALUE with one of the names: {', '.join(allowed)}")
        check_names([name])
        if name in said:
            raise UserError(f"{name}:={said[name]} and {word} must not both be said")
        said[name] = value
    return said


def run_stack(arguments: StackArguments) -> int:
    """Run the stack in the foreground and return the exit code."""
    from drift.console_address import with_address
    from drift.ros_command import processes  # reads arms and tasks: not needed for --help
    from drift.stack import stack

    with no_other_gate(arguments):
        plan = stack(arguments)
    specs = processes(plan)
    run = str(plan.run)
    log_folder = plan.create().run.logs
    log = PrefixedLog(Console(), [spec.name for spec in specs])
    on_line = with_address(log, plan.run.path)
    supervisor = ProcessSupervisor(specs, log_folder, on_line=on_line, tidy=remove_dead)

    def on_signal(number: int, frame: FrameType | None) -> None:
        supervisor.request_stop(f"{signal.Signals(number).name}: stopping everything")

    handle_end(on_signal)
    log("drift", f"{len(specs)} processes, writing to {run}; Ctrl-C stops them, twice at once")
    for line in (*plan.hints, *prepare(len(specs))):
        log("drift", line)
    supervisor.start()
    ending = supervisor.wait()
    return 0 if ending is None else ending.exit_code
