"""What the trainer records without loss, with a bag beside the episode and without, and what the gate feels.

Simulation, gate and trainer run as processes, cameras of 640x480 beside them. Rows: `cameras` at `rate_hz`,
stored as `format`, with a `bag` or without. `lost_frames`: of those that were sent between the first and the
last one of the episode, by their stamps; `ended`: why the episode ended before its time, empty where it did
not; `bag_lost`: of the same frames, those that are not in the bag; `bag_said`: messages of all topics that
the bag says it has left out. `p99_ms` is of the periods of the control loop meanwhile, `late_ratio` of its
ticks; `p99_without_ms` is of as long a time before, when the cameras ran and nothing was recorded. A search
raises the rate until a frame is lost.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from benchmarks.support.report import Row, arguments, report, write_rows
from benchmarks.support.running_stack import RunningStack, running_stack
from benchmarks.support.step_log import StepLog, late
from drift.commands.session import wait_for_arm
from drift.configuration import config_file
from drift_core.episodes import EpisodeStore
from drift_formats.bags.mcap_file import McapScan
from drift_ros.errors import SessionError, error_name
from drift_ros.stack_client import RunEpisode
from mcap.records import Channel, Message

CONTROL_HZ = 50.0
RATES_HZ = (30.0, 45.0, 60.0, 90.0, 120.0)
TO_THE_END = (RunEpisode.Result.NONE, RunEpisode.Result.NO_LABELS)  # nobody drives, so nothing is a label


@dataclass(frozen=True)
class Setting:
    """What is recorded."""

    cameras: int
    rate_hz: float
    format: str  # png or jpeg
    bag: bool

    def __str__(self) -> str:
        return f"{self.cameras} cameras, {self.format}{', with a bag' * self.bag}"


def measure(stack: RunningStack, log: StepLog, setting: Setting, seconds: float) -> Row:
    """Record one episode and count."""
    folder, store = stack.plan.run.path, EpisodeStore(stack.plan.run.episodes)
    told: dict[str, str | int | float | None] = {
        "cameras": setting.cameras,
        "rate_hz": setting.rate_hz,
        "format": setting.format,
        "bag": "yes" if setting.bag else "no",
    }
    known = store.ids()
    _use_cameras(stack, setting)
    trainer = stack.start("trainer")
    try:
        stack.client.wait_for_servers("trainer/run_episode", limit_s=60.0)
        with _cameras(setting, folder):
            log.clear()
            stack.client.spin(seconds)
            before_s = log.steps().period_s
            log.clear()
            try:
                result = stack.client.run_episode(
                    RunEpisode.Goal.DEMONSTRATION, 0, max_duration_s=seconds, limit_s=120.0
                )
            except SessionError as error:  # so much comes that it hears no request
                return told | {"frames": 0, "lost_frames": 0, "ended": str(error)}
            periods_s = log.steps().period_s
    finally:
        trainer.stop()
    if not (new := store.new_ids(known)):
        raise RuntimeError(f"{setting} at {setting.rate_hz:g} Hz: {error_name(result)}, {result.error_msg}")
    before_s, periods_s = (each[np.isfinite(each)] for each in (before_s, periods_s))
    return {
        **told,
        **_losses(setting, folder, new[0]),
        "ended": "" if result.error_code in TO_THE_END else f"{error_name(result)}: {result.error_msg}",
        "p99_ms": float(np.percentile(periods_s, 99) * 1e3),
        "p99_without_ms": float(np.percentile(before_s, 99) * 1e3),
        "late_ratio": float(late(periods_s, CONTROL_HZ).mean()),
    }


def highest(stack: RunningStack, log: StepLog, setting: Setting, seconds: float) -> Iterator[Row]:
    """Raise the rate until frames of the episode are lost."""
    for rate_hz in RATES_HZ:
        row = measure(stack, log, replace(setting, rate_hz=rate_hz), seconds)
        yield row
        if not is_whole(row):
            return


def is_whole(row: Row) -> bool:
    """Return whether every frame was recorded, to the end."""
    return not row["lost_frames"] and not row["ended"]


def _use_cameras(stack: RunningStack, setting: Setting) -> None:
    """Give the trainer the task with other cameras."""
    task = yaml.safe_load(config_file("task", "place").read_text())
    task["cameras"] = [
        {"name": f"cam{n}", "topic": f"bench/cam{n}/image_raw", "height": 480, "width": 640, "latency_s": 0.0}
        for n in range(setting.cameras)
    ]
    path = stack.plan.run.path / "task.yaml"
    path.write_text(yaml.safe_dump(task))
    told = {"task_file": str(path), "record_bag": setting.bag, "image_format": setting.format}
    nodes = (
        replace(node, parameters={**node.parameters, **told}) if node.name == "trainer" else node
        for node in stack.plan.nodes
    )
    stack.plan = replace(stack.plan, nodes=tuple(nodes))


@contextmanager
def _cameras(setting: Setting, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.support.camera_stand_in"]
    process = subprocess.Popen([*command, str(setting.cameras), str(setting.rate_hz), str(folder)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _losses(setting: Setting, folder: Path, name: str) -> dict[str, int | float | None]:
    """Count what is missing between the first frame and the last one."""
    episode = EpisodeStore(folder / "episodes").read(name)
    sent_ns = {n: np.fromfile(folder / f"cam{n}.stamps", np.int64) for n in range(setting.cameras)}
    frames = [len(episode.frames[f"cam{n}"]) for n in sent_ns]
    lost = [_sent(sent_ns[n] / 1e9, episode.frames[f"cam{n}"].stamp_s) - frames[n] for n in sent_ns]
    told: dict[str, int | float | None] = {"frames": sum(frames), "lost_frames": sum(lost)}
    if not setting.bag:
        return told | {"bag_mb_s": None, "bag_lost": None, "bag_said": None}
    bag = folder / "bags" / name
    stamps_s: dict[str, list[float]] = {}
    topics: dict[int, str] = {}
    for record in McapScan(bag / f"{name}_0.mcap"):
        if isinstance(record, Channel):
            topics[record.id] = record.topic
        elif isinstance(record, Message) and topics[record.channel_id].startswith("/bench/"):
            second, nanosecond = np.frombuffer(record.data, "<u4", 2, 4)
            stamps_s.setdefault(topics[record.channel_id], []).append(second + nanosecond / 1e9)
    missing = []
    for n, sent in sent_ns.items():
        kept = episode.frames[f"cam{n}"].stamp_s
        written = np.array(stamps_s.get(f"/bench/cam{n}/image_raw", []))
        inside = written[(written >= kept.min() - 1e-6) & (written <= kept.max() + 1e-6)]
        missing.append(_sent(sent / 1e9, kept) - len(inside))
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    size_mb = (bag / f"{name}_0.mcap").stat().st_size / 1e6
    return told | {
        "bag_mb_s": size_mb / episode.meta.duration_s,
        "bag_lost": sum(missing),
        "bag_said": int(metadata["custom_data"]["lost_messages"]),
    }


def _sent(sent_s: np.ndarray, kept_s: np.ndarray) -> int:
    """Return how many stamps were sent between the first and the last kept one."""
    return int(((sent_s >= kept_s.min() - 1e-6) & (sent_s <= kept_s.max() + 1e-6)).sum())


def whole_rates(rows: Sequence[Row]) -> str:
    """Say up to which rate each setting was recorded without loss."""
    best: dict[str, float] = {}
    for row in rows:
        setting = Setting(int(row["cameras"]), 0.0, str(row["format"]), row["bag"] == "yes")
        rate_hz = float(row["rate_hz"]) if is_whole(row) else 0.0
        best[str(setting)] = max(best.get(str(setting), 0.0), rate_hz)
    return "\n".join(f"{setting}: without loss up to {rate_hz:g} Hz" for setting, rate_hz in best.items())


def main() -> None:
    options = arguments("Recording cameras of 640x480, with a bag beside the episode").parse_args()
    seconds = 4.0 if options.quick else 20.0
    settings = [Setting(2, 30.0, "png", False), Setting(2, 30.0, "png", True), Setting(4, 30.0, "jpeg", True)]
    rows: list[Row] = []
    with running_stack(CONTROL_HZ) as stack:
        stack.client.wait_for_servers("gate/arm", "gate/home", limit_s=60.0)
        wait_for_arm(stack.client, 60.0)
        log = StepLog(stack)
        for setting in settings:
            once = [measure(stack, log, setting, seconds)] if options.quick else None
            for row in once or highest(stack, log, setting, seconds):
                rows.append(row)
                write_rows(rows, options.json)
    report(f"recording, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    print(whole_rates(rows))


if __name__ == "__main__":
    main()
