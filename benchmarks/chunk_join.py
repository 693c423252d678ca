"""How smoothly chunks join when inference takes time: replaced at once, averaged as in LeRobot, in-painted.

A policy trained for `place` drives the Panda in the in-process shell; a chunk arrives `delay_ms` after its
observation. All methods have the same weights, sampler, replanning and seeds:

naive             the newest chunk replaces the old one as soon as it arrives
weighted_average  the same, with 0.3 old + 0.7 new where they overlap, step by step (LeRobot's default)
inpaint           the steps that run during inference are imposed at every denoising step, with soft weights
                  over the overlap, and the gate blends from chunk to chunk over `chunk_blend_s`

Measured is the joint reference that the gate computes from the chunk (interpolation, blend, inverse
kinematics), before it limits the motion; only a set-point outside the workspace, or more than 10 cm from the
command, has been pulled in. At every control tick, r being the reference and dt the period:

excess step  max over the joints of |r(t) - r(t - dt) - v dt|, v = (r(t - dt) - r(t - 2 dt)) / dt
jerk         max over the joints of |r(t) - 3 r(t - dt) + 3 r(t - 2 dt) - r(t - 3 dt)| / dt^3

Both are taken over all ticks from the first tick of a new chunk until 0.3 s later: a blend that only
moved the kink would show. max_excess_step_rad and max_jerk [rad/s^3] are the largest of an episode, as the
median over the episodes; p99_excess_step_rad is over all joints between chunks of all episodes, worst_… over
everything. success_change: paired with naive at the same delay, with its 95 % interval.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.trained_policy import ROBOT, Training, trained_policy
from drift.evaluation import seeds
from drift.node_parameters import defaults
from drift.simulation import make_shell, policy_pace
from drift_control.gate.state import CommandSource
from drift_control.loop import Tick
from drift_core.intervals import paired_difference, success_rate
from drift_core.observation.spec import Observation
from drift_core.policy.policy import DiffusionPolicy, Encode
from drift_core.samplers import Prefix, Sampler
from drift_policy_node.config import PolicyNodeConfig
from drift_sim.shell import Shell
from rich.console import Console

TASK = "place"
DELAYS_MS = (50, 150, 300)
METHODS = ("naive", "weighted_average", "inpaint")
OLD_WEIGHT = 0.3
WINDOW_S = 0.3  # after the first tick of a new chunk
EPISODES, QUICK_EPISODES = 40, 1
FULL, QUICK = Training(40, "demo", 2000), Training(4, "smoke", 60)


class AveragingPolicy(DiffusionPolicy):
    """Each chunk averaged with the last one where they overlap."""

    def __init__(self, policy: DiffusionPolicy) -> None:
        super().__init__(policy.config)
        self.load_state_dict(policy.state_dict())
        self.eval()
        self._last: tuple[float, np.ndarray] | None = None

    def act(
        self,
        observation: Observation,
        sampler: Sampler,
        generator: torch.Generator,
        prefix: Prefix | None = None,
        encode: Encode | None = None,
    ) -> np.ndarray:
        """Return 0.3 of the last chunk and 0.7 of the new one, the new one beyond the last's end."""
        chunk = super().act(observation, sampler, generator, prefix, encode)
        if self._last is not None:
            last_s, last = self._last
            shift = round((observation.t_ref_s - last_s) / self.config.observation.dt_s)
            if 0 < shift < len(chunk):  # negative: time starts again with every episode
                overlap = len(chunk) - shift
                chunk[:overlap] = OLD_WEIGHT * last[shift:] + (1.0 - OLD_WEIGHT) * chunk[:overlap]
        self._last = observation.t_ref_s, chunk
        return chunk


@dataclass
class Joints:
    """The reference of one episode, tick by tick, and where chunks follow each other."""

    dt_s: float
    _reference: list[np.ndarray] = field(default_factory=list)
    _chunk: list[int] = field(default_factory=list)  # 0: nothing asked for

    def add(self, tick: Tick) -> None:
        """Take one control step."""
        driven = tick.source is CommandSource.POLICY and tick.reference is not None
        if driven and tick.reference is not None:
            self._reference.append(tick.reference)
        elif tick.command is not None:
            self._reference.append(tick.command)
        self._chunk += [tick.chunk_id if driven else 0] * (tick.command is not None)

    def measure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest excess step [rad] and jerk [rad/s^3] after each change of chunks, (N,) each."""
        reference, chunk = np.array(self._reference), np.array(self._chunk)
        excess = np.abs(np.diff(reference, n=2, axis=0)).max(axis=1)  # [i]: at tick i + 2
        jerk = np.abs(np.diff(reference, n=3, axis=0)).max(axis=1) / self.dt_s**3  # [i]: at tick i + 3
        window = round(WINDOW_S / self.dt_s)
        found = []
        for tick in range(3, len(chunk) - window):
            # from chunk to chunk, and the policy drives in all ticks that count
            if chunk[tick] != chunk[tick - 1] and (chunk[tick - 3 : tick + window] > 0).all():
                found.append((excess[tick - 2 :][:window].max(), jerk[tick - 3 :][:window].max()))
        return tuple(np.array(found).reshape(-1, 2).T)


@dataclass
class Tally:
    """What one method did at one delay."""

    success: list[bool] = field(default_factory=list)
    excess: list[np.ndarray] = field(default_factory=list)  # (N,) per episode
    jerk: list[np.ndarray] = field(default_factory=list)

    def row(self, method: str, delay_ms: int, naive: "Tally") -> Row:
        """Return the figures."""
        change = paired_difference(naive.success, self.success)
        low, mean, high = (100.0 * value for value in (change.low, change.value, change.high))
        every = np.concatenate(self.excess)
        return {
            "method": method,
            "delay_ms": delay_ms,
            "max_excess_step_rad": float(np.median([x.max() for x in self.excess if len(x)])),
            "p99_excess_step_rad": float(np.quantile(every, 0.99)),
            "worst_excess_step_rad": float(every.max()),
            "max_jerk": float(np.median([x.max() for x in self.jerk if len(x)])),
            "success": success_rate(self.success).value,
            "success_change": f"{mean:+.0f} [{low:+.0f}, {high:+.0f}]",
            "joints": len(every),
            "episodes": len(self.success),
        }


def run(
    shell: Shell, policies: dict[str, DiffusionPolicy], sampler: Sampler, delay_ms: int, seed: int
) -> dict[str, tuple[bool, np.ndarray, np.ndarray]]:
    """Return success, excess steps and jerks of one episode per method, all of the same seed."""
    gate, found = shell.environment.gate, {}
    for method, policy in policies.items():
        inpaint = method == "inpaint"
        pace = replace(policy_pace(), inference_s=delay_ms / 1e3, realtime_chunking=inpaint)
        shell.environment.gate = gate if inpaint else replace(gate, chunk_blend_s=0.0)
        joints = Joints(gate.dt_s)
        try:
            result = shell.run_episode(seed, policy, sampler, pace=pace, on_tick=joints.add)
        finally:
            shell.environment.gate = gate
        found[method] = (result.success, *joints.measure())
    return found


def main() -> None:
    parser = arguments("Smoothness at the joints between chunks under inference delay")
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/trained_policies"), help="keeps the trained policy"
    )
    parser.add_argument("--episodes", type=int, default=EPISODES, help="paired episodes")
    parser.add_argument("--sampler", default=defaults(PolicyNodeConfig).sampler)
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = QUICK_EPISODES if options.quick else options.episodes
    folder = options.folder / "quick" if options.quick else options.folder
    policy = trained_policy(TASK, QUICK if options.quick else FULL, folder)
    policies = dict.fromkeys(METHODS, policy) | {"weighted_average": AveragingPolicy(policy)}
    sampler = policy.make_sampler(options.sampler)
    shell = make_shell(ROBOT, TASK)
    tallies = {(method, delay_ms): Tally() for delay_ms in DELAYS_MS for method in METHODS}
    log = Console(stderr=True)
    for index, seed in enumerate(seeds(count)):
        for delay_ms in DELAYS_MS:
            for method, (success, excess, jerk) in run(shell, policies, sampler, delay_ms, seed).items():
                tally = tallies[method, delay_ms]
                tally.success.append(success)
                tally.excess.append(excess)
                tally.jerk.append(jerk)
        log.print(f"{index + 1} of {count} episodes")
    shell.close()
    rows = [tally.row(*key, tallies["naive", key[1]]) for key, tally in tallies.items()]
    load = os.getloadavg()[0]
    report(
        f"joints between chunks, {options.sampler}, load average {load:.1f} at the end", rows, options.json
    )


if __name__ == "__main__":
    main()
