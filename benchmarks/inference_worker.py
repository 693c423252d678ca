"""Thread or process: which worker keeps the callbacks of the policy node alive while it denoises?

A node with a 100 Hz timer, as joint states would call it, beside a worker that denoises one chunk after the
other (10 DDIM steps of the U-Nets S and L, and the MLP of the demo). `late` is how much later than due a call
comes. Worker "none": nothing is denoised; "thread": in the node's own process, as the policy node does it;
"process": in one of its own, each observation sent to it and each chunk sent back.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

import numpy as np
import rclpy
import torch
from benchmarks.support.networks import NETWORKS, example_observation, make_policy
from benchmarks.support.report import Row, arguments, report
from drift_core.engines import make_engine
from drift_ros.clock import steady_clock
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

RATE_HZ = 100.0
SAMPLER = "ddim-10"


class Denoiser:
    """One policy with its engine, in whichever process this is."""

    def __init__(self, network: str, engine: str) -> None:
        torch.set_num_threads(1)
        self._policy = make_policy(network)
        self._policy.use_engine(make_engine(engine, self._policy.denoiser))
        self._sampler = self._policy.make_sampler(SAMPLER)
        self._generator = torch.Generator().manual_seed(0)

    def __call__(self, observation) -> np.ndarray:
        """Return a chunk (T, A)."""
        return self._policy.act(observation, self._sampler, self._generator, encode=_no_features)


def _no_features(camera: str, image: np.ndarray) -> torch.Tensor:
    """Return features without looking: the network alone is compared."""
    return torch.zeros(512)


class Count:
    """How many chunks were made."""

    value = 0


@contextmanager
def no_worker(network: str, engine: str) -> Iterator[Count]:
    """Denoise nothing."""
    yield Count()


@contextmanager
def over_and_over(make_chunk: Callable[[], object]) -> Iterator[Count]:
    """Make one chunk after the other in a thread; what it raises is raised at the end."""
    count, stop = Count(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            make_chunk()
            count.value += 1

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield count
        finally:
            stop.set()
        working.result()


@contextmanager
def thread_worker(network: str, engine: str) -> Iterator[Count]:
    """Denoise in a thread of this process."""
    denoise, observation = Denoiser(network, engine), example_observation()
    with over_and_over(lambda: denoise(observation)) as count:
        yield count


@contextmanager
def process_worker(network: str, engine: str) -> Iterator[Count]:
    """Denoise in another process; a thread here sends it observations and takes its chunks."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, network, engine))
    process.start()
    theirs.close()
    ours.recv()  # ready
    observation = example_observation()

    def make_chunk() -> None:
        ours.send(observation)
        ours.recv()

    with over_and_over(make_chunk) as count:
        yield count
    ours.send(None)
    process.join()


def _serve(pipe: Connection, network: str, engine: str) -> None:
    denoise = Denoiser(network, engine)
    pipe.send("ready")
    while (observation := pipe.recv()) is not None:
        pipe.send(denoise(observation))


WORKERS = {"none": no_worker, "thread": thread_worker, "process": process_worker}


def lateness_s(duration_s: float) -> np.ndarray:
    """Return how late each call of a 100 Hz timer was within `duration_s`, (N,) [s]."""
    context, called_s = Context(), []
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node("callbacks", context=context, use_global_arguments=False)
    node.create_timer(1.0 / RATE_HZ, lambda: called_s.append(time.monotonic()), clock=steady_clock())
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.1)
    node.destroy_node()
    context.try_shutdown()
    return np.maximum(np.diff(called_s) - 1.0 / RATE_HZ, 0.0)


def measure(network: str, engine: str, worker: str, duration_s: float) -> Row:
    """Return one row."""
    with WORKERS[worker](network, engine) as count:
        lateness_s(0.5)
        before = count.value
        late_ms = 1e3 * lateness_s(duration_s)
        made = count.value - before
    p50, p95, p99 = np.percentile(late_ms, (50, 95, 99))
    return {
        "network": network,
        "engine": engine,
        "worker": worker,
        "late_p50_ms": float(p50),
        "late_p95_ms": float(p95),
        "late_p99_ms": float(p99),
        "late_max_ms": float(late_ms.max()),
        "calls_lost": float(1.0 - len(late_ms) / (duration_s * RATE_HZ)),
        "chunks_per_s": made / duration_s,
    }


def main() -> None:
    parser = arguments("Lateness of callbacks beside a denoising worker")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    duration_s, engines = (2.0, ("openvino",)) if options.quick else (10.0, ("eager", "openvino"))
    rows = [measure("mlp", "eager", "none", duration_s)]
    for network in options.networks:
        for engine in engines:
            rows += [measure(network, engine, worker, duration_s) for worker in ("thread", "process")]
    report(f"{RATE_HZ:g} Hz callbacks, load average {os.getloadavg()[0]:.1f}", rows, options.json)


if __name__ == "__main__":
    main()
