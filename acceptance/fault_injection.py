"""What the running stack does when something breaks: one fault at a time, in simulation, while the arm moves.

Simulation and gate are processes of the stack, and so are policy, expert and trainer where they are what
breaks; elsewhere this program plays joystick and policy, and relays joint states and camera to cut them.
Times count from the fault (the signal, the bad message, the last good one). `detect_ms`: the gate's first
control step that holds (or clamps, for the teleporting policy); `decel_start_ms`: the command first slows
down; `standstill_ms`: it no longer moves. Allowed: `detect_ms` + 100 until it slows down, then v / a_max,
with v one tick before.
A hang is made by SIGSTOP. The clock jumps for the gate alone, which then takes its time from this program.
Where nothing is to happen `detect_ms` stays empty: no control step held.
In a protective stop `standstill_ms` is that of the measured joints: the command goes to where they stand.
When gate or simulation die or hang it is that of the measured joints, too (empty where the
simulation ends before it can be told), `detect_ms` is when the supervisor has ended everything, `reason`
what it said.
`recovered`: once the cause is gone (and the gate armed, where it must be) the same driver moves the arm.
Each row is judged by what its fault must lead to (`verdict.py`); `wrong` says what is not so, and one such
row makes the exit code 1.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from acceptance.hands import REMAP, Hands
from acceptance.verdict import Expected, conclude, objections
from benchmarks.support.busy_training import busy_training
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import RunningStack, running_stack
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_interfaces.msg import Step
from drift_ros.clock import to_seconds

RATE_HZ = 50.0
DT_S = 1.0 / RATE_HZ
CLAMPS = GuardFlag.VELOCITY | GuardFlag.TCP_SPEED | GuardFlag.WORKSPACE
AT_REST_RAD = 1e-3
MOVING_RAD_S = 0.02  # fastest joint of a command that counts as motion
SLOW = (
    "chunk with infinity",
    "joint_states stopped",
    "sim SIGSTOP",
)  # left out of --quick, as other processes
POLICY, EXPERT = CommandSource.POLICY, CommandSource.EXPERT


@dataclass(frozen=True)
class Fault:
    """One fault: who drives when it happens, how it is made, how its cause is taken away."""

    name: str
    driver: CommandSource
    make: Callable[[RunningStack, Hands], float]  # returns its ROS time
    expected: Expected
    mend: Callable[[RunningStack, Hands], None] = lambda stack, hands: None
    node: str = ""  # started for it
    expects: str = "hold"  # or "clamp", "nothing"
    watch_s: float = 2.5


def main() -> int:
    parser = arguments("What the running stack does when something breaks")
    parser.add_argument("--only", metavar="TEXT", default="", help="only faults that have this in their name")
    options = parser.parse_args()

    def wanted(faults: tuple[Fault, ...]) -> list[Fault]:
        return [
            fault
            for fault in faults
            if options.only in fault.name
            and not (options.quick and (fault.node or fault.name in SLOW or fault in CLOCK_FAULTS))
        ]

    rows = inject_all(wanted(FAULTS))
    rows += inject_all(wanted(CLOCK_FAULTS), on_clock=True)
    rows += [inject_death(fault) for fault in wanted(DEATHS)]
    if not rows:
        parser.error(f"--only {options.only!r} must be part of the name of a fault: {', '.join(NAMES)}")
    report(f"faults at {RATE_HZ:g} Hz, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    return conclude(rows)


def inject_all(faults: list[Fault], on_clock: bool = False) -> list[Row]:
    """Make one fault after the other happen in one stack; `on_clock`: its gate takes the time from here."""
    rows: list[Row] = []
    if not faults:
        return rows
    with running_stack(RATE_HZ, "demonstrator", REMAP, ("expert_gate",) if on_clock else ()) as stack:
        hands = Hands(stack.robot, on_clock)
        try:
            stack.make_ready()
            for node in dict.fromkeys(fault.node for fault in faults):
                start_node(stack, node)
                here = [fault for fault in faults if fault.node == node]
                rows += [(inject_hang if fault is HANG else inject)(fault, stack, hands) for fault in here]
                if node:
                    stack.beside.pop(node).stop()
        finally:
            hands.close()
    return rows


def start_node(stack: RunningStack, node: str) -> None:
    """Start the process that will break."""
    if node == "policy":
        stack.start_policy()
    elif node:
        stack.start(node)
        stack.client.spin(5.0 if node == "expert" else 8.0)


def drive(fault: Fault, stack: RunningStack, hands: Hands, limit_s: float = 25.0) -> bool:
    """Let the right driver move the arm; False when it does not within the limit."""
    own = fault.node in ("", "trainer")
    hands.sweep = own and fault.driver is POLICY
    hands.joy = "off" if fault.node == "expert" else "open"
    stack.client.spin(0.2)
    if not stack.client.gate_state.armed:
        stack.client.arm()
    if own and fault.driver is EXPERT:
        hands.joy = "drive"
    end_s, wait_s = time.monotonic() + limit_s, 0.6
    while time.monotonic() < end_s:
        hands.steps.clear()
        stack.client.spin(wait_s)
        log = Log(list(hands.steps), stack)
        if (
            len(log.source) > 10
            and (log.source == fault.driver).all()
            and log.speed[-3:].min() > MOVING_RAD_S
        ):
            return True
    return False


def inject(fault: Fault, stack: RunningStack, hands: Hands) -> Row:
    """Make one fault happen, watch, mend it; return its row."""
    if not drive(fault, stack, hands):
        raise RuntimeError(f"{fault.name}: the arm does not move: {stack.client.gate_state.text}")
    hands.states.clear()
    fault_s = fault.make(stack, hands)
    stack.client.spin(fault.watch_s)
    log = Log(list(hands.steps), stack)
    if fault in CLOCK_FAULTS:  # stamps jump with the clock
        log.count_ticks()
    row = log.row(fault, fault_s)
    if fault.make is protective_stop:
        row["standstill_ms"] = measured_standstill_ms(hands.measured_since(fault_s), fault_s)
    held = [msg for msg in hands.states if msg.state in (State.HOLD, State.FAULT)]
    held.sort(key=lambda msg: msg.state, reverse=True)  # a fault counts more than the hold before it
    shown = held[0] if held and fault.expects == "hold" else stack.client.gate_state
    fault.mend(stack, hands)
    recovered = drive(fault, stack, hands)
    return judged(fault, stack, row, State(shown.state).name, Reason(shown.reason).name, recovered)


def judged(
    fault: Fault, stack: RunningStack, row: Row, state: str, reason: str, recovered: bool | None
) -> Row:
    """Return a whole row, with what of it is wrong."""
    whole = {**row, "state": state, "reason": reason, "recovered": recovered}
    most_rad = float((stack.robot.velocity * DT_S).max())
    return {**whole, "wrong": "; ".join(objections(whole, fault.expected, most_rad))}


class Log:
    """Control steps as arrays (N, ...); each row is one tick."""

    def __init__(self, steps: list[Step], stack: RunningStack) -> None:
        self._robot = stack.robot
        n = stack.robot.n_joints
        self.time_s = np.array([to_seconds(step.header.stamp) - DT_S for step in steps])
        self._seq = np.array([step.seq for step in steps])
        self.source = np.array([step.source for step in steps])
        self.flags = np.array([step.guard_flags for step in steps])
        q = np.array([step.commanded[:n] for step in steps]).reshape(-1, n)
        tcp = np.array([step.action[:3] for step in steps]).reshape(-1, 3)
        self.velocity = np.vstack((np.zeros((1, n)), np.diff(q, axis=0))) / DT_S
        self.tcp_speed = np.linalg.norm(np.diff(tcp, axis=0), axis=1) / DT_S
        self.speed = np.abs(self.velocity).max(axis=1, initial=0.0)

    @property
    def moves(self) -> bool:
        """The newest steps are motion."""
        return bool(self.speed[-3:].min() > MOVING_RAD_S)

    def count_ticks(self) -> None:
        """Take the first stamp, and from there on the number of ticks for the time."""
        self.time_s = self.time_s[0] + DT_S * (self._seq - self._seq[0])

    def row(self, fault: Fault, fault_s: float) -> Row:
        """Return the figures from the fault on."""
        after = self.time_s >= fault_s
        clamped, holding = (self.flags & int(CLAMPS)) != 0, self.source == CommandSource.HOLD
        found = after & (clamped if fault.expects == "clamp" else holding)
        row: dict[str, str | float | None] = {"fault": fault.name}
        row |= dict.fromkeys(("detect_ms", "decel_start_ms", "standstill_ms", "allowed_standstill_ms"))
        if found.any():
            first = int(found.argmax())
            row["detect_ms"] = 1e3 * (self.time_s[first] - fault_s)
        if found.any() and fault.expects == "hold":
            slower = np.append(False, np.diff(self.speed) < 0.0) | (self.speed == 0.0)
            start = first + int(slower[first:].argmax())
            still = self.speed[first:] == 0.0
            rest = first + int(still.argmax()) if still.any() else None
            brake_s = float((np.abs(self.velocity[first - 1]) / self._robot.acceleration).max())
            row["decel_start_ms"] = 1e3 * (self.time_s[start] - fault_s)
            row["standstill_ms"] = None if rest is None else 1e3 * (self.time_s[rest] - fault_s)
            row["allowed_standstill_ms"] = row["detect_ms"] + 100.0 + 1e3 * brake_s
        row["max_joint_step_rad"] = float(self.speed.max() * DT_S)
        row["max_commanded_tcp_speed"] = float(self.tcp_speed.max())
        return row


def inject_hang(fault: Fault, stack: RunningStack, hands: Hands) -> Row:
    """Stop the gate's process for a second, while the arm moves; its controller is on its own."""
    if not drive(fault, stack, hands):
        raise RuntimeError(f"{fault.name}: the arm does not move: {stack.client.gate_state.text}")
    fault_s = fault.make(stack, hands)
    stack.client.spin(1.0)
    measured = hands.measured_since(fault_s)
    wake("expert_gate")(stack, hands)
    stack.client.spin(0.5)
    row = dict(Log(list(hands.steps), stack).row(fault, fault_s))
    row["standstill_ms"] = measured_standstill_ms(measured, fault_s)
    shown = stack.client.gate_state
    recovered = drive(fault, stack, hands)
    return judged(fault, stack, row, State(shown.state).name, Reason(shown.reason).name, recovered)


def inject_death(fault: Fault) -> Row:
    """Kill a process that the stack cannot do without, while the arm moves."""
    with running_stack(RATE_HZ, "none", REMAP) as stack:
        hands = Hands(stack.robot)
        try:
            stack.make_ready()
            if not drive(fault, stack, hands):
                raise RuntimeError(f"{fault.name}: the arm does not move")
            fault_s = fault.make(stack, hands)
            ending = stack.supervisor.wait(10.0)
            ended_s = time.time()
            log = Log(list(hands.steps), stack)
            measured = hands.measured_since(fault_s)
        finally:
            hands.close()
    row = dict(log.row(fault, fault_s))
    row["detect_ms"], row["standstill_ms"] = (
        1e3 * (ended_s - fault_s),
        measured_standstill_ms(measured, fault_s),
    )
    row["decel_start_ms"] = row["allowed_standstill_ms"] = None
    said = ending.text if ending is not None else "nothing within 10 s"
    return judged(fault, stack, row, "ended" if ending else "running", said, None)


def measured_standstill_ms(measured: list[tuple[float, np.ndarray]], fault_s: float) -> float | None:
    """Return from when on the measured joints stay where they end, None if that is not seen for 0.1 s."""
    if len(measured) < 3:
        return None
    times = np.array([at_s for at_s, _ in measured])
    q = np.array([position[:7] for _, position in measured])
    away = np.flatnonzero(np.abs(q - q[-1]).max(axis=1) > AT_REST_RAD)
    rest_s = times[away[-1] + 1] if len(away) else times[0]
    return float(1e3 * (rest_s - fault_s)) if times[-1] - rest_s > 0.1 else None


def kill(node: str, number: signal.Signals) -> Callable[[RunningStack, Hands], float]:
    """Send a signal to the process of a node."""

    def make(stack: RunningStack, hands: Hands) -> float:
        os.kill(stack.pid(node), number)
        return time.time()

    return make


def wake(node: str) -> Callable[[RunningStack, Hands], None]:
    """Let a stopped process go on."""
    return lambda stack, hands: os.kill(stack.pid(node), signal.SIGCONT)


def spoil(kind: str) -> Callable[[RunningStack, Hands], float]:
    """Spoil the next chunk."""

    def make(stack: RunningStack, hands: Hands) -> float:
        hands.spoil, hands.spoilt_s = kind, None
        stack.client.wait_until(lambda: hands.spoilt_s is not None, 5.0, "the next chunk")
        return hands.spoilt_s

    return make


def turn(**changes: object) -> Callable[[RunningStack, Hands], float]:
    """Change what the hands do."""

    def make(stack: RunningStack, hands: Hands) -> float:
        for name, value in changes.items():
            setattr(hands, name, value)
        return time.time()

    return make


def undo(wait_s: float = 0.3, **changes: object) -> Callable[[RunningStack, Hands], None]:
    """Change it back, and wait a moment."""

    def mend(stack: RunningStack, hands: Hands) -> None:
        turn(**changes)(stack, hands)
        stack.client.spin(wait_s)

    return mend


def protective_stop(stack: RunningStack, hands: Hands) -> float:
    """Let the arm's controller stop it."""
    fault_s = time.time()
    hands.protective_stop(True)
    return fault_s


def release_arm(stack: RunningStack, hands: Hands) -> None:
    """End the protective stop."""
    hands.protective_stop(False)
    stack.client.spin(0.3)


def set_clock(ahead_s: float) -> Callable[[RunningStack, Hands], float]:
    """Let ROS time jump, to be ahead of the wall clock by so much."""

    def make(stack: RunningStack, hands: Hands) -> float:
        fault_s = time.time() + hands.clock_ahead_s
        hands.clock_ahead_s = ahead_s
        return fault_s

    return make


HOG = ExitStack()  # the training program, while it runs


def train(stack: RunningStack, hands: Hands) -> float:
    """Train on all cores."""
    HOG.enter_context(busy_training())
    return time.time()


STOP, KILL = signal.SIGSTOP, signal.SIGKILL
AT_ONCE_MS = 100.0  # a tick or two, and what a busy machine adds
BAD_CHUNK = Expected("HOLD", "BAD_CHUNK", AT_ONCE_MS)
STALE_CHUNK = Expected("HOLD", "CHUNK_STALE", 1200.0)  # chunk_timeout_s and some ticks
REPEATED = Expected("HOLD", "CHUNK_STALE", 3200.0)  # believed for 0.5 s, and until the arm has moved
NO_JOY = Expected("HOLD", "JOY_LOST", 350.0)
POLICY_GOES_ON, EXPERT_GOES_ON = Expected("POLICY"), Expected("EXPERT")
HANG = Fault("expert_gate SIGSTOP for 1 s", POLICY, kill("expert_gate", STOP),
             Expected("FAULT", "ARM_STATE_STALE", 1300.0), expects="nothing")  # fmt: skip
FAULTS = (
    Fault("chunk with NaN", POLICY, spoil("nan"), BAD_CHUNK, watch_s=1.0),
    Fault("chunk with infinity", POLICY, spoil("infinite"), BAD_CHUNK, watch_s=1.0),
    Fault("chunk of wrong shape", POLICY, spoil("shape"), BAD_CHUNK, watch_s=1.0),
    Fault("NaN while the person drives", EXPERT, turn(sweep=True, spoil="nan"), EXPERT_GOES_ON,
          undo(sweep=False), expects="nothing", watch_s=1.0),
    Fault("policy teleports", POLICY, spoil("teleport"), Expected("POLICY", "", 250.0, stands=False),
          expects="clamp", watch_s=1.0),
    Fault("policy falls silent", POLICY, turn(sweep=False), STALE_CHUNK),
    Fault("joystick silent while held", EXPERT, turn(joy="silent"), NO_JOY, undo(joy="open"), watch_s=1.0),
    Fault("joystick repeats its last message", EXPERT, turn(joy="repeat"),
          Expected("HOLD", "JOY_FROZEN", 350.0), undo(joy="open"), watch_s=1.0),
    Fault("second publisher of the joystick", EXPERT, turn(second_joy=True),
          Expected("HOLD", "JOY_LOST", AT_ONCE_MS), undo(2.5, second_joy=False, joy="open"), watch_s=1.0),
    Fault("hand keeps still to the bit", EXPERT, turn(joy="still"), EXPERT_GOES_ON, undo(joy="open"),
          expects="nothing", watch_s=3.0),
    Fault("joint_states stopped", POLICY, turn(pass_joints=False), Expected("HOLD", "JOINTS_STALE", 300.0),
          undo(pass_joints=True), watch_s=0.8),
    Fault("joint_states lost", POLICY, turn(pass_joints=False), Expected("FAULT", "JOINTS_STALE", 300.0),
          undo(pass_joints=True), watch_s=1.5),
    Fault("protective stop", POLICY, protective_stop, Expected("FAULT", "PROTECTIVE_STOP", AT_ONCE_MS),
          release_arm),
    Fault("sim SIGSTOP", POLICY, kill("sim", STOP), Expected("FAULT", "ARM_STATE_STALE", 300.0),
          wake("sim")),
    HANG,
    Fault("policy SIGKILL", POLICY, kill("policy", KILL), STALE_CHUNK, node="policy"),
    Fault("policy SIGSTOP", POLICY, kill("policy", STOP), STALE_CHUNK, wake("policy"), node="policy"),
    *(
        Fault(f"camera {how}", POLICY, turn(camera=how), expected, undo(camera="sound"), node="policy",
              watch_s=3.5)
        for how, expected in (("stopped", STALE_CHUNK), ("frozen", STALE_CHUNK), ("repeated", REPEATED),
                              ("delayed", STALE_CHUNK), ("black", STALE_CHUNK))
    ),
    Fault("training on all cores", POLICY, train, POLICY_GOES_ON, lambda stack, hands: HOG.close(),
          node="policy", expects="nothing", watch_s=5.0),
    Fault("expert SIGKILL", EXPERT, kill("expert", KILL), NO_JOY, node="expert"),
    Fault("expert SIGSTOP", EXPERT, kill("expert", STOP), NO_JOY, wake("expert"), node="expert"),
    Fault("trainer SIGKILL", POLICY, kill("trainer", KILL), POLICY_GOES_ON, node="trainer",
          expects="nothing"),
    Fault("trainer SIGSTOP", POLICY, kill("trainer", STOP), POLICY_GOES_ON, wake("trainer"),
          node="trainer", expects="nothing"),
)  # fmt: skip
JUMPED = Expected(
    "HOLD", "CLOCK_JUMP", AT_ONCE_MS, stands=False
)  # the policy may go on before the arm stands
CLOCK_FAULTS = (
    Fault("clock jumps ahead by 2 s", POLICY, set_clock(2.0), JUMPED),
    Fault("clock jumps back by 2 s", POLICY, set_clock(0.0), JUMPED),
)
DEATHS = (
    Fault("expert_gate SIGKILL", POLICY, kill("expert_gate", KILL),
          Expected("ended", "expert_gate", 1500.0, stands=False)),
    Fault("expert_gate hangs", POLICY, kill("expert_gate", STOP),
          Expected("ended", "expert_gate", 3500.0, stands=False)),
    Fault("sim SIGKILL", POLICY, kill("sim", KILL), Expected("ended", "sim", 1500.0, stands=False)),
)  # fmt: skip
NAMES = [fault.name for fault in (*FAULTS, *CLOCK_FAULTS, *DEATHS)]


if __name__ == "__main__":
    sys.exit(main())
