"""How long one chunk takes at batch size 1: our samplers and engines against naive loops around the same net.

S and L are the U-Nets of 25 and 80 million parameters, for two observation steps of one 96 x 96 camera
through ResNet-18 and a 10-dimensional state (C = 1044), as in Diffusion Policy. The encoder, the same for
all, is a column of its own; p50 to p99 are denoising alone, of `count` calls. Rows of engine "diffusers" are
the peers: every step a whole network call, conditioning and all. rti2 and rti3 are warm chunks; rti3_full is
the full denoise that a warm start falls back to after a new epoch or a jump.

A second table, rows `image_to_chunk`: from the arrival of the newest picture of every camera, all at once, to
the finished warm chunk of S, against a policy that encodes both frames in PyTorch at every inference.
"""

import dataclasses
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from benchmarks.support.image_to_chunk import measure_image_to_chunk
from benchmarks.support.networks import (
    ACTION_DIM,
    HORIZON,
    NETWORKS,
    SAMPLERS,
    always_warm,
    example_observation,
    make_policy,
)
from benchmarks.support.report import arguments, report, write_rows
from diffusers import DDIMScheduler, DDPMScheduler
from drift_core.engines import Engine, EngineError, make_engine
from drift_core.policy.policy import DiffusionPolicy
from rich.console import Console
from torch import Tensor

ENGINES = ("eager", "openvino", "openvino_bf16")  # of a CPU
PEERS = ("ddpm100", "ddim10")
SLOW = "ddpm100"  # repeated ten times less
Call = Callable[[], object]


def main() -> None:
    parser = arguments("Latency of denoising one chunk")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    parser.add_argument(
        "--repetitions", type=int, default=100, help="of every row (a tenth of the DDPM-100 ones)"
    )
    parser.add_argument("--lerobot-python", type=Path, metavar="PYTHON", help="with LeRobot in it")
    parser.add_argument("--networks", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    repetitions = 5 if options.quick else options.repetitions
    rows = []
    for network in options.networks:
        rows += measure(network, repetitions)
        if options.lerobot_python is not None and network != "mlp":
            rows.append(measure_lerobot(network, options.lerobot_python, options.threads, repetitions, rows))
    if rows:
        report(f"denoising one chunk, batch 1, {options.threads} threads", rows, None)
    whole = measure_image_to_chunk("auto", 20 if options.quick else 300)
    report(f"from the newest picture to the chunk, warm RTI-3, {options.threads} threads", whole, None)
    write_rows([*rows, *whole], options.json)


def measure(network: str, repetitions: int) -> list[dict[str, str | float | None]]:
    """Time every sampler and engine of one network in interleaved rounds; return the rows."""
    policy = make_policy(network)
    observation = example_observation()
    with torch.no_grad():
        condition = policy.observe(observation)
        calls = {("diffusers", sampler): diffusers_loop(policy, condition, sampler) for sampler in PEERS}
        for engine in engines(policy):
            for sampler in SAMPLERS:
                calls[engine.name, sampler] = our_call(policy, condition, engine, sampler)
        times_ms = interleaved(calls, repetitions)
        encoder_ms = np.median(
            [timed_ms(lambda: policy.observe(observation)) for _ in range(max(5, repetitions))]
        )
    median = {key: float(np.median(times)) for key, times in times_ms.items()}
    return [
        row(
            network,
            sampler,
            engine,
            float(encoder_ms),
            times,
            median["diffusers", "ddpm100"],
            median["diffusers", "ddim10"],
        )
        for (engine, sampler), times in times_ms.items()
    ]


def row(
    network: str,
    sampler: str,
    engine: str,
    encoder_ms: float | None,
    times: list[float],
    ddpm: float,
    ddim: float,
) -> dict[str, str | float | None]:
    p50, p95, p99 = (float(value) for value in np.percentile(times, [50, 95, 99]))
    return {
        "network": network,
        "sampler": sampler,
        "engine": engine,
        "encoder_ms": encoder_ms,
        "count": len(times),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "ratio_ddpm100": p50 / ddpm,
        "ratio_ddim10": p50 / ddim,
    }


def engines(policy: DiffusionPolicy) -> list[Engine]:
    """Return those that can be built here, and say why others cannot."""
    built = []
    for name in ENGINES:
        try:
            built.append(make_engine(name, policy.denoiser))
        except EngineError as error:
            Console(stderr=True).print(f"left out: {error}")
    return built


def our_call(policy: DiffusionPolicy, condition: Tensor, engine: Engine, sampler_name: str) -> Call:
    """Return one denoising as the policy node does it."""
    generator = torch.Generator().manual_seed(0)
    sampler = always_warm(policy.make_sampler(SAMPLERS[sampler_name]))
    policy.use_engine(engine)
    policy.sample(
        condition, sampler, generator
    )  # fills the step table; the first chunk of a warm start is cold

    def call() -> None:
        policy.use_engine(engine)
        if sampler_name == "rti3_full":
            sampler.reset()
        policy.sample(condition, sampler, generator)

    return call


def diffusers_loop(policy: DiffusionPolicy, condition: Tensor, sampler: str) -> Call:
    """Return the usual loop: a scheduler of diffusers around the whole network."""
    kind, steps = (DDPMScheduler, 100) if sampler == "ddpm100" else (DDIMScheduler, 10)
    scheduler = kind(num_train_timesteps=100, beta_schedule="squaredcos_cap_v2", clip_sample=True)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(0)

    def call() -> None:
        x = torch.randn(1, HORIZON, ACTION_DIM, generator=generator)
        for t in scheduler.timesteps:
            output = policy.denoiser(x, t.expand(1), condition)
            x = scheduler.step(output, t, x, generator=generator).prev_sample

    return call


def interleaved(calls: dict[tuple[str, str], Call], repetitions: int) -> dict[tuple[str, str], list[float]]:
    """Run all calls in turn, so that a busy moment of the machine hits all of them."""
    times_ms: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for repetition in range(repetitions):
        for key, call in calls.items():
            if key[1] != SLOW or repetition % 10 == 0:
                times_ms[key].append(timed_ms(call))
    return times_ms


def timed_ms(call: Call) -> float:
    started_s = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started_s)


def measure_lerobot(
    network: str, python: Path, threads: int, repetitions: int, rows: list[dict[str, str | float | None]]
) -> dict[str, str | float | None]:
    """Time LeRobot's diffusion policy (DDPM-100, its default) in its own environment."""
    dims = ",".join(str(dim) for dim in dataclasses.asdict(NETWORKS[network])["down_dims"])
    script = Path(__file__).parent / "support/lerobot_latency.py"
    count = max(1, repetitions // 10)
    command = [
        str(python),
        str(script),
        "--down-dims",
        dims,
        "--threads",
        str(threads),
        "--repetitions",
        str(count),
    ]
    found = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )
    median = {
        r["sampler"]: r["p50_ms"] for r in rows if r["network"] == network and r["engine"] == "diffusers"
    }
    return row(
        network,
        "lerobot",
        "lerobot",
        found["encoder_ms"],
        found["times_ms"],
        median["ddpm100"],
        median["ddim10"],
    )


if __name__ == "__main__":
    main()
