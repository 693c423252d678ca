"""The gate's properties at length: random messages and device traces through gate and guard.

    python -m acceptance.fuzz --ticks 1000000  # one round after the other until so many ticks
    python -m acceptance.fuzz --replay 17      # that round again, with its smallest failing input

A round is one seed: thirty random sessions at one of ARMS with one of PADS, like those of
test_properties.py. The first failing round ends the run with its seed and exit code 1.
"""

import argparse
import os
import sys
import time
import traceback
from multiprocessing import get_context

import hypothesis
from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_control.testing.bench import Bench
from drift_control.testing.random_inputs import check_hold, check_limits, play, segments
from hypothesis import HealthCheck, Phase, given, settings
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

ARMS = (  # and their control rates [Hz]
    ("panda", 50.0), ("ur5e", 125.0), ("ur10e", 125.0), ("fr3", 50.0), ("ur3e", 125.0), ("ur16e", 125.0),
)  # fmt: skip
PADS = ("gamepad", "playstation", "logitech", "xbox_bluetooth", "keyboard")
SESSIONS = 30


def fuzz_round(seed: int) -> tuple[int, int, str]:
    """Return the seed, the ticks that were played, and what failed (empty if nothing did)."""
    name, rate_hz = ARMS[seed % len(ARMS)]
    robot = load_robot(config_file("robot", name))
    joysticks = {
        topic: load_joystick(config_file("joystick", device))
        for topic, device in (("joy", PADS[seed // len(ARMS) % len(PADS)]), ("expert/joy", "scripted"))
    }
    ticks = 0

    @hypothesis.seed(seed)
    @settings(
        max_examples=SESSIONS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(segments=segments)
    def session(segments):
        nonlocal ticks
        bench = Bench(robot, joysticks, rate_hz=rate_hz)
        play(bench, segments)
        ticks += len(bench.ticks)
        check_limits(bench)
        check_hold(bench)

    try:
        session()
    except Exception:  # whatever it is, it is what the fuzzing looks for
        return seed, ticks, traceback.format_exc()
    return seed, ticks, ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Random messages and device traces through gate and guard")
    parser.add_argument(
        "--ticks", type=int, default=20_000, help="control ticks in all (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default: %(default)s)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play the round of this seed alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: %(default)s")
    options = parser.parse_args()
    if options.replay is not None:
        _, ticks, failure = fuzz_round(options.replay)
        print(failure or f"round {options.replay}: {ticks} ticks, no limit broken")
        return bool(failure)
    start_s, done, rounds = time.monotonic(), 0, 0
    bar = Progress("ticks", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with get_context("spawn").Pool(options.processes) as pool, bar:
        task = bar.add_task("ticks", total=options.ticks)
        seeds = range(options.seed, options.seed + options.ticks)  # every session is at least one tick
        for seed, ticks, failure in pool.imap_unordered(fuzz_round, seeds):
            done, rounds = done + ticks, rounds + 1
            bar.update(task, completed=done)
            if failure:
                bar.stop()
                print(f"{failure}\nround {seed} failed; play it again with --replay {seed}")
                return 1
            if done >= options.ticks:
                break
    elapsed_s = time.monotonic() - start_s
    print(f"{done} ticks in {rounds} rounds from seed {options.seed}, {elapsed_s:.0f} s: no limit broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
