import numpy as np
import pytest
import torch
from drift_policy_node.candidate import Fault, Fitting, RefusedError, load_candidate


@pytest.fixture
def fitting(bench):
    return Fitting("panda", bench.task, 7, bench.robot.state(bench.robot.home, 0.08))


def refusal(*args):
    with pytest.raises(RefusedError) as caught:
        load_candidate(*args)
    return caught.value.fault, str(caught.value)


def test_a_good_checkpoint_may_drive(bench, fitting):
    path, sha256 = bench.checkpoint(4)
    running = load_candidate(path, sha256, fitting, "ddim-4", None)
    assert (running.version, running.sha256, running.path) == (4, sha256, path)


def test_a_missing_file_and_a_wrong_hash_are_refused(bench, fitting):
    path, _ = bench.checkpoint(1)
    assert refusal(bench.folder / "none", "", fitting, "ddim-4", None)[0] == Fault.NOT_FOUND
    assert refusal(path, "0" * 64, fitting, "ddim-4", None)[0] == Fault.HASH_MISMATCH


def test_a_corrupted_file_is_refused(bench, fitting):
    path, _ = bench.checkpoint(1)
    path.write_bytes(path.read_bytes()[:-100])
    assert refusal(path, "", fitting, "ddim-4", None)[0] == Fault.INVALID


def test_a_policy_for_other_cameras_robot_or_task_is_refused_by_name(bench, fitting):
    path, _ = bench.checkpoint(1, bench.policy(cameras=("front",)), robot="ur5e", task="insert")
    fault, message = refusal(path, "", fitting, "ddim-4", None)
    assert fault == Fault.INCOMPATIBLE
    assert "cameras=['front 16x16'] must be ['front 16x16', 'wrist 16x16']" in message
    assert "robot=ur5e must be panda" in message and "task=insert must be tiny" in message


def test_a_network_whose_output_is_not_finite_fails_its_trial(bench, fitting):
    policy = bench.policy()
    with torch.no_grad():
        for parameter in policy.denoiser.parameters():
            parameter.fill_(3e38)  # finite itself
    path, _ = bench.checkpoint(1, policy)
    fault, message = refusal(path, "", fitting, "ddim-4", None)
    assert fault == Fault.CANARY_FAILED and "must be finite" in message


def test_the_blank_observation_has_the_shapes_of_the_task(fitting):
    blank = fitting.blank_observation()
    assert blank.images["wrist"].shape == (2, 16, 16, 3) and blank.state.shape == (2, 17)
    assert np.isfinite(blank.state).all()
