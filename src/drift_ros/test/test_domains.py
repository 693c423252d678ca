"""How src/conftest.py keeps tests apart that start nodes."""

import os
import runpy
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]


def test_what_outlives_a_test_has_a_domain_that_no_test_is_given(lasting_domain):
    assert 1 <= int(os.environ["ROS_DOMAIN_ID"]) <= 95 < lasting_domain <= 101


def test_every_file_that_starts_nodes_runs_in_one_of_two_workers(monkeypatch):
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_PYTHON_CHECK_FIELDS"):
        monkeypatch.setenv(name, os.environ[name])  # which the file sets
    scope = runpy.run_path(str(SOURCES / "conftest.py"))["scope"]
    marks = ("rclpy", "drift_ros.session", "ProcessSupervisor")
    files = [
        path
        for path in SOURCES.glob("*/test/**/test_*.py")
        if any(mark in path.read_text() for mark in marks) and path.name != "test_domains.py"
    ]
    assert len(files) > 20
    for path in files:
        name = path.relative_to(SOURCES)
        assert scope(f"src/{name}::test_it") == ("stacks" if name.parts[0] == "drift" else "nodes")
    assert scope("src/drift_core/test/test_kinds.py::test_it") == "src/drift_core/test/test_kinds.py::test_it"
    for learning in ("src/drift/test/test_train_command.py", "src/trainer_node/test/test_rounds.py"):
        assert {scope(f"{learning}::test_it"), scope(f"{learning}::test_that")} == {learning}
