from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_core.drafts import AnchorsConfig, GruConfig
from drift_core.engines import eager_engine
from drift_core.engines.onnx_graph import named_weights
from drift_core.engines.parts import parts_of
from drift_core.policy.canary import blank_observation
from drift_core.policy.policy import DiffusionPolicy
from drift_policy_node.candidate import CandidateFault, Execution, PolicySlot, RefusedError, load_candidate

EAGER = Execution("ddim-4", "eager", "cpu")


@pytest.fixture
def place(bench):
    return PolicySlot("panda", bench.task, 7)


def refusal(*args):
    with pytest.raises(RefusedError) as caught:
        load_candidate(*args)
    return caught.value.fault, str(caught.value)


def test_a_good_checkpoint_may_drive(bench, place):
    path, sha256 = bench.checkpoint(4)
    running = load_candidate(path, sha256, place, EAGER, None)
    assert (running.version, running.sha256, running.path) == (4, sha256, path)


def test_a_missing_file_and_a_wrong_hash_are_refused(bench, place):
    path, _ = bench.checkpoint(1)
    assert refusal(bench.folder / "none", "", place, EAGER, None)[0] == CandidateFault.NOT_FOUND
    assert refusal(path, "0" * 64, place, EAGER, None)[0] == CandidateFault.HASH_MISMATCH


def test_a_corrupted_file_is_refused(bench, place):
    path, _ = bench.checkpoint(1)
    path.write_bytes(path.read_bytes()[:-100])
    assert refusal(path, "", place, EAGER, None)[0] == CandidateFault.INVALID
    renamed = path.rename(path.with_name("sha256=0.safetensors"))  # what is wrong is not told by words
    assert refusal(renamed, "", place, EAGER, None)[0] == CandidateFault.INVALID


def test_a_policy_for_other_cameras_robot_or_task_is_refused_by_name(bench, place):
    for changes, expected in (
        (
            dict(policy=bench.policy(cameras=("front",))),
            r"cameras must be [front 16x16, wrist 16x16], got [front 16x16]",
        ),
        (dict(robot="ur5e"), "robot must be panda, got ur5e"),
        (dict(task="insert"), "task must be tiny, got insert"),
    ):
        path, _ = bench.checkpoint(1, **changes)
        fault, message = refusal(path, "", place, EAGER, None)
        assert fault == CandidateFault.INCOMPATIBLE and expected in message


def test_a_policy_of_several_tasks_acts_for_the_one_of_its_place_and_is_refused_elsewhere(bench, place):
    learned = DiffusionPolicy(replace(bench.policy().config, tasks=("other", "tiny")))
    path, _ = bench.checkpoint(1, policy=learned, task="other+tiny")
    policy = load_candidate(path, "", place, EAGER, None).policy
    spec = place.spec
    state = torch.zeros(1, spec.observation_steps, spec.state_dim)
    features = torch.zeros(1, policy.feature_dim)
    condition = policy.condition(features, torch.zeros(1, spec.observation_steps).long(), state)
    assert condition[0, :2].tolist() == [0.0, 1.0]
    elsewhere = replace(place, task=replace(bench.task, name="third"))
    fault, message = refusal(path, "", elsewhere, EAGER, None)
    assert fault == CandidateFault.INCOMPATIBLE and "task must be third, got other+tiny" in message


def test_a_policy_without_the_draft_that_the_sampler_begins_from_is_refused_by_name(bench, place):
    path, _ = bench.checkpoint(1)
    fault, message = refusal(path, "", place, Execution("anchored-2", "eager", "cpu"), None)
    assert fault == CandidateFault.INCOMPATIBLE
    assert "sampler='anchored-2' needs a policy with a draft of kind anchors, this one has: none" in message


def test_where_a_policy_is_to_foresee_one_that_does_not_is_refused_by_name(bench, place):
    path, _ = bench.checkpoint(1)
    fault, message = refusal(path, "", place, replace(EAGER, foresight=True), None)
    assert fault == CandidateFault.INCOMPATIBLE
    assert "foresight=true needs a policy that foresees" in message and "of kind 'mlp'" in message


@pytest.mark.parametrize("sampler", ["anchored-2", "draft-3"])
def test_a_policy_with_drafts_drives_from_them(bench, place, sampler):
    plain = bench.policy().config
    torch.manual_seed(0)
    policy = DiffusionPolicy(replace(plain, drafts=(AnchorsConfig(modes=3), GruConfig(width=16))))
    path, sha256 = bench.checkpoint(1, policy=policy)
    running = load_candidate(path, sha256, place, Execution(sampler, "auto", "cpu"), None)
    chunk = running.policy.act(blank_observation(place.spec), running.sampler, torch.Generator())
    assert chunk.shape == (plain.horizon, 10) and not running.sampler.cold


def test_a_network_whose_output_is_not_finite_fails_its_trial(bench, place):
    policy = bench.policy()
    with torch.no_grad():
        for parameter in policy.denoiser.parameters():
            parameter.fill_(3e38)  # finite itself
    path, _ = bench.checkpoint(1, policy)
    fault, message = refusal(path, "", place, EAGER, None)
    assert fault == CandidateFault.CANARY_FAILED and "must be finite" in message


def test_a_candidate_brings_an_engine_that_acts_as_pytorch_does(bench, place):
    path, _ = bench.checkpoint(1)
    seen, noise = blank_observation(place.spec), torch.Generator()
    chunks = []
    for engine in ("eager", "openvino"):
        running = load_candidate(path, "", place, Execution("ddim-4", engine, "cpu"), None)
        assert (running.engine, running.encoder_engine) == (engine, engine)
        chunks.append(running.policy.act(seen, running.sampler, noise.manual_seed(0)))
    np.testing.assert_allclose(chunks[1], chunks[0], atol=1e-4)


def test_an_engine_that_computes_something_else_is_refused(bench, place, monkeypatch):
    path, _ = bench.checkpoint(1)
    other = parts_of(bench.policy(2).denoiser)["trunk"]
    monkeypatch.setattr("drift_core.engines.openvino.named_weights", lambda _: named_weights(other))
    fault, message = refusal(path, "", place, Execution("ddim-4", "openvino", "cpu"), None)
    assert fault == CandidateFault.CANARY_FAILED and "engine='openvino' differs by" in message
    running = load_candidate(path, "", place, Execution("ddim-4", "auto", "cpu"), None)
    assert (running.engine, running.encoder_engine) == ("eager", "eager")


def test_where_pytorch_was_faster_no_other_engine_is_built_again_for_the_same_network(
    bench, place, monkeypatch
):
    auto, built = Execution("ddim-4", "auto", "cpu"), []

    def slower(network):
        built.append(type(network).__name__)
        return replace(eager_engine(network), name="openvino", call_ms=2.0, eager_ms=1.0)

    monkeypatch.setattr("drift_core.engines.openvino_engine", slower)
    monkeypatch.setattr("drift_core.engines.openvino_available", lambda: True)
    first = load_candidate(bench.checkpoint(1)[0], "", place, auto, None)
    assert (first.engine, first.encoder_engine) == ("eager", "eager")
    assert built == ["MlpDenoiser", "CameraEncoder"]
    second = load_candidate(bench.checkpoint(2)[0], "", place, auto, None, [first])
    assert (second.engine, second.encoder_engine) == ("eager", "eager") and len(built) == 2
    asked = load_candidate(bench.checkpoint(2)[0], "", place, replace(auto, engine="openvino"), None, [first])
    assert asked.engine == "openvino", "an engine that was asked for by name is built"
    built.clear()
    load_candidate(bench.checkpoint(3)[0], "", place, auto, None, [replace(first, engine="openvino")])
    assert built == ["MlpDenoiser"], "weights are part of another engine than PyTorch"
