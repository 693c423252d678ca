"""Where what may be imported: ROS at one border, learning and control apart, no torch beside the arm."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from drift_config.strict import STRICT

SRC = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    path.parent.name for path in SRC.glob("*/package.xml") if (path.parent / path.parent.name).is_dir()
)
ROS = {
    "rclpy",
    "launch",
    "launch_ros",
    "launch_testing",
    "ament_index_python",
    "cv_bridge",
    "tf2_ros",
    "rosidl_runtime_py",
}
ROSDEP_KEYS = {  # what a distribution has as well; setup/ros_venv.sh brings the rest, and newer ones
    "aiohttp": "python3-aiohttp",
    "cv2": "python3-opencv",
    "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy",
    "psutil": "python3-psutil",
    "pydantic": "python3-pydantic",
    "rich": "python3-rich",
    "typer": "python3-typer",
    "yaml": "python3-yaml",
}
LEFT_OUT = {"ray"}  # by the set-up: setup/requirements/ray.txt is for whoever has a cluster
ROS_ENDINGS = ("_msgs", "_interfaces", "_srvs")


def modules(package):
    """Return the Python files of a package."""
    return sorted((SRC / package / package).rglob("*.py"))


def imported(path):
    """Return the top-level names that a file imports, with their lines."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [(alias.name.split(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append((node.module.split(".")[0], node.lineno))
    return names


def at_the_border(path):
    return path.relative_to(SRC).parts[2] == "ros"


def is_ros(name):
    return name in ROS or name.endswith(ROS_ENDINGS)


def offences(package, forbidden, allowed=lambda path: False):
    return [
        f"{path.relative_to(SRC)}:{line} imports {name}"
        for path in modules(package)
        if not allowed(path)
        for name, line in imported(path)
        if forbidden(name)
    ]


def run_python(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "drift_ros"])
def test_ros_is_imported_only_in_folders_called_ros(package):
    assert offences(package, is_ros, allowed=at_the_border) == []


def test_learning_and_control_do_not_know_each_other_nor_the_nodes():
    others = set(PACKAGES) - {"drift_core", "drift_control", "drift_config"}
    assert offences("drift_core", lambda name: name == "drift_control" or name in others) == []
    assert offences("drift_control", lambda name: name in ("drift_core", "torch") or name in others) == []


def test_the_ground_imports_nothing_of_drift_and_neither_torch_nor_numpy():
    others = set(PACKAGES) - {"drift_config"} | {"torch", "numpy"}
    assert offences("drift_config", others.__contains__) == []


def test_every_configuration_is_declared_strict_in_the_one_way():
    found = [
        f"{path.relative_to(SRC)}"
        for package in PACKAGES
        for path in modules(package)
        if "ConfigDict" in path.read_text()
    ]
    assert found == ["drift_config/drift_config/strict.py"]
    assert (STRICT["extra"], STRICT["allow_inf_nan"]) == ("forbid", False)


def test_the_simulation_knows_no_node_but_what_all_nodes_share():
    others = set(PACKAGES) - {"drift_sim", "drift_core", "drift_control", "drift_config"}
    assert "drift_ros" in others
    assert offences("drift_sim", others.__contains__, allowed=at_the_border) == []
    assert offences("drift_sim", (others - {"drift_ros"}).__contains__) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_depends_on_what_it_imports(package):
    root = ElementTree.parse(SRC / package / "package.xml").getroot()
    declared = {element.text for element in root if element.tag.endswith("depend")}
    used = {name for path in modules(package) for name, _ in imported(path)}
    ours = {name for name in used if name == "rclpy" or name.endswith(ROS_ENDINGS) or name in PACKAGES}
    keys = {ROSDEP_KEYS[name] for name in used & ROSDEP_KEYS.keys()}
    assert (ours | keys) - declared - {package} == set()


def test_the_shared_package_knows_no_node():
    nodes = {
        "drift_console_node",
        "drift_planner_node",
        "drift_policy_node",
        "expert_gate_node",
        "trainer_node",
        "drift_sim",
        "drift",
    }
    assert offences("drift_ros", nodes.__contains__) == []


@pytest.mark.parametrize(
    "package", ["drift_config", "drift_control", "drift_planner_node", "expert_gate_node"]
)
def test_nothing_beside_the_arm_loads_torch(package):
    names = [module_name(path) for path in modules(package)]
    loaded = run_python(
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert not {"torch", "drift_core", "mujoco"} & set(loaded)


def test_every_module_can_be_imported():
    names = [module_name(path) for package in PACKAGES for path in modules(package)]
    assert len(names) > 50
    failed = run_python(
        "import importlib, json\n"
        "failed = {}\n"
        f"for name in {names!r}:\n"
        "    try: importlib.import_module(name)\n"
        "    except BaseException as error:\n"
        f"        if getattr(error, 'name', '') not in {sorted(LEFT_OUT)!r}: failed[name] = repr(error)\n"
        "print(json.dumps(failed))"
    )
    assert failed == {}


@pytest.mark.parametrize("package", ["drift_core", "drift_control"])
def test_what_a_core_calls_public_is_there_and_is_loaded_when_it_is_used(package):
    told = run_python(
        f"import json, sys, {package} as core\n"
        "early = {'torch', 'numpy'} & set(sys.modules)\n"
        "missing = [name for name in core.__all__ if getattr(core, name, None) is None]\n"
        "print(json.dumps([len(core.__all__), sorted(early), missing]))"
    )
    assert told[0] > 20
    assert told[1:] == [[], []]


def module_name(path):
    parts = path.relative_to(SRC).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
