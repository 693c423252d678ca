"""Every rule of the guard earns its place: without it, its scenario breaks a limit; with it, none does.

Where two rules stand behind each other, a scenario takes the front one away and says so.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drift_control.gate.state import State
from drift_control.robot.config import Box
from drift_control.robot.robot import Robot
from drift_control.teleop.devices import load_device
from drift_control.testing.hand_guiding import GuidedBench

PEDAL = Path(__file__).resolve().parents[4] / "config/joysticks/hand_guiding.yaml"
LISTS = ("intake", "watch", "start", "pose_targets", "joint_targets", "velocities", "motion", "grippers")


def without(bench, name):
    """Take a rule out of the bench's guard."""
    for part in LISTS:
        rules = getattr(bench.loop.guard, part)
        rules[:] = [rule for rule in rules if type(rule).__name__ != name]


def joint_chunk(bench, q):
    """Return a chunk that stays at joint positions."""
    data = np.tile(np.append(q, 0.08), (16, 1))
    return bench.chunk(data, action_space="joint_position")


def executed(bench, chunk):
    """Return whether a chunk drives the arm; a crash counts as the worst of all."""
    bench.tick(arm=True)
    try:
        return bench.tick(chunk=chunk(bench)).state is State.POLICY or bench.run(0.1).state is State.POLICY
    except Exception as error:  # without the rule anything may happen
        return repr(error)


def narrow_chunk(bench):
    return executed(bench, lambda b: b.chunk(b.chunk().data[:, :9]))


def infinite_chunk(bench):
    def chunk(b):
        data = b.chunk().data.copy()
        data[3, 0] = np.inf
        return b.chunk(data)

    return executed(bench, chunk)


def old_camera(bench):
    return executed(bench, lambda b: b.chunk(oldest_input_s=b.ros_s - 3.0))


def moves_during_protective_stop(bench):
    bench.ready()
    bench.tick(arm=True)
    bench.run(0.5, chunk=lambda: bench.line((0.1, 0, 0)))
    bench.ready(protective_stop=True)
    bench.run(0.5, chunk=lambda: bench.line((0.1, 0, 0)))
    return bench.ticks[-1].state is not State.FAULT


def moves_blindly(bench):
    without(bench, "GripperFresh")
    bench.tick(arm=True)
    bench.joints_silent = True
    bench.run(0.7, chunk=lambda: bench.line((0.1, 0, 0)))  # later the tracking error ends it
    return not np.array_equal(bench.commands[-1], bench.commands[-2])


def goes_on_with_a_silent_gripper(bench):
    bench.tick(arm=True)
    bench.gripper_silent = True
    return bench.run(0.6, chunk=lambda: bench.line((0.02, 0, 0))).state is State.POLICY


def believes_two_publishers(bench):
    bench.tick(arm=True)
    bench.conflict = "two publishers of panda_joint1: /driver and /echo"
    return bench.run(0.1, chunk=bench.chunk).state is State.POLICY


def arms_beside_two_publishers(bench):
    bench.conflict = "two publishers of panda_joint1: /driver and /echo"
    return bench.tick(arm=True).armed


def chunk_from_the_future(bench):
    return executed(bench, lambda b: b.chunk(stamp_s=b.ros_s + 0.05))


def pushes_on(bench):
    """Though the arm only creeps after its command, at 0.05 rad/s."""
    bench.tick(arm=True)
    bench.follows = False
    for _ in range(100):
        bench.q = bench.q + np.clip(bench.ticks[-1].command - bench.q, -0.001, 0.001)
        tick = bench.tick(joy=bench.stick((0.0, 0.2, 0.0)))
    return tick.state is not State.FAULT


def leaves_what_an_arm_that_stands_would_leap_to(bench):
    """Within the tracking error of 0.2 rad."""
    bench.tick(arm=True)
    bench.follows = False
    tick = bench.run(0.4, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    return tick.sent and 0.05 < np.abs(tick.command - bench.q).max() < 0.2


def joint_states_of_another_arm(bench):
    """For less time than a tracking error takes to count."""
    bench.tick(arm=True)
    bench.run(0.5, chunk=bench.chunk)
    bench.follows, bench.q = False, bench.q + 0.4 * (np.arange(len(bench.q)) == 6)
    return bench.run(0.08, chunk=bench.chunk).state is not State.FAULT


def waits_to_leap(bench):
    bench.tick(arm=True)
    bench.follows = False
    bench.q[1] -= 0.1  # within the tracking error of 0.2 rad
    return bench.run(1.0).sent


def arm_pushed_out_of_the_workspace(bench):
    bench.tick(arm=True)
    bench.follows = False
    bench.q = bench.robot.home.copy()
    bench.q[3] += 0.18  # within the tracking error of 0.2 rad
    for name in ("TrackingError", "MovesWhenTold", "JointsContinuous"):
        without(bench, name)
    bench.q[0] = 1.2
    return bench.run(0.5, chunk=bench.chunk).state is not State.FAULT


def runs_wild(bench):
    bench.loop.guard.watch[:] = [w for w in bench.loop.guard.watch if type(w).__name__ != "HoldCount"]
    bench.tick(arm=True)
    bench.run(4.0, chunk=lambda: bench.chunk(offset=(3, 0, 0)))
    return any(tick.state is State.POLICY for tick in bench.ticks[-50:])


def makes_nonsense_time_and_again(bench):
    bench.tick(arm=True)
    for _ in range(12):
        bench.run(0.1, chunk=bench.chunk)
        bench.tick(chunk=bench.chunk(np.full((16, 10), np.nan)))
    return bench.run(0.1, chunk=bench.chunk).state is State.POLICY


def arms_beyond_its_joints(bench):
    bench.loop.guard.start[:] = [r for r in bench.loop.guard.start if type(r).__name__ != "StartInWorkspace"]
    bench.q = bench.robot.high + 0.2
    bench.tick()
    return bench.tick(arm=True).armed


def arms_without_joints(bench):
    bench.tick()
    bench.joints_silent = True
    bench.run(0.5)
    return bench.tick(arm=True).armed


def arms_while_stopped(bench):
    bench.ready(protective_stop=True)
    bench.tick()
    return bench.tick(arm=True).armed


def arms_elsewhere(bench):
    bench.tick(arm=True)
    bench.tick(stop=True)
    bench.follows, bench.q = False, bench.robot.home + 0.1
    return bench.tick(arm=True).armed


def arms_outside(bench):
    bench.q[0] = 1.5
    bench.tick()
    return bench.tick(arm=True).armed


def far_set_point_is_not_approached(bench):
    """A set-point out of reach, far in the upper corner, is approached as far as that goes."""
    bench.tick(arm=True)
    far = bench.chunk(offset=(0.24, 0.39, 0.34)).data
    bench.run(0.8, chunk=lambda: bench.chunk(far))
    return any(tick.state is not State.POLICY for tick in bench.ticks[1:])


def sticks_to_the_wall(bench):
    """A set-point beyond a wall still moves the arm along the wall."""
    without(bench, "ClampCount")
    bench.tick(arm=True)
    bench.run(3.0, chunk=lambda: bench.line((0.15, 0, 0)))  # at the far wall, x = 0.70
    before = bench.ticks[-1].action[1]
    bench.run(1.5, chunk=lambda: bench.line((0.15, 0.15, 0)))
    return bench.ticks[-1].action[1] - before < 0.15


def leaves_the_workspace(bench):
    """Without the clamp before it, the rule on the step itself keeps the box."""
    without(bench, "WorkspaceClamp")
    bench.tick(arm=True)
    bench.run(3.0, chunk=lambda: bench.line((0.0, 0.2, 0)))
    return max(tick.action[1] for tick in bench.ticks) > 0.4025


def a_joint_at_its_limit_stops_the_others(bench):
    """A joint set-point beyond the limit does not keep the other joints from theirs."""
    without(bench, "ClampCount")
    bench.tick(arm=True)
    q = bench.robot.home.copy()
    q[0], q[6] = 0.8, 6.0  # joint 7 ends at 2.7973
    bench.run(6.0, chunk=lambda: joint_chunk(bench, q))
    return abs(bench.commands[-1, 0] - 0.8) > 0.02


def joint_passes_its_limit(bench):
    """Without the clamp before it, the rule on the step itself keeps the limit."""
    without(bench, "JointClamp")
    without(bench, "ClampCount")
    bench.tick(arm=True)
    q = bench.robot.home.copy()
    q[6] = 3.2  # joint 7 ends at 2.7973
    bench.run(4.0, chunk=lambda: joint_chunk(bench, q))
    return bench.commands[:, 6].max() > bench.robot.high[6] + 1e-6


def joints_too_fast(bench):
    bench.tick(arm=True)
    q = bench.robot.home.copy()
    q[6] = -2.5
    bench.run(2.0, chunk=lambda: joint_chunk(bench, q))
    speed = np.abs(np.diff(bench.commands, axis=0)) * bench.config.rate_hz
    return (speed > bench.robot.velocity * 1.001).any()


def tcp_too_fast(bench):
    """Without the scaling before it, the rule on the step itself keeps the limit."""
    without(bench, "SpeedScale")
    bench.tick(arm=True)
    bench.run(1.0, chunk=lambda: bench.line((0.0, 0.5, 0.0)))
    return bench.tcp_speed.max() > 0.25


def gripper_snaps(bench):
    bench.tick(arm=True)
    data = bench.chunk().data.copy()
    data[:, 9] = -1.0
    bench.run(1.0, chunk=lambda: bench.chunk(data))
    openings = [tick.gripper_m for tick in bench.ticks]
    return min(openings) < 0.0 or np.abs(np.diff(openings)).max() > 0.1 * bench.config.dt_s + 1e-9


def links_hit_the_table(bench):
    """Leaning forward by joint set-points; the workspace rules, which would come first, are taken away."""
    for name in ("WorkspaceBox", "MeasuredInWorkspace", "ClampCount"):
        without(bench, name)
    bench.tick(arm=True)
    q = np.array([0.0, 1.66, 0.0, -1.2, 0.0, 2.0, 0.785])
    bench.run(8.0, chunk=lambda: joint_chunk(bench, q))
    capsules = bench.loop.guard._capsules
    ends = capsules.place(bench.robot.joint_frames(bench.commands))
    return capsules.height_m(ends).min() < 0.0


def arm_touches_itself(bench):
    """Folded by joint set-points; the workspace rule, which would come first, is taken away."""
    for name in ("WorkspaceBox", "MeasuredInWorkspace", "ClampCount"):
        without(bench, name)
    bench.tick(arm=True)
    q = np.array([0.0, 0.0, 0.0, -2.95, 0.0, 0.3, 0.0])
    bench.run(6.0, chunk=lambda: joint_chunk(bench, q))
    capsules = bench.loop.guard._capsules
    ends = capsules.place(bench.robot.joint_frames(bench.commands))
    return capsules.self_clearance_m(ends).min() < 0.0


def enters_the_keep_out_box(bench):
    bench.tick(arm=True)
    bench.run(3.0, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    return max(tick.action[1] for tick in bench.ticks) > 0.2


def led(bench, rad_s, seconds):
    """Return the last tick of an arm whose first joint a hand leads."""
    guided = GuidedBench(bench)
    guided.arm()
    guided.guide([rad_s, 0, 0, 0, 0, 0, 0])
    return guided.run(seconds)


def is_led_out_of_the_workspace(bench):
    return led(bench, -0.3, 4.0).state is State.FAULT  # of MeasuredInWorkspace, 30 mm outside


def is_led_faster_than_it_may_drive(bench):
    return led(bench, -0.8, 0.3).state is State.GUIDED


SCENARIOS = {
    "ChunkShape": narrow_chunk,
    "ChunkFinite": infinite_chunk,
    "ChunkNotAhead": chunk_from_the_future,
    "CameraFresh": old_camera,
    "ArmReady": moves_during_protective_stop,
    "OnePublisher": believes_two_publishers,
    "JointsFresh": moves_blindly,
    "GripperFresh": goes_on_with_a_silent_gripper,
    "TrackingError": pushes_on,
    "MovesWhenTold": leaves_what_an_arm_that_stands_would_leap_to,
    "JointsContinuous": joint_states_of_another_arm,
    "RestingWhereTold": waits_to_leap,
    "MeasuredInWorkspace": arm_pushed_out_of_the_workspace,
    "GuidedInside": is_led_out_of_the_workspace,
    "GuidedSlowly": is_led_faster_than_it_may_drive,
    "ClampCount": runs_wild,
    "HoldCount": makes_nonsense_time_and_again,
    "StartOnePublisher": arms_beside_two_publishers,
    "StartFresh": arms_without_joints,
    "StartReady": arms_while_stopped,
    "StartInLimits": arms_beyond_its_joints,
    "StartNearMeasured": arms_elsewhere,
    "StartInWorkspace": arms_outside,
    "Leash": far_set_point_is_not_approached,
    "WorkspaceClamp": sticks_to_the_wall,
    "JointClamp": a_joint_at_its_limit_stops_the_others,
    "SpeedScale": joints_too_fast,
    "JointPositions": joint_passes_its_limit,
    "TcpSpeed": tcp_too_fast,
    "WorkspaceBox": leaves_the_workspace,
    "TableClearance": links_hit_the_table,
    "SelfClearance": arm_touches_itself,
    "KeepOutBox": enters_the_keep_out_box,
    "GripperLimit": gripper_snaps,
}


@pytest.fixture(scope="session")
def boxed_panda(panda):
    """The Panda with a keep-out box on its left."""
    box = Box("post", (0.3, 0.2, 0.0), (0.6, 0.4, 0.5))
    workspace = replace(panda.config.workspace, keep_out=(box,))
    return Robot(replace(panda.config, workspace=workspace))


def make(new_bench, boxed_panda, name):
    if name.startswith("Guided"):
        robot = Robot(replace(boxed_panda.config, arm_state="ur", hand_guiding="ur"))
        return new_bench(robot, {"joy": load_device(PEDAL)})
    return new_bench(boxed_panda if name == "KeepOutBox" else "panda")


@pytest.mark.parametrize("name", SCENARIOS)
def test_with_the_rule_its_scenario_breaks_nothing(new_bench, boxed_panda, name):
    assert not SCENARIOS[name](make(new_bench, boxed_panda, name))


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_the_rule_its_scenario_breaks_something(new_bench, boxed_panda, name):
    bench = make(new_bench, boxed_panda, name)
    without(bench, name)
    assert SCENARIOS[name](bench)


def test_every_rule_has_a_scenario(new_bench, boxed_panda):
    guard = new_bench(boxed_panda).loop.guard
    names = {type(rule).__name__ for part in LISTS for rule in getattr(guard, part)}
    assert names == set(SCENARIOS)
