"""Training samples per second from the disk: our store beside LeRobot's data sets of the same episodes.

Demonstrations of the task `place` with two cameras, drawn at random in batches of 64 windows of two
observations and 16 actions, one thread and no worker processes for both; every frame is decoded when it is
drawn, and both hand out float32 images. Rendered pictures get
the noise of a camera (--noise). `cold`: all files were dropped from memory before the first batch.
`third`: our store with a third of its decoded frames in memory, as `image_memory_mb` keeps them.
LeRobot runs in an environment of its own: --lerobot-python, as `make interop` makes it.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from benchmarks.support.report import Row, arguments, report
from drift.configuration import config_file
from drift.simulation import gate_config
from drift_config.loader import to_plain
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_core.episodes import EpisodeStore, ImageEncoding, StepRecord
from drift_core.episodes.writer import EpisodeWriter
from drift_core.task import load_task
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"96": (96, 96), "320x240": (320, 240)}  # width and height of both cameras [pixel]
BATCH, STEPS, HORIZON, THREADS = 64, 2, 16, 1
LIKE: list[object] = ["--batch", BATCH, "--threads", THREADS]
SETS = {"images": "cameras: images", "video": "cameras: video"}  # of LeRobot, by the options of our export
KEYS = (
    *("reader", "format", "size", "state", "samples_per_s", "ratio_lerobot_images", "ratio_lerobot_video"),
    *("mb", "psnr_db", "peak_rss_mb", "package_version"),
)


def main() -> None:
    parser = arguments("Samples per second from disk, beside LeRobot")
    parser.add_argument("--lerobot-python", type=Path, help="an interpreter that has lerobot")
    parser.add_argument("--noise", type=float, default=2.0, help="standard deviation, of 255 levels")
    parser.add_argument("--episodes", type=int, default=0, help="default: 20, with --quick 4")
    options = parser.parse_args()
    count, batches = options.episodes or (4 if options.quick else 20), 5 if options.quick else 30
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        os.environ["HF_HOME"] = f"{name}/hf"  # LeRobot reads a copy that it makes there
        for size, shape in SIZES.items():
            rows += rows_of(
                size, shape, count, batches, Path(name) / size, options.lerobot_python, options.noise
            )
    title = f"samples per second, batches of {BATCH}, {THREADS} thread, load {os.getloadavg()[0]:.1f}"
    report(title, rows, options.json)


def rows_of(
    size: str,
    shape: tuple[int, int],
    count: int,
    batches: int,
    folder: Path,
    python: Path | None,
    noise: float,
) -> list[Row]:
    """Record `count` episodes, store them in every format and read each."""
    task_file = record(folder, shape, count)
    lossless, jpeg = folder / "lossless", folder / "jpeg"
    copy(folder / "recorded", lossless, ImageEncoding(), noise)
    copy(lossless, jpeg, ImageEncoding("jpeg"), 0.0)
    stores = {"lossless": (lossless, None), "jpeg": (jpeg, psnr_db(lossless, jpeg))}
    sets: dict[str, Path] = {}
    if python is not None:
        sets = {name: export(lossless, folder / name, how) for name, how in SETS.items()}
    found: list[dict[str, Any]] = []
    for state in ("warm", "cold"):
        for form, (store, db) in stores.items():
            told = drift(store, task_file, batches, 0, state)
            found.append({"reader": "drift", "format": form, "psnr_db": db, "mb": mb(store)} | told)
            found[-1]["state"] = state
        for form, data_set in sets.items():
            assert python is not None
            told = lerobot(python, data_set, batches, state, sets["images"] if form == "video" else None)
            found.append({"reader": "lerobot", "format": form, "state": state, "mb": mb(data_set)} | told)
    episodes = EpisodeStore(lossless)
    frames = sum(len(f) for episode_id in episodes.ids() for f in episodes.read(episode_id).frames.values())
    third = frames * shape[0] * shape[1]  # bytes: a third of three a pixel
    told = drift(lossless, task_file, batches, third, "third")
    found.append({"reader": "drift", "format": "lossless", "state": "third", "mb": mb(lossless)} | told)
    peers = [row for row in found if row["reader"] == "lerobot"]
    speed = {(row["format"], row["state"]): row["samples_per_s"] for row in peers}
    for row in found:
        for form in SETS:
            peer = speed.get((form, "warm" if row["state"] == "third" else row["state"]))
            row[f"ratio_lerobot_{form}"] = None if peer is None else row["samples_per_s"] / peer
    return [{key: size if key == "size" else row.get(key) for key in KEYS} for row in found]


def record(folder: Path, shape: tuple[int, int], count: int) -> Path:
    """Demonstrate `count` times; return the file of the task."""
    width, height = shape
    task = load_task(config_file("task", "place"))
    cameras = tuple(replace(camera, width=width, height=height) for camera in task.cameras)
    task = replace(task, cameras=cameras, observation_steps=STEPS, horizon=HORIZON)
    joystick = load_joystick(config_file("joystick", "scripted"))
    shell = Shell(ArmCell(load_robot(config_file("robot", "panda")), task, gate_config(), joystick))
    expert = shell.expert("demonstrate")
    for seed in range(count):
        writer = shell.writer(folder / "recorded", f"m{seed:04d}", seed, "demonstration")
        shell.run_episode(seed, expert=expert, writer=writer)
        print(f"{width}x{height}: demonstration {seed + 1} of {count}", file=sys.stderr)
    shell.close()
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(to_plain(task)), encoding="utf-8")
    return path


def copy(source: Path, target: Path, encoding: ImageEncoding, noise: float) -> None:
    """Store the episodes of `source` once more, with noise and in another encoding."""
    store, random = EpisodeStore(source), np.random.default_rng(0)
    names = [field.name for field in fields(StepRecord)]
    for episode_id in store.ids():
        episode = store.read(episode_id)
        with EpisodeWriter(target, episode.meta, encoding) as writer:
            columns = [getattr(episode.steps, name) for name in names]
            for values in zip(*columns, strict=True):
                writer.add_step(StepRecord(*(v if v.ndim else v.item() for v in values)))
            joints = episode.joints
            times = joints.stamp_s, joints.arrival_s
            for sample in zip(joints.positions_rad, joints.gripper_m, *times, strict=True):
                writer.add_joints(*sample)
            for camera, frames in episode.frames.items():
                for n in range(len(frames)):
                    image = frames.image(n)
                    noisy = np.rint(image + noise * random.standard_normal(image.shape))
                    image = np.clip(noisy, 0, 255).astype(np.uint8)
                    writer.add_frame(camera, image, frames.stamp_s[n], frames.arrival_s[n])
            writer.close(episode.meta.outcome)


def psnr_db(lossless: Path, lossy: Path) -> float:
    """Return the PSNR of all images of a store [dB]."""
    squares, pixels = 0.0, 0
    for episode_id in EpisodeStore(lossless).ids():
        one, other = (EpisodeStore(root).read(episode_id).frames for root in (lossless, lossy))
        for camera, frames in one.items():
            error = frames.images().astype(float) - other[camera].images()
            squares, pixels = squares + float((error**2).sum()), pixels + error.size
    return 10.0 * float(np.log10(255.0**2 * pixels / squares))


def export(store: Path, folder: Path, options: str) -> Path:
    """Write `store` as a LeRobot set."""
    drift = ["-c", "from drift.cli import main; main()", "data", "export", store, folder]
    run(sys.executable, *drift, "--format", "lerobot", "--options", options)
    return folder


def drift(store: Path, task_file: Path, batches: int, memory_bytes: int, state: str) -> dict[str, Any]:
    """Read `store` in a process of its own."""
    words = [*LIKE, "--batches", batches, "--memory-bytes", memory_bytes]
    words += ["--cold"] if state == "cold" else []
    return run(sys.executable, "-m", "benchmarks.support.drift_loading", store, task_file, *words)


def lerobot(python: Path, data_set: Path, batches: int, state: str, beside: Path | None) -> dict[str, Any]:
    """Read `data_set` with LeRobot in a process of its own; its PSNR is against `beside`."""
    words = [*LIKE, "--batches", batches, "--horizon", HORIZON, "--steps", STEPS]
    words += ["--cold"] if state == "cold" else []
    words += [] if beside is None else ["--beside", beside]
    return run(python, ROOT / "benchmarks/support/lerobot_loading.py", data_set, *words)


def run(*words: object) -> Any:
    """Run a program and return the JSON of its last line, if it says anything."""
    there = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, cwd=ROOT, env=there)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def mb(folder: Path) -> float:
    """Return the size of all files [MB]."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
