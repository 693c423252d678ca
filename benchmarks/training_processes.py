"""Training in several processes: gradient steps per second of two processes beside those of one, same batch.

    python -m benchmarks.training_processes

Network S of `train_step` and the demo's MLP, batch 64, form `left` at 1/8; each process with so many threads
of torch. The ways run in turn, each time as processes of their own; the medians of their steps are compared.
`reduced_mb`: gradients that the processes add up at each step. More processes than cores only share them.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.support.report import Row, arguments, report
from benchmarks.train_step import ACTION_DIM, BATCH, HORIZON, STATE_DIM
from drift_core.data.dataset import WindowDataset
from drift_core.data.windows import WindowSet
from drift_core.denoisers import MlpConfig, UNetConfig
from drift_core.observation.spec import ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.schedule import ConstantRank
from drift_core.training.config import RankConfig, TrainConfig
from drift_core.training.distributed import joined
from drift_core.training.trainer import Trainer

NETWORKS = {"mlp": MlpConfig(), "S": UNetConfig(down_dims=(128, 256, 512))}
WAYS = ((1, 1), (1, 2), (2, 1))  # processes, threads of each
WARM_UP = 3  # steps that are not counted


def main() -> None:
    parser = arguments("Training in several processes")
    parser.add_argument("--repetitions", type=int, default=4, help="runs of every way")
    parser.add_argument("--steps", type=int, default=20, help="counted steps of a run")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument(
        "--child", nargs=3, metavar="VALUE", help="network, threads, steps: one process of a way"
    )
    options = parser.parse_args()
    if options.child:
        network, threads, steps = options.child
        train(network, int(threads), int(steps))
        return
    repetitions, steps = (1, 3) if options.quick else (options.repetitions, options.steps)
    rows = [row for network in options.networks for row in measure(network, repetitions, steps)]
    report(f"training in several processes, batch {BATCH}", rows, options.json)


def measure(network: str, repetitions: int, steps: int) -> list[Row]:
    """Run all ways in turn; return a row of each."""
    seen: dict[tuple[int, int], list[float]] = {way: [] for way in WAYS}
    reduced = 0.0
    for _ in range(repetitions):
        for way in WAYS:
            median_s, reduced = run(network, *way, steps)
            seen[way].append(median_s)
    alone_s = statistics.median(seen[WAYS[0]])
    return [
        {
            "network": network,
            "processes": processes,
            "threads": threads,
            "step_ms": 1e3 * statistics.median(seen[processes, threads]),
            "ratio": alone_s / statistics.median(seen[processes, threads]),
            "reduced_mb": reduced / 1e6 if processes > 1 else None,
        }
        for processes, threads in WAYS
    ]


def run(network: str, processes: int, threads: int, steps: int) -> tuple[float, float]:
    """Return the median duration of a step [s], and the bytes of the gradients."""
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words += ["-m", "benchmarks.training_processes", "--child", network, str(threads), str(steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    median_s, reduced = done.stdout.split()
    return float(median_s), float(reduced)


def train(network: str, threads: int, steps: int) -> None:
    """Train as one process of those that torchrun has started; the first one says what a step takes."""
    with joined() as processes:
        torch.manual_seed(0)
        spec = ObservationSpec((), STATE_DIM, 2, 0.1)
        denoiser = NETWORKS[network]
        config = PolicyConfig(spec, ACTION_DIM, "tcp_pose", HORIZON, 8, None, denoiser)
        training = TrainConfig(
            steps=10_000,
            batch_size=BATCH,
            noise_draws=1,
            lr=1e-4,
            warmup_steps=10,
            weight_decay=1e-6,
            clip_norm=1.0,
            ema_decay=0.999,
            threads=threads,
        )
        trainer = Trainer(
            DiffusionPolicy(config),
            training,
            ConstantRank(fraction=1 / 8),
            torch.Generator().manual_seed(0),
            RankConfig(),
            processes=processes,
        )
        data = WindowDataset([example_windows(4 * BATCH)])
        times: list[float] = []
        for _ in range(WARM_UP + steps):
            began_s = time.perf_counter()
            trainer.run(lambda generator: data.sample(generator, BATCH, split=processes.split), 1)
            times.append(time.perf_counter() - began_s)
        if processes.index == 0:
            trained = sum(4 * p.numel() for p in trainer.policy.parameters() if p.requires_grad)
            print(statistics.median(times[WARM_UP:]), trained)
        del trainer


def example_windows(count: int) -> WindowSet:
    """Return windows whose content does not change the cost."""
    random = np.random.default_rng(0)
    return WindowSet(
        "example",
        np.arange(count) / 10.0,
        {},
        np.zeros((1, 0), dtype=np.int64),
        np.zeros((count, 2), dtype=np.int64),
        random.normal(size=(count, 2, STATE_DIM)).astype(np.float32),
        random.normal(size=(count, HORIZON, ACTION_DIM)).astype(np.float32),
        np.ones((count, HORIZON), dtype=bool),
        np.ones(count, dtype=np.int64),
        np.zeros(count, dtype=bool),
        np.ones(count, dtype=np.int64),
    )


if __name__ == "__main__":
    main()
