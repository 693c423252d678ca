"""A trainer goes on to the bit from what it saved, at any rank; a file that does not fit changes nothing."""

import json
from dataclasses import replace

import pytest
import torch
from drift_core.errors import CheckpointError
from drift_core.rank.modulation import bfloat16_is_fast
from drift_core.rank.schedule import ConstantRank
from drift_core.training.state import TrainerState, load_trainer_state, save_trainer_state
from drift_core.training.trainer import Trainer
from safetensors import safe_open
from safetensors.torch import save_file
from training_case import CONFIG, LEFT, MLP, UNET, USV, make_policy, make_trainer, next_batch, next_round


def fresh(denoiser=MLP):
    """Return a trainer as a new process makes it: other weights, other settings, another seed."""
    generator = torch.Generator().manual_seed(99)
    return Trainer(make_policy(denoiser, seed=9), CONFIG, None, generator)


@pytest.mark.parametrize("modulation", [LEFT, USV, None])
@pytest.mark.parametrize("at", [0, 3, 20, 39])
def test_a_run_goes_on_to_the_bit(tmp_path, modulation, at):
    whole = make_trainer(modulation or LEFT, denoiser=UNET) if modulation else plain()
    whole.run(next_batch, steps=at)
    save_trainer_state(tmp_path / "resume.safetensors", whole.state_dict())
    whole.run(next_batch)

    resumed = fresh(UNET)
    resumed.load_state_dict(load_trainer_state(tmp_path / "resume.safetensors"))
    assert resumed.round_step == at
    resumed.run(next_batch)
    assert (resumed.step, resumed.rank) == (40, whole.rank)
    assert_equal_states(resumed, whole)


def test_an_online_round_goes_on_to_the_bit_too(tmp_path):
    whole = make_trainer()
    whole.run(next_batch)
    whole = next_round(whole, ConstantRank(fraction=0.25))
    whole.run(next_batch, steps=7)
    state = whole.state_dict()
    whole.run(next_batch)
    resumed = fresh()
    resumed.load_state_dict(state)
    resumed.run(next_batch)
    assert_equal_states(resumed, whole)


@pytest.mark.skipif(not bfloat16_is_fast(torch.device("cpu")), reason="no bfloat16 on this processor")
def test_a_run_with_a_bfloat16_frozen_part_goes_on_to_the_bit(tmp_path):
    whole = make_trainer(replace(LEFT, bfloat16=True), denoiser=UNET)
    whole.run(next_batch, steps=20)
    save_trainer_state(tmp_path / "resume.safetensors", whole.state_dict())
    whole.run(next_batch)
    resumed = fresh(UNET)
    resumed.load_state_dict(load_trainer_state(tmp_path / "resume.safetensors"))
    resumed.run(next_batch)
    assert_equal_states(resumed, whole)


def test_a_state_is_a_copy():
    trainer = make_trainer()
    trainer.run(next_batch, steps=5)
    state = trainer.state_dict()
    before = {key: value.clone() for key, value in state.tensors.items()}
    trainer.run(next_batch, steps=5)
    assert all(torch.equal(value, before[key]) for key, value in state.tensors.items())


def test_a_schedule_of_ones_own_has_to_be_given_again():
    trainer = make_trainer(LEFT, lambda step: 0.5)
    state = trainer.state_dict()
    with pytest.raises(CheckpointError, match="schedule=None must be given"):
        fresh().load_state_dict(state)
    other = fresh()
    other.load_state_dict(state, schedule=lambda step: 0.5)
    assert other.rank == 0.5


def test_a_state_without_modulation_takes_no_schedule():
    other = plain()
    with pytest.raises(CheckpointError, match=r"schedule=ConstantRank\(.*\) must be None"):
        other.load_state_dict(plain().state_dict(), ConstantRank(fraction=0.5))
    assert other.schedule is None and other.run(next_batch, steps=1).rank == 1.0


def reshape(state):
    state.tensors["policy.denoiser.enter.bias"] = torch.zeros(3)


def add(state):
    state.tensors["policy.extra"] = torch.zeros(1)


def set_info(key, value):
    def change(state):
        state.info[key] = value

    return change


def set_in(key, value):
    """Change the first entry of a mapping in the information."""

    def change(state):
        state.info[key][next(iter(state.info[key]))] = value

    return change


def drop_tensor(key):
    def change(state):
        del state.tensors[key]

    return change


def fill(key, value):
    def change(state):
        state.tensors[key].fill_(value)

    return change


def forget_the_average(state):
    """Take away an average that is needed, since steps from before the last change of rank are in it."""
    state.info["averages"]["denoiser.enter.weight"] = [0.5, 1.0, 4]
    del state.tensors["ema.average.denoiser.enter.weight"]


def set_width(state):
    state.info["architecture"]["denoiser"]["width"] = 128


def set_rank_of_layer(state):
    state.info["ranks"]["denoiser.enter"] = [1, 77]


def drop_rank_of_layer(state):
    del state.info["ranks"]["denoiser.enter"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (drop_tensor("policy.denoiser.enter.dA"), "key 'policy.denoiser.enter.dA' is missing"),
        (reshape, r"'policy.denoiser.enter.bias' must be \(24,\) torch.float32, got \(3,\) torch.float32"),
        (add, "key 'policy.extra' is unknown"),
        (set_info("format", 7), "format=7 must be 2"),
        (set_info("step", "many"), "step='many' must be a valid integer"),
        (set_info("form", 1), "form=1 is unknown"),
        (set_info("rank", 7.0), "rank=7.0 must be less than or equal to 1"),
        (set_info("round_step", -3), "round_step=-3 must be greater than or equal to 0"),
        (set_in("scales", 1e30), r"scales.denoiser.*=1e\+30 must be less than or equal to 10"),
        (set_in("scales", float("nan")), r"scales.denoiser.*=nan must be a finite number"),
        (set_in("averages", [0.5, 9.0, 4]), r"averages.denoiser.*\[1\]=9.0 must be less than or equal to 1"),
        (forget_the_average, "key 'ema.average.denoiser.enter.weight' is missing"),
        (drop_tensor("adam.denoiser.enter.dA.exp_avg"), "key 'adam.denoiser.enter.dA.exp_avg' is missing"),
        (drop_tensor("adam.denoiser.enter.dA.step"), "key 'adam.denoiser.enter.dA.step' is missing"),
        (fill("policy.denoiser.enter.dA", torch.nan), "'policy.denoiser.enter.dA' must be finite"),
        (fill("adam.denoiser.enter.dA.exp_avg_sq", -1.0), "dA.exp_avg_sq' must be at least 0, got -1.0"),
        (fill("adam.denoiser.enter.dA.step", -1.0), "dA.step' must be at least 0, got -1.0"),
        (fill("generator", 255), "'generator' is no random state: Invalid mt19937 state"),
        (set_width, "another architecture: denoiser.width=24 expected, got 128"),
        (set_rank_of_layer, r"layer denoiser.enter: rank=77 must lie in 1..16"),
        (drop_rank_of_layer, r"ranks must be given for the modulated layers .* \['denoiser.enter'\]"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_has_changed(fault, message):
    trainer = make_trainer()
    trainer.run(next_batch, steps=20)
    state = trainer.state_dict()
    other = make_trainer(USV)
    other.run(next_batch, steps=12)
    before = other.state_dict()
    fault(state)
    with pytest.raises(CheckpointError, match=message):
        other.load_state_dict(state)
    assert_same(other.state_dict(), before)
    other.run(next_batch)  # and it still works


def test_a_file_that_is_cut_short_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "resume.safetensors"
    save_trainer_state(path, make_trainer().state_dict())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_trainer_state(path)
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_trainer_state(tmp_path / "missing.safetensors")
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="must have a key 'drift_trainer'"):
        load_trainer_state(path)
    save_file({"a": torch.zeros(1)}, path, metadata={"drift_trainer": 100_000 * "["})
    with pytest.raises(CheckpointError, match="not valid JSON: maximum recursion depth exceeded"):
        load_trainer_state(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", [0.001, 0.5, 0.999])
def test_a_flipped_bit_among_the_tensors_is_refused_by_the_name_of_the_file(tmp_path, where):
    path = tmp_path / "resume.safetensors"
    trainer = make_trainer()
    trainer.run(next_batch, steps=10)
    save_trainer_state(path, trainer.state_dict())
    data = bytearray(path.read_bytes())
    begin = 8 + int.from_bytes(data[:8], "little")  # after the header
    data[begin + int(where * (len(data) - begin))] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=f"{path}: damaged: SHA-256 must be [0-9a-f]{{64}}, got"):
        load_trainer_state(path)


def test_a_changed_number_among_the_settings_is_refused(tmp_path):
    path = tmp_path / "resume.safetensors"
    save_trainer_state(path, make_trainer().state_dict())
    data = path.read_bytes()
    changed = data.replace(rb"\"batch_size\": 8", rb"\"batch_size\": 9")
    assert changed != data
    path.write_bytes(changed)
    with pytest.raises(CheckpointError, match="damaged: SHA-256 must be"):
        load_trainer_state(path)


def test_a_file_is_safetensors_with_json(tmp_path):
    path = tmp_path / "resume.safetensors"
    save_trainer_state(path, make_trainer().state_dict())
    with safe_open(path, framework="pt") as file:
        info = json.loads(file.metadata()["drift_trainer"])
    assert (info["step"], info["train"]["steps"], info["schedule"]["kind"]) == (0, 40, "linear")


def plain():
    return Trainer(make_policy(UNET), replace(CONFIG), None, torch.Generator().manual_seed(0))


def assert_equal_states(a, b):
    assert_same(a.state_dict(), b.state_dict())


def assert_same(a: TrainerState, b: TrainerState):
    assert a.info == b.info and a.tensors.keys() == b.tensors.keys()
    for key, value in a.tensors.items():
        assert torch.equal(value, b.tensors[key]), key
