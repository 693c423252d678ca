"""What a training step costs at each rank, against a strong full-rank baseline (fused AdamW, averaging,
clipping).

S and L are the U-Nets of 25 and 80 million parameters at batch 64, horizon 16, condition 1044. All forms at
one rank run in turn, a step each, and medians are compared, so that a busy moment of the machine hits all of
them. Peak memory is that of a process of its own while it steps. `reduce_s`: changing the rank of all layers
from full to this one, with all that follows in the trainer; `halve_s`: from this one to half of it.
`update_bytes`: what trains, as float32. `lora` trains as many numbers as `usv`, `lora_left` as `left`.

`no_weight_gradient` is the limit: the full step in which no weight matrix has a gradient. Norms and biases
of linear layers train: they cost nothing, and the gradient flows through every layer. `limit_ratio`:
a step beside it. `load` "stack": the same at the niceness of the training worker, beside simulation, gate and
a policy that drives, the network of the demo.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from benchmarks.support.report import Row, arguments, report, write_rows
from drift_core.denoisers import UNetConfig
from drift_core.observation.spec import ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.modulation import bfloat16_is_fast
from drift_core.training.config import RankConfig, TrainConfig
from drift_core.training.trainer import Trainer
from torch import nn

HORIZON, ACTION_DIM, STATE_DIM, BATCH = 16, 10, 522, 64  # two observation steps of 522: a condition of 1044
NETWORKS = {"S": (128, 256, 512), "L": (256, 512, 1024)}
FRACTIONS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)
LOADS = ("quiet", "stack")
WARM_UP = 2  # steps of each form that are not counted; the change of rank comes with one, too


@dataclass(frozen=True)
class Form:
    """One row's way of training."""

    name: str  # full, full_bf16, no_weight_gradient, left, left_bf16, usv, lora, lora_left
    policy: str  # exact, fast, or "-" where there is none
    fraction: float

    @property
    def modulation(self) -> RankConfig | None:
        """The rank modulation of this form, if it has one."""
        if self.policy == "-":
            return None
        base, _, bfloat16 = self.name.partition("_")
        return RankConfig(form=base, policy=self.policy, bfloat16=bool(bfloat16))  # type: ignore[arg-type]


class Rank:
    """A schedule that is turned by hand."""

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction

    def __call__(self, step: int) -> float:
        """Return the present fraction."""
        return self.fraction


def main() -> None:
    parser = arguments("Cost of a training step at each rank")
    parser.add_argument("--threads", type=int, default=2, help="torch threads")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (memory is then the GPU's)")
    parser.add_argument("--repetitions", type=int, default=9, help="counted steps of every row")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=LOADS)
    parser.add_argument("--fractions", nargs="+", type=float, default=list(FRACTIONS), help="ranks r / R")
    parser.add_argument("--skip-memory", action="store_true", help="no process for the memory of each row")
    parser.add_argument(
        "--child", nargs=4, metavar="VALUE", help="network, form, policy, rank: peak memory only"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.child:
        network, name, policy, fraction = options.child
        print(peak_bytes(network, Form(name, policy, float(fraction)), options.threads, options.device))
        return
    repetitions, fractions = (3, [1 / 8]) if options.quick else (options.repetitions, options.fractions)
    rows: list[Row] = []
    for load in [load for load in LOADS if load in options.loads]:  # the niceness of the second one stays
        networks = ["S"] if options.quick and load == "stack" else options.networks
        with beside(load):
            for network in networks:
                for fraction in fractions:
                    compared = forms(fraction, options.quick, options.device)
                    rows += measure(network, compared, repetitions, load, options)
                    write_rows(rows, options.json)
    report(f"training step, batch {BATCH}, {options.threads} threads, {options.device}", rows, options.json)


@contextmanager
def beside(load: str) -> Iterator[None]:
    """Run the stack beside what is measured, or nothing."""
    if load == "quiet":
        yield
        return
    from benchmarks.support.busy_training import NICENESS  # the processes whose memory is measured
    from benchmarks.support.running_stack import running_stack  # do without all that these bring

    with running_stack() as stack:
        stack.make_ready()
        stack.start_policy()
        stack.client.wait_until(lambda: stack.client.gate_state.state == 2, 30.0, "the policy to drive")
        os.nice(NICENESS)
        yield
        stack.client.spin(0.5)
        if stack.client.gate_state.state != 2:
            raise RuntimeError(f"the policy must drive to the end: {stack.client.gate_state.text}")


def forms(fraction: float, quick: bool, device: str) -> list[Form]:
    """Return what is compared at one rank, the baseline first."""
    bfloat16 = bfloat16_is_fast(torch.device(device))
    result = [Form("full", "-", 1.0), Form("no_weight_gradient", "-", 1.0)]
    result += [Form("full_bf16", "-", 1.0)] if bfloat16 and not quick else []
    for policy in ("fast",) if quick else ("fast", "exact"):
        result += [Form("left", policy, fraction), Form("usv", policy, fraction)]
    result += [Form("left_bf16", "fast", fraction)] if bfloat16 else []
    return [*result, Form("lora", "-", fraction), Form("lora_left", "-", fraction)]


def measure(network: str, compared: list[Form], repetitions: int, load: str, options) -> list[Row]:
    """Run all forms in turn; return a row of each."""
    trainers, reduce_s = {}, {}
    for form in compared:
        trainers[form] = make_trainer(network, form, options.threads, options.device, start=1.0)
        reduce_s[form] = None
        if form.modulation:
            trainers[form].run(example_batch, 1)  # so that there are moments to take along
            reduce_s[form] = turn(trainers[form], form.fraction)
    times: dict[Form, list[float]] = {form: [] for form in compared}
    warm_up = 1 if options.quick else WARM_UP
    for repetition in range(repetitions + warm_up):
        for form, trainer in trainers.items():
            elapsed_s = step_s(trainer, options.device)
            if repetition >= warm_up:
                times[form].append(elapsed_s)
    median_s = {form: statistics.median(values) for form, values in times.items()}
    described = {}
    for form, trainer in trainers.items():
        tensors = [p for p in trainer.policy.parameters() if p.requires_grad]
        described[form] = (trainer.effective_rank, sum(4 * p.numel() for p in tensors))
    halve_s = {
        form: turn(trainer, form.fraction / 2) if form.modulation and not options.quick else None
        for form, trainer in trainers.items()
    }
    trainers.clear()
    memory = {
        form: peak_in_child(network, form, options)
        for form in compared
        if not options.skip_memory
        and load == "quiet"
        and (not options.quick or (network == "L" and form.name in ("full", "left")))
    }
    baseline, limit = compared[:2]
    return [
        {
            "load": load,
            "network": network,
            "form": form.name,
            "policy": form.policy,
            "rank_fraction": form.fraction,
            "effective_rank": described[form][0] if form.modulation else form.fraction,
            "step_ms": 1e3 * median_s[form],
            "step_ratio": median_s[form] / median_s[baseline],
            "limit_ratio": median_s[form] / median_s[limit],
            "peak_rss_mb": memory[form] / 1e6 if form in memory else None,
            "peak_rss_ratio": memory[form] / memory[baseline] if form in memory else None,
            "update_bytes": described[form][1],
            "update_ratio": described[form][1] / described[baseline][1],
            "reduce_s": reduce_s[form],
            "halve_s": halve_s[form],
        }
        for form in compared
    ]


def make_trainer(network: str, form: Form, threads: int, device: str, start: float) -> Trainer:
    """Return a trainer whose rank is `start`, which `turn` changes."""
    torch.manual_seed(0)
    policy = DiffusionPolicy(
        PolicyConfig(
            ObservationSpec((), STATE_DIM, 2, 0.1),
            ACTION_DIM,
            "tcp_pose",
            HORIZON,
            8,
            None,
            UNetConfig(down_dims=NETWORKS[network]),
        )
    ).to(device)
    if form.name.startswith("lora"):
        from drift.experiment.lora import add_lora  # imports much that would count as memory of the others

        add_lora(policy, form.fraction, as_many_as="left" if form.name == "lora_left" else "usv")
    if form.name == "no_weight_gradient":
        freeze_weights(policy)
    config = TrainConfig(
        steps=10_000,
        batch_size=BATCH,
        noise_draws=1,
        lr=1e-4,
        warmup_steps=10,
        weight_decay=1e-6,
        clip_norm=1.0,
        ema_decay=0.9999,
        threads=threads,
        autocast=form.name == "full_bf16" or device != "cpu",
    )
    generator = torch.Generator().manual_seed(0)
    schedule = Rank(start) if form.modulation else None
    return Trainer(policy, config, schedule, generator, form.modulation)


def freeze_weights(policy: DiffusionPolicy) -> None:
    """Freeze all weights, and the biases for which torch would form a weight gradient."""
    for layer in policy.modules():
        if isinstance(layer, nn.modules.conv._ConvNd):
            layer.requires_grad_(False)
        elif isinstance(layer, nn.Linear):
            layer.weight.requires_grad_(False)


def example_batch(generator: torch.Generator) -> Batch:
    """Draw a batch; its content does not change the cost."""
    index = torch.zeros(BATCH, 2, dtype=torch.long)
    state = torch.randn(BATCH, 2, STATE_DIM, generator=generator)
    actions = torch.randn(BATCH, HORIZON, ACTION_DIM, generator=generator)
    return Batch({}, index, torch.zeros(1, 0), state, actions, torch.ones(BATCH, HORIZON, dtype=torch.bool))


def turn(trainer: Trainer, fraction: float) -> float:
    """Change the rank before the next step; return what the change took [s]."""
    assert isinstance(trainer.schedule, Rank)
    trainer.schedule.fraction = fraction
    return trainer.run(example_batch, 1).rank_change_s


def step_s(trainer: Trainer, device: str) -> float:
    """Return the duration of one step [s]."""
    wait: Callable[[], object] = torch.cuda.synchronize if device != "cpu" else lambda: None
    wait()
    started_s = time.perf_counter()
    trainer.run(example_batch, 1)
    wait()
    return time.perf_counter() - started_s


def peak_in_child(network: str, form: Form, options) -> int:
    """Return the peak memory of a process that does nothing but this form [bytes]."""
    values = [network, form.name, form.policy, str(form.fraction)]
    command = [
        sys.executable,
        "-m",
        "benchmarks.train_step",
        "--threads",
        str(options.threads),
        "--device",
        options.device,
    ]
    result = subprocess.run([*command, "--child", *values], capture_output=True, text=True, check=True)
    return int(json.loads(result.stdout))


def peak_bytes(network: str, form: Form, threads: int, device: str) -> int:
    """Return the peak memory of this process over two steps, set-up left out [bytes]."""
    trainer = make_trainer(network, form, threads, device, start=form.fraction)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak, Linux only
    trainer.run(example_batch, 2)
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    return 1024 * int(peak[1])


if __name__ == "__main__":
    main()
