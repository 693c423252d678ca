"""LeRobot itself judges what is written for it, and writes what is read here: `make interop`.

In simulation a Panda is demonstrated with two cameras of 96 x 96. Its episodes are exported in every way;
LeRobot's `LeRobotDataset` reads them, and each number and picture is compared with the training windows that
the rows come from. LeRobot trains its diffusion policy on the export for ten steps, and `drift train` one of
ours on a set that LeRobot has written. Its policies, read here, act as they do there, at the same noise; a
checkpoint of ours, in its evaluation loop, acts as here.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from drift.configuration import config_file
from drift.simulation import gate_config
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_core.data.windows import cut_windows
from drift_core.episodes import EpisodeStore
from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint import load_checkpoint
from drift_core.policy.checkpoint_folder import checkpoint_path
from drift_core.task import TaskConfig, load_task
from drift_formats.format import Cell
from drift_formats.lerobot.policy import read_policy
from drift_formats.lerobot.stamps import to_ns
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STEPS = 10
ALIKE = 1e-4  # actions, of which all but rotations are in m
SIDE = 96  # of the cameras [pixel]
EXPORTS = {  # options of the export, and the PSNR that they must have at least [dB]; None: no difference
    "images": ("cameras: images", None),
    "AV1, LeRobot's defaults": ("cameras: video", 30.0),
    "H.264, crf 30": ("cameras: video, codec: h264", 28.0),
    "H.264 4:4:4, crf 10": ("cameras: video, codec: h264_444, crf: 10", 43.0),
}
TRAIN = [
    "--policy.type=diffusion",
    "--policy.push_to_hub=false",
    "--policy.device=cpu",
    "--policy.pretrained_backbone_weights=null",
    "--policy.use_group_norm=true",
    "--policy.down_dims=[64,128]",
    "--policy.horizon=16",
    "--policy.n_action_steps=8",
    "--dataset.repo_id=drift/export",
    "--dataset.video_backend=pyav",
    f"--steps={STEPS}",
    f"--save_freq={STEPS}",
    "--log_freq=1",
    "--batch_size=4",
    "--num_workers=0",
]
MAP = """\
joints: {feature: observation.state, entries: [0, 1, 2, 3, 4, 5, 6], scale: 0.017453292519943295}
gripper: {feature: observation.state, entries: [7], scale: 0.0008}
action_joints: {feature: action, entries: [0, 1, 2, 3, 4, 5, 6], scale: 0.017453292519943295}
action_gripper: {feature: action, entries: [7], scale: 0.0008}
cameras: {front: observation.images.top, wrist: observation.images.hand}
"""


def main() -> int:
    """Run everything; exit code 1 where something is not as it must be."""
    python = run("bash", HERE / "environment.sh").stdout.strip()
    version = run(python, "-c", "import importlib.metadata as m; print(m.version('lerobot'))").stdout.strip()
    print(f"lerobot {version}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        return 1 if [fault for fault in faults(python, Path(name)) if fault] else 0


def faults(python: str, folder: Path) -> Iterator[str]:
    """Do everything, print what came of it, and yield what is wrong, or an empty text."""
    task = demonstrate(folder / "store")
    expected(folder / "store", task, folder / "expected.npz")
    for number, (name, (options, psnr_db)) in enumerate(EXPORTS.items()):
        target, begun_s = folder / f"set{number}", time.monotonic()
        drift("data", "export", folder / "store", target, "--format", "lerobot", "--options", options)
        took_s, size_mb = time.monotonic() - begun_s, sum(p.stat().st_size for p in target.rglob("*.*")) / 1e6
        told = theirs(python, "compare.py", target, folder / "expected.npz")
        said = ", ".join("to the bit" if db is None else f"{db:.1f} dB" for db in told["psnr_db"].values())
        yield verdict(
            f"export as {name}: {told['rows']} rows, {size_mb:.2f} MB, {took_s:.1f} s; cameras {said}; "
            f"statistics differ by {told['statistics_differ_by']:.0e}",
            *not_as_expected(told, psnr_db),
        )
    train = ["-m", "lerobot.scripts.lerobot_train", f"--dataset.root={folder / 'set0'}", *TRAIN]
    run(python, *train, f"--output_dir={folder / 'trained'}")
    saved = folder / "trained/checkpoints/last/pretrained_model/model.safetensors"
    wrong = [] if saved.is_file() else ["no checkpoint"]
    yield verdict(f"LeRobot trains {STEPS} steps on the export", *wrong)
    run(python, HERE / "theirs/make_policy.py", saved.parent, folder / "other")
    policies = {"that it trained": saved.parent, "with BatchNorm, crop, no scale": folder / "other"}
    for name, trained in policies.items():
        run(python, HERE / "theirs/act.py", trained, folder / "set0", folder / "acts.npz")
        off = acts_alike(trained, task, folder / "acts.npz")
        wrong = [] if off < ALIKE else [f"must be below {ALIKE}"]
        yield verdict(f"a policy of LeRobot, {name}, acts here as there: {off:.1e} apart", *wrong)
    run(python, HERE / "theirs/write_set.py", folder / "written", "--episodes", "4", "--seconds", "2")
    (folder / "map.yaml").write_text(MAP)
    said = drift(
        *("train", "--dataset", folder / "written", "--map", folder / "map.yaml", "--train", "smoke"),
        *("--episodes", folder / "imported", "--checkpoints", folder / "checkpoints", "--steps", STEPS),
    )
    count = len(EpisodeStore(folder / "imported").ids())
    yield verdict(
        f"drift train on a set of LeRobot: {count} episodes, {STEPS} steps",
        *[] if count == 4 and "version 1" in said else [said],
    )
    checkpoint = checkpoint_path(folder / "checkpoints", 1)
    theirs_with_ours(python, HERE / "theirs/evaluate.py", checkpoint, folder / "rollout.npz")
    off = acts_in_their_loop(checkpoint, folder / "rollout.npz")
    wrong = [] if off < ALIKE else [f"must be below {ALIKE}"]
    yield verdict(f"a checkpoint of ours in LeRobot's evaluation loop: {off:.1e} apart", *wrong)


def acts_alike(trained: Path, task: TaskConfig, file: Path) -> float:
    """Return how far the actions of a policy read here are from those that it had there, in their units."""
    seen = np.load(file)
    task = replace(task, observation_steps=2)
    policy = read_policy(trained, Cell(load_robot(config_file("robot", "panda")), task)).policy
    sampler, worst = policy.make_sampler("ddpm-100"), 0.0
    for number, row in enumerate(seen["rows"]):
        shown = {camera.name: seen[f"observation.images.{camera.name}"][number] for camera in task.cameras}
        images = {name: torch.from_numpy(np.round(picture * 255)).byte() for name, picture in shown.items()}
        generator = torch.Generator().manual_seed(int(row))
        noise = torch.randn(seen["noise"][number].shape, generator=generator)
        with torch.no_grad():
            state = torch.from_numpy(seen["observation.state"][number])[None]
            condition = policy.condition(policy.encode_frames(images), torch.arange(2)[None], state)
            denoise = policy.denoiser.hoist(condition, policy.schedule.train_steps)
            normal = sampler.sample(denoise, noise.shape, generator, noise)
            actions = policy.normalizer.denormalize_action(normal).numpy()
        worst = max(worst, float(np.abs(actions - seen["actions"][number]).max()))
    return worst


def acts_in_their_loop(checkpoint: Path, file: Path) -> float:
    """Return how far the actions in LeRobot's loop are from those of the policy itself."""
    done, policy = np.load(file), load_checkpoint(checkpoint).policy
    spec, steps = policy.config.observation, policy.config.action_steps
    sampler, generator = policy.make_sampler("ddim-4"), torch.Generator().manual_seed(1)
    worst = 0.0
    for begin in range(0, len(done["actions"]), steps):
        rows = np.clip(np.arange(begin - spec.observation_steps + 1, begin + 1), 0, None)
        images = {
            camera.name: np.round(done[f"observation.images.{camera.name}"][rows] * 255)
            .astype(np.uint8)
            .transpose(0, 2, 3, 1)
            for camera in spec.cameras
        }
        chunk = policy.act(
            Observation(begin / 10, images, done["observation.state"][rows], 0.0), sampler, generator
        )
        taken = done["actions"][begin : begin + steps]
        worst = max(worst, float(np.abs(chunk[: len(taken)] - taken).max()))
    return worst


def theirs_with_ours(python: str, *words: object) -> None:
    """Run a script with LeRobot and, beside it, the packages of this repository that need no ROS."""
    packages = ("drift_config", "drift_core", "drift_control", "drift_formats")
    run(python, *words, PYTHONPATH=os.pathsep.join(str(ROOT / "build" / name) for name in packages))


def not_as_expected(told: dict[str, Any], psnr_db: float | None) -> Iterator[str]:
    """Say what of a set that LeRobot has read is not what went into it."""
    for name, count in told["rows_that_differ"].items():
        if count and (psnr_db is None or name not in told["psnr_db"]):
            yield f"{name}: {count} rows differ"
    for name, db in told["psnr_db"].items():
        if psnr_db is not None and (db is None or db < psnr_db):
            yield f"{name}: psnr_db={db} must be at least {psnr_db}"
    if told["statistics_differ_by"] > 1e-9:
        yield f"statistics differ by {told['statistics_differ_by']}"
    if told["tasks"] != ["place"]:
        yield f"tasks={told['tasks']}"


def demonstrate(store: Path, episodes: int = 4) -> TaskConfig:
    """Record demonstrations of the task `place`, with larger pictures."""
    task = load_task(config_file("task", "place"))
    task = replace(task, cameras=tuple(replace(camera, height=SIDE, width=SIDE) for camera in task.cameras))
    joystick = load_joystick(config_file("joystick", "scripted"))
    shell = Shell(ArmCell(load_robot(config_file("robot", "panda")), task, gate_config(), joystick))
    expert = shell.expert("demonstrate")
    for seed in range(episodes):
        shell.run_episode(seed, expert=expert, writer=shell.writer(store, f"m{seed}", seed, "demonstration"))
    shell.close()
    return task


def expected(store: Path, task: TaskConfig, file: Path) -> None:
    """Save the newest of each training window, and its first label: what a row must be."""
    arm, columns = load_robot(config_file("robot", "panda")), []
    episodes = EpisodeStore(store)
    for name in episodes.ids():
        cut = cut_windows(
            episodes.read(name), task.observation_spec(7), arm.state, task.latency_s, 1, task.action_space
        )
        seen = cut.frame_rows[cut.frame_index[:, -1]]
        pictures = {
            f"observation.images.{camera}": cut.frames[camera].images()[seen[:, column]]
            for column, camera in enumerate(cut.frames)
        }
        columns.append(
            {
                "observation.state": cut.state[:, -1],
                "action": cut.actions[:, 0],
                "intervention": cut.mask[:, 0],
                "drift.observation_stamp_ns": to_ns(cut.t_ref_s),
                **pictures,
            }
        )
    np.savez(file, **{name: np.concatenate([part[name] for part in columns]) for name in columns[0]})


def drift(*words: object) -> str:
    """Run a command of `drift` and return what it says."""
    return run(sys.executable, "-c", "from drift.cli import main; main()", *words).stdout


def theirs(python: str, script: str, *words: object) -> dict[str, Any]:
    """Run a script of the folder `theirs` and return its last line, JSON."""
    return json.loads(run(python, HERE / "theirs" / script, *words).stdout.splitlines()[-1])


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program, with what is added to its environment; its error output is shown where it fails."""
    command, added = list(map(str, words)), {"HF_HUB_OFFLINE": "1", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | added)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr[-4000:]}")
    return done


def verdict(what: str, *wrong: str) -> str:
    """Print what came of something, and return what is wrong with it."""
    print(f"{'FAILED' if wrong else 'ok'}  {what}{''.join(f'; {fault}' for fault in wrong)}", flush=True)
    return "; ".join(wrong)


if __name__ == "__main__":
    sys.exit(main())
