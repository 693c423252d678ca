"""env.sh and the environments of two distributions, as a shell sees them."""

import csv
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from drift.configuration import share_folder

ROOT = Path(__file__).resolve().parents[3]
LISTS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "COLCON_PREFIX_PATH")


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with env.sh and a built workspace for each of two distributions, without an environment."""
    folder = tmp_path / "a checkout"
    (folder / "setup").mkdir(parents=True)
    for name in ("env.sh", "setup/distribution.sh"):
        shutil.copy(ROOT / name, folder / name)
    for suffix in ("", "-jazzy"):
        built = folder / f"install{suffix}"
        built.mkdir()
        lines = (f'export {name}="{built}/{name.lower()}:${name}"\n' for name in LISTS)
        (built / "setup.bash").write_text("".join(lines), encoding="utf-8")
    return folder


def test_the_distribution_of_a_ros_from_pypi_is_said() -> None:
    (wheel,) = (
        dist.metadata["Name"].split("-")[1]
        for dist in metadata.distributions()
        if dist.metadata["Name"].startswith("ros-") and dist.metadata["Name"].count("-") == 2
        if dist.metadata["Name"].endswith("-rclpy")
    )
    bare = {name: value for name, value in os.environ.items() if name != "ROS_DISTRO"}
    said = shell('. ./env.sh && echo "$ROS_DISTRO"', share_folder(), **bare)
    assert (said.stdout.strip(), said.stderr) == (wheel, "")


def test_a_distribution_that_there_is_not_is_refused_with_those_that_there_are(checkout: Path) -> None:
    said = shell(". ./env.sh; echo $?", checkout, PATH=os.environ["PATH"], ROS="foxy")
    assert (said.stdout, said.stderr) == ("1\n", "ROS=foxy must be jazzy or kilted\n")


def test_a_distribution_that_is_not_built_is_refused_with_the_command_that_builds_it(checkout: Path) -> None:
    shutil.rmtree(checkout / "install-jazzy")
    said = shell(". ./env.sh; echo $?", checkout, PATH=os.environ["PATH"], ROS="jazzy")
    assert said.stdout == "1\n"
    assert said.stderr == f"drift is not built yet: run 'make setup ROS=jazzy' in {checkout}\n"


@pytest.mark.parametrize(("first", "second"), [("kilted", "jazzy"), ("jazzy", "kilted")])
def test_nothing_of_the_first_distribution_is_left_in_a_shell_that_takes_the_other(
    first: str, second: str, checkout: Path
) -> None:
    script = f"ROS={first}; . ./env.sh; ROS={second}; . ./env.sh; env"
    said = shell(script, checkout, PATH=os.environ["PATH"], PYTHONPATH="/of/the/user")
    values = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    built = {"kilted": f"{checkout}/install/", "jazzy": f"{checkout}/install-jazzy/"}
    for name in LISTS:
        assert (name, values[name].count(built[first])) == (name, 0)
        assert (name, values[name].startswith(built[second]), values[name].count(built[second])) == (
            name,
            True,
            1,
        )
    assert values["PYTHONPATH"].strip(":").endswith("/of/the/user")
    assert set(os.environ["PATH"].split(":")) < set(values["PATH"].split(":"))


@pytest.mark.parametrize(
    ("distribution", "names"),
    [
        ("jazzy", {"FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"}),
        ("kilted", {"FASTDDS_DEFAULT_PROFILES_FILE"}),
    ],
)
def test_the_dds_profile_has_the_names_that_the_distribution_reads_and_not_those_that_it_warns_of(
    distribution: str, names: set[str], checkout: Path
) -> None:
    script = f"ROS_DISTRO=jazzy; . ./env.sh; ROS_DISTRO={distribution}; . ./env.sh; env"
    said = shell(script, checkout, PATH=os.environ["PATH"])
    lines = [line for line in said.stdout.splitlines() if "_DEFAULT_PROFILES_FILE=" in line]
    assert set(lines) == {f"{name}={checkout}/config/dds/shared_memory.xml" for name in names}


def package(venv: Path, name: str, files: dict[str, str]) -> None:
    """Have a package with these files, relative to the folder of packages, and a list of them."""
    site = venv / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    record = f"{name}-1.0.dist-info/RECORD"
    for path, text in files.items():
        (site / path).resolve().parent.mkdir(parents=True, exist_ok=True)
        (site / path).resolve().write_text(text, encoding="utf-8")
    (site / record).parent.mkdir(parents=True)
    with (site / record).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([path, "", ""] for path in [*files, record])


def test_a_second_environment_has_the_packages_of_the_first_but_ros_and_its_own_programs(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    package(
        one, "torch", {"torch/big.so": "weights", "../../../bin/run": f"#!{one}/bin/python3\nimport torch\n"}
    )
    package(one, "rosbags", {"rosbags/__init__.py": ""})  # none of ROS's own
    package(one, "ros_rclpy", {"rclpy/__init__.py": "", "../../../share/rclpy/package.xml": ""})
    subprocess.run([sys.executable, ROOT / "setup/share_packages.py", one, other], check=True, timeout=60)
    files = {str(path.relative_to(other)) for path in other.rglob("*") if path.is_file()}
    site = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    assert files == {
        *("bin/run", f"{site}/torch/big.so", f"{site}/torch-1.0.dist-info/RECORD"),
        *(f"{site}/rosbags/__init__.py", f"{site}/rosbags-1.0.dist-info/RECORD"),
    }
    assert (other / site / "torch/big.so").samefile(one / site / "torch/big.so")
    assert (other / "bin/run").read_text() == f"#!{other}/bin/python3\nimport torch\n"
    (other / site / "torch/big.so").unlink()  # as pip does
    assert (one / site / "torch/big.so").read_text() == "weights"


def test_both_distributions_come_with_the_same_messages_and_each_pins_its_own_rclpy() -> None:
    def pinned(distribution: str) -> dict[str, str]:
        text = (ROOT / f"setup/requirements/ros_{distribution}.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return dict(line.split("==") for line in lines)

    jazzy, kilted = pinned("jazzy"), pinned("kilted")
    assert jazzy["ros-jazzy-rclpy"].startswith("7.1.") and kilted["ros-kilted-rclpy"].startswith("9.1.")
    messages = [{name for name in pins if re.search(r"-(msgs|srvs)$", name)} for pins in (jazzy, kilted)]
    assert messages[0] == messages[1] and len(messages[0]) == 6
