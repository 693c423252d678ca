"""A chunk through an obstacle, looked at by the planner beside a driving gate; run by hand, by its path.

Not part of the suite: alone it passes, also on a busy machine, but late in the full run no verdict came
within 15 s, in two of two runs. The cause is not known.
"""

import re

import numpy as np
from drift_control.gate.state import Reason, State
from src.drift_planner_node.test.test_node import Policy


def test_a_chunk_through_the_post_is_held_long_before_it_gets_there(stage, robot, beside):
    stage.start_planner()
    stage.start_gate(check_chunks=True)
    stage.spin(stage.gate._planner._check.service_is_ready, "planner/check")
    policy = Policy(stage, robot, beside)
    stage.spin(lambda: policy().reason is Reason.COLLISION, "hold")
    assert stage.gate._tick.state is State.HOLD
    assert re.match(r"step 5 of chunk \d+: the arm would enter keep-out box post", stage.gate._tick.text)
    assert np.abs(stage.arm.q - beside).max() < 0.01
    assert stage.gate._report().values["chunks_checked"] >= 1
