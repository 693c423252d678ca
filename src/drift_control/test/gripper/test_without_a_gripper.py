"""An arm without a gripper, through gate and guard: no finger joints, an opening that is 0 and stays so."""

import numpy as np
import pytest
from drift_control.gate.state import State
from drift_control.inputs import JointMessage
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import load_robot


@pytest.fixture
def bare(config_folder):
    return load_robot(config_folder / "robots" / "panda+none.yaml")


def test_it_is_armed_driven_and_homed(bare, new_bench):
    bench = new_bench(bare)
    bench.gripper_m = 0.0
    bench.tick(arm=True)
    for _ in range(50):
        bench.tick(joy=bench.stick(linear=(0.5, 0.0, 0.0), gripper=1))
    assert bench.ticks[-1].state is State.EXPERT
    assert np.linalg.norm(bench.q - bare.home) > 0.02
    assert {tick.gripper_m for tick in bench.ticks} == {0.0}
    bench.tick(stop=True)
    bench.run(1.0)
    bench.tick(home=True)
    for _ in range(600):
        bench.tick()
    assert np.abs(bench.q - bare.home).max() < 0.01


def test_its_joint_states_need_no_fingers(bare):
    merger = JointStateMerger(bare.config)
    assert merger.merge(JointMessage(bare.config.joint_names, bare.home, 1.0, 1.0), ros_s=1.0)
    assert merger.reading.positions_rad.tolist() == bare.home.tolist()
    assert bare.config.gripper.opening_m({}) == 0.0
