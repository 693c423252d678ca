"""What one chunk costs with experts that are known before, with experts that are looked up, and without."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from benchmarks.support.distinct_weights import perturb
from benchmarks.support.networks import ACTION_DIM, HORIZON
from benchmarks.support.report import Row
from drift_core.denoisers import Denoiser, ModeConfig, ModeDenoiser
from drift_core.denoisers.mode.router import choose
from drift_core.engines import make_engine
from drift_core.engines.parts import TRUNK
from drift_core.samplers import make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from torch import Tensor

CONDITION_DIM = 113  # of the demo
STEPS, SAMPLER = 100, "ddim-16"
BATCHES = (1, 2, 8)
Denoise = Callable[[Tensor, Tensor], Tensor]


def dense(config: ModeConfig, experts: int) -> ModeConfig:
    """Return the same network with one expert as wide as so many of them."""
    return replace(config, experts=1, top_k=1, expand=experts * config.expand)


def networks(config: ModeConfig) -> dict[str, ModeDenoiser]:
    """Return random networks: experts, and dense ones of as many parameters in all and at one step."""
    configs = {
        "mode": config,
        "dense_total": dense(config, config.experts),
        "dense_active": dense(config, config.top_k),
    }
    made = {}
    for name, of in configs.items():
        torch.manual_seed(0)
        made[name] = ModeDenoiser(of, HORIZON, ACTION_DIM, CONDITION_DIM).eval()
        perturb(made[name], seed=1)
    return made


def looked_up(net: ModeDenoiser, condition: Tensor) -> Denoise:
    """Return what asks the router at every step and runs what it chooses one by one."""
    table, observed = net.step_table(STEPS), net.condition_film(condition)
    routes = net.film_sizes[-1]

    def denoise(x: Tensor, k: Tensor) -> Tensor:
        weights = choose(net.probabilities(k), net.config.top_k).flatten(1)
        film = table.index_select(0, k) + observed
        return net.trunk(x, torch.cat([film[:, :-routes], weights], dim=-1))

    return denoise


@torch.no_grad()
def cache_error(net: ModeDenoiser) -> float:
    """Return the largest difference that the cache makes to an output, at any step and batch size."""
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for batch in BATCHES:
        x = torch.randn(batch, HORIZON, ACTION_DIM, generator=generator)
        condition = torch.randn(batch, CONDITION_DIM, generator=generator)
        cached, uncached = net.hoist(condition, STEPS), looked_up(net, condition)
        for step in range(STEPS):
            k = torch.full((batch,), step)
            worst = max(worst, float((cached(x, k) - uncached(x, k)).abs().max()))
    return worst


def speed_rows(config: ModeConfig, repetitions: int) -> list[Row]:
    """Return a row for each way to denoise one chunk; ratios are medians of those within one round."""
    nets = networks(config)
    error = cache_error(nets["mode"])
    times_ms = _times_ms(nets, repetitions)
    rows: list[Row] = []
    for (engine, variant), taken in times_ms.items():

        def speedup(other: str, engine: str = engine, taken: list[float] = taken) -> float | None:
            if (engine, other) not in times_ms:
                return None
            pairs = zip(times_ms[engine, other], taken, strict=True)
            return statistics.median(slow / fast for slow, fast in pairs)

        cached = variant == "cached"
        uncached, total = (speedup("uncached"), speedup("dense_total")) if cached else (None, None)
        passed = None
        if cached and total is not None:
            passed = (uncached is None or uncached >= 1.5) and total >= 1.3 and error <= 1e-5
        net: Denoiser = nets.get(variant, nets["mode"])
        rows.append(
            {
                "system": "mode",
                "variant": variant,
                "engine": engine,
                "parameters": sum(p.numel() for p in net.parameters()),
                "calls": int(SAMPLER.rpartition("-")[2]),
                "latency_ms": min(taken),
                "speedup_uncached": uncached,
                "speedup_dense_total": total,
                "max_cache_error": error if cached else None,
                "passed": passed,
            }
        )
    return rows


@torch.no_grad()
def _times_ms(nets: dict[str, ModeDenoiser], repetitions: int) -> dict[tuple[str, str], list[float]]:
    """Return how long each way takes from the condition to the chunk, all in turn, by engine and variant."""
    generator = torch.Generator().manual_seed(0)
    condition = torch.randn(1, CONDITION_DIM, generator=generator)
    sampler = make_sampler(SAMPLER, NoiseSchedule(STEPS), "sample")
    mode, total, active = nets["mode"], nets["dense_total"], nets["dense_active"]
    ways: dict[tuple[str, str], Callable[[], Denoise]] = {
        ("eager", "cached"): lambda: mode.hoist(condition, STEPS),
        ("eager", "uncached"): lambda: looked_up(mode, condition),
        ("eager", "dense_total"): lambda: total.hoist(condition, STEPS),
        ("eager", "dense_active"): lambda: active.hoist(condition, STEPS),
    }
    for variant, net in (("cached", mode), ("dense_total", total), ("dense_active", active)):
        run = make_engine("openvino", net).runs[TRUNK]
        ways["openvino", variant] = lambda net=net, run=run: net.hoist(condition, STEPS, run)
    times_ms: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for repetition in range(-2, repetitions):
        for way, made in ways.items():
            started_s = time.perf_counter()
            sampler.sample(made(), (1, HORIZON, ACTION_DIM), generator)
            if repetition >= 0:
                times_ms[way].append(1e3 * (time.perf_counter() - started_s))
    return times_ms
