"""A ROS domain for each test, five in turn: neither other processes nor what was killed just now is heard.

A killed process stays in the ROS graph for 20 s (the lease of its DDS participant), and a client may call it.

With several workers of pytest-xdist, one of them runs all tests that start whole stacks, one after the other,
and another one those of single nodes; the rest of the tests is spread over all.
"""

import gc
import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_BLOCK = 5  # domains of one test process
_PURE = (
    "drift_config",
    "drift_core",
    "drift_control",
    "drift_formats",
    "drift_sim",
)  # no nodes but in files test_node.py
# of packages with nodes, files whose programs start none: learning, data, rollouts in the process of the test
_WITHOUT_NODES = {
    "drift": (
        *("test_data_", "test_train_", "test_three_cameras", "test_diagnose", "test_libraries"),
        *("test_demo_report", "test_picture", "test_views"),
        *("test_experiment", "test_exploring", "test_learning", "test_prefer"),
    ),
    "drift_policy_node": (
        *("test_candidate", "test_deltas", "test_exchange", "test_fetch", "test_intake", "test_runtime"),
    ),
    "trainer_node": ("test_continuous", "test_excerpts", "test_label_count", "test_rounds"),
}
_WITH_NODES = ("test_data_sync",)
_LEAVE_LIMIT_S = 30.0  # a thread that loads a checkpoint ends first
_BLOCKS = 19  # domains 1 to 95
_LASTING = range(96, 102)  # above 101, ports are among those that Linux hands out to anybody
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw0", "gw1", … of one run, or none
_run = os.getppid() + int(_worker.removeprefix("gw")) if _worker else os.getpid()
_first = 1 + _BLOCK * (_run % _BLOCKS)
_domains = itertools.cycle(range(_first, _first + _BLOCK))

os.environ["ROS_DOMAIN_ID"] = str(next(_domains))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, also by the processes of the tests

import pytest  # noqa: E402
import rclpy  # noqa: E402


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep what starts nodes and programs together in one worker.

    A scheduler of our own: `--dist loadgroup` of pytest-xdist 3.8.0 spreads every group over all workers
    beside pytest 9.2.0: it writes the group into `item._nodeid`, which nobody reads any more.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByPackage(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return ByPackage(config, log)


def scope(nodeid: str) -> str:
    """Return the name of what must run in the same worker as this test."""
    folder, package, *_ = nodeid.split("/")
    file = nodeid.split("::")[0]
    name = file.rsplit("/", 1)[-1]
    if name.startswith(_WITHOUT_NODES.get(package, ())) and not name.startswith(_WITH_NODES):
        return file
    if folder != "src" or (package in _PURE and name != "test_node.py"):
        return nodeid
    return "stacks" if package == "drift" else "nodes"


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its domain; `rclpy.init` and the processes of the test read it in the environment."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(next(_domains)))


@pytest.fixture(scope="session")
def lasting_domain() -> int:
    """A domain for what lives longer than a test; no test of any worker is given it."""
    return _LASTING[_run % len(_LASTING)]


@pytest.fixture
def ros(ros_domain: None) -> Iterator[None]:
    """rclpy, initialised for one test."""
    rclpy.init()
    yield
    rclpy.try_shutdown()
    limit_s = time.monotonic() + _LEAVE_LIMIT_S
    while left := _participants():
        assert time.monotonic() < limit_s, f"threads of DDS participants live on: {', '.join(left)}"
        gc.collect()
        time.sleep(0.02)


def _participants() -> list[str]:
    """Return the threads of DDS participants in this process; what lives on is called by later tests."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            names.append((task / "comm").read_text().strip())
    return [name for name in names if name.startswith("dds.") and name != "dds.shm.wdog"]
