"""The files of config/train are complete and their mistakes are named."""

from pathlib import Path

import pytest
import yaml
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import load_task
from drift_core.training.config import ContinuousConfig, TrainFile, load_train_file

CONFIG = Path(__file__).resolve().parents[4] / "config"
FILES = sorted(path.name for path in (CONFIG / "train").glob("*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_makes_a_policy_for_a_task_with_cameras(name):
    file = load_train_file(CONFIG / "train" / name)
    task = load_task(CONFIG / "tasks" / "place.yaml")
    config = file.policy_config(task, n_joints=7)
    assert (config.action_dim, config.observation.state_dim, config.encoder) == (10, 17, file.policy.encoder)
    assert file.rank.online(0) <= file.rank.offline(0)
    if name == "demo.yaml":  # small enough to build here
        policy = DiffusionPolicy(config)
        assert policy.make_sampler(file.policy.sampler) is not None


def test_a_gripper_that_opens_or_closes_is_a_discrete_column_of_the_policy():
    data = demo()
    data["policy"]["discrete_columns"] = [9]
    task = load_task(CONFIG / "tasks" / "place.yaml")
    assert parse(data, TrainFile, "demo.yaml").policy_config(task, n_joints=7).discrete_columns == (9,)


def test_batches_carry_the_observations_that_the_network_foresees():
    data = demo()
    data["policy"]["denoiser"] = {"kind": "joint"}
    assert parse(data, TrainFile, "demo.yaml").future_steps == (4, 8)
    data["objective"]["future_steps"] = [4, 8]
    assert parse(data, TrainFile, "demo.yaml").future_steps == (4, 8)
    data["objective"]["future_steps"] = [4]
    message = r"objective\.future_steps=\[4\] must be those of the denoiser, \[4, 8\], or left out"
    with pytest.raises(ConfigError, match=message):
        parse(data, TrainFile, "demo.yaml")
    other = {**demo(), "objective": {"kind": "denoising", "future_steps": [3]}}
    assert parse(other, TrainFile, "demo.yaml").future_steps == (3,)
    other["objective"] = {"kind": "denoising", "unlabelled": True}
    with pytest.raises(ConfigError, match="objective.unlabelled=true needs future_steps"):
        parse(other, TrainFile, "demo.yaml")


def test_the_online_rounds_begin_where_the_offline_schedule_ends():
    for name in FILES:
        file = load_train_file(CONFIG / "train" / name)
        assert file.rank.offline(file.offline.steps) == file.rank.online(0)


def demo():
    return yaml.safe_load((CONFIG / "train" / "demo.yaml").read_text().replace("e-", ".0e-"))


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("offline", "steps", 0, "offline.steps=0 must be greater than or equal to 1"),
        ("offline", "warmup_steps", 9999, "offline: warmup_steps=9999 must be less than steps=2000"),
        ("offline", "lr_end", 1.0, "offline: lr_end=1.0 must be at most lr=0.001"),
        (
            "online",
            "feature_views",
            3,
            "online: feature_views=3 must be 1 unless freeze_encoder and shift_px",
        ),
        ("online", "epochs", 3, "online.epochs=3 is unknown"),
        ("rank", "online", {"kind": "step", "fraction": 0.5}, "rank.online.kind='step' must be one of"),
        ("rank", "modulation", {"form": "right"}, "rank.modulation.form='right' must be 'left' or 'usv'"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(section, key, value, message):
    data = demo()
    data[section][key] = value
    with pytest.raises(ConfigError, match=message):
        parse(data, TrainFile, "demo.yaml")


def test_without_a_clock_no_stream_of_a_human_life_hurries():
    settings = ContinuousConfig(steps_per_label=3.0).unhurried()
    assert settings.steps_per_label == 3.0
    assert min(settings.behind_s, settings.candidate_s, settings.slice_s) >= 30 * 365 * 86_400
