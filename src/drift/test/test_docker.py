"""What docker/ says is linted and compared with the repository; no container runtime is needed."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from drift.cli import app
from drift.commands.up import from_words
from drift.configuration import nodes_file
from drift.stack_arguments import StackArguments, arguments
from typer.main import get_command

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KEYS = {  # of a service in the Compose Specification, with the type of what they hold; those used here
    "image": str,
    "build": dict,
    "command": list,
    "cpuset": str,
    "deploy": dict,
    "devices": list,
    "environment": dict,
    "group_add": list,
    "ipc": str,
    "network_mode": str,
    "profiles": list,
    "security_opt": list,
    "stdin_open": bool,
    "stop_grace_period": str,
    "tty": bool,
    "ulimits": dict,
    "volumes": list,
}


def instructions(name: str) -> list[str]:
    """Return what follows each instruction `name` of the Dockerfile, its continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return re.findall(rf"^{name} (.+)$", lines, re.MULTILINE)


def said(value: str) -> str:
    """Return `value` as compose reads it where no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_the_dockerfile_is_linted():
    linter = shutil.which("hadolint")
    assert linter is not None, "hadolint is missing: make test installs it (setup/requirements/test.txt)"
    done = subprocess.run(
        [linter, "--no-color", str(FOLDER / "Dockerfile")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_bases_are_official_images_of_a_distribution_and_a_release():
    assert instructions("FROM") == ["${BASE} AS base", "base AS manifests", "base"]
    assert instructions("ARG")[:2] == ["ROS_DISTRO=jazzy", "BASE=ros:${ROS_DISTRO}-ros-base-noble"]


@pytest.mark.parametrize(
    ("environment", "refusal"),
    [
        ({"ROS_DISTRO": "jazzy", "TORCH": "rocm"}, "TORCH=rocm must be cpu or cuda"),
        ({"ROS_DISTRO": "humble"}, "ROS_DISTRO=humble is too old: Jazzy or later is needed"),
    ],
)
def test_what_no_image_can_have_is_refused_before_anything_is_installed(environment, refusal, tmp_path):
    script = [str(ROOT / "setup/ros_venv.sh"), str(tmp_path / "venv")]
    environment = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run(["bash", *script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, refusal in done.stderr) == (2, True)
    assert not (tmp_path / "venv").exists()


def test_no_host_is_named():
    for path in FOLDER.iterdir():
        assert re.findall(r"https?://|\b[\w-]+\.(?:org|com|io|net)\b", path.read_text(encoding="utf-8")) == []


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder():
    sent = re.findall(
        r"^!(.+)$", (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE
    )
    copied = {source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert copied == set(sent)
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_every_path_in_the_image_is_one_of_the_repository():
    made = {"runs", "bin", "bin/python"}  # the latter two of /opt/drift
    texts = [DOCKERFILE, (FOLDER / "entrypoint").read_text(encoding="utf-8"), str(SERVICES)]
    paths = {path for text in texts for path in re.findall(r"/drift/([\w./-]+\w)", text)} - made
    assert len(paths) > 5
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_package_of_ros_is_needed():
    manifests = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/*/package.xml"))
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/*/*/ros/**/*.py"))
    packages = [name.replace("-", "_") for name in re.findall(r"ros-\$\{ROS_DISTRO\}-([\w-]+)\"", DOCKERFILE)]
    assert len(packages) == 2
    for name in packages:  # what package.xml declares comes by rosdep
        assert f"<exec_depend>{name}</exec_depend>" not in manifests
        assert f'"{name}.' in sources


def test_the_entrypoint_is_a_program_that_hands_on_signals():
    path = FOLDER / "entrypoint"
    assert path.stat().st_mode & 0o111 == 0o111
    assert subprocess.run(["bash", "-n", str(path)], timeout=20).returncode == 0
    assert path.read_text(encoding="utf-8").rstrip().endswith('exec "$@"')


def test_nothing_runs_as_root():
    assert instructions("USER") == ["${UID}"]


def test_compose_says_only_what_compose_knows():
    assert set(COMPOSE) == {"x-drift", "services"}
    for name, service in SERVICES.items():
        wrong = [key for key, value in service.items() if not isinstance(value, KEYS.get(key, ()))]
        assert (name, wrong) == (name, [])
        assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert [v for v in service["volumes"] if not re.fullmatch(r"\.\./\w+:/drift/\w+(:ro)?", v)] == []


def test_compose_gives_only_arguments_that_the_dockerfile_has():
    declared = {line.partition("=")[0] for line in instructions("ARG")}
    for service in SERVICES.values():
        assert set(service["build"]["args"]) == declared


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_a_command_that_is_understood(name):
    program, command, *words = [said(word) for word in SERVICES[name]["command"]]
    known = get_command(app).commands
    assert program == "drift" and command in known
    if command == "up":
        stack = StackArguments(**from_words(words, [argument.name for argument in arguments()]))
        assert stack.sim == "none"
        assert not stack.params_file or (ROOT / stack.params_file).is_file()
    else:
        options = {option for parameter in known[command].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_robots_service_may_have_the_priority_that_the_gate_asks_for():
    nodes = yaml.safe_load(nodes_file().read_text(encoding="utf-8"))
    wanted = nodes["/**/expert_gate"]["ros__parameters"]["realtime_priority"]
    assert SERVICES["robot"]["ulimits"]["rtprio"] >= wanted > 0


def test_every_service_shares_memory_and_network_with_the_machine():
    assert {(service["ipc"], service["network_mode"]) for service in SERVICES.values()} == {("host", "host")}
