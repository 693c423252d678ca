"""One policy for several tasks: trained on a store of both, told which one it is, refused for any other."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.arm import POINT
from drift_core.denoisers import MlpConfig
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, StepSource
from drift_core.errors import CheckpointError
from drift_core.observation.spec import Observation
from drift_core.origin import Origin
from drift_core.policy.checkpoint import load_checkpoint
from drift_core.task import load_task, together
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Hooks, Rounds, train_round

CONFIG = Path(__file__).resolve().parents[4] / "config"
FORK = load_task(CONFIG / "tasks" / "fork.yaml")
UP, DOWN = replace(FORK, name="up"), replace(FORK, name="down")
BOTH = together([UP, DOWN])
SIZES = MlpConfig(width=32, blocks=1, step_dim=8)


def record(root, name, task, way, steps=16):
    """Record the expert leading a point from the origin by 0.02 m a step, up or down."""
    meta = EpisodeMeta(name, POINT, task, 0, "demonstration", (), FORK.dt_s, 0.0)
    with EpisodeWriter(root, meta) as writer:
        for step in range(steps):
            now_s, due_s = step * FORK.dt_s, (step + 1) * FORK.dt_s
            here, there = np.array([0.0, way * 0.02 * step]), np.array([0.0, way * 0.02 * (step + 1)])
            writer.add_joints(here, 0.0, now_s, now_s)
            writer.add_step(
                StepRecord(due_s, step, StepSource.EXPERT, 1, 1, 0, 0, -1.0, there, here, there, 0)
            )
        writer.close("success")


def rounds(root, task):
    file = load_train_file(CONFIG / "train" / "smoke.yaml")
    file = replace(file, policy=replace(file.policy, denoiser=SIZES))
    return Rounds(None, task, file, EpisodeStore(root / "episodes"), root / "checkpoints")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A policy that has learned to go up in one task and down in the other, and where it stands."""
    root = tmp_path_factory.mktemp("tasks")
    for number in range(4):
        record(root / "episodes", f"up_{number}", "up", 1.0)
        record(root / "episodes", f"down_{number}", "down", -1.0)
    made = train_round(rounds(root, BOTH), "offline", steps=150)
    assert made.left_out == {}
    return SimpleNamespace(
        root=root, path=made.path, info=made.info, policy=load_checkpoint(made.path).policy
    )


def chunk(policy, task):
    policy.serve(task)
    seen = Observation(0.0, {}, np.zeros((FORK.observation_steps, 2), dtype=np.float32), 0.0)
    return policy.act(seen, policy.make_sampler("ddim-8"), torch.Generator().manual_seed(0))


def test_from_the_same_place_it_does_what_its_task_asks_for(trained):
    end_m = 0.02 * FORK.horizon
    assert chunk(trained.policy, "up")[-1, 1] > end_m / 3  # without knowing which: about 0
    assert chunk(trained.policy, "down")[-1, 1] < -end_m / 3


def test_its_checkpoint_says_what_it_has_learned(trained):
    assert trained.info.task == "up+down" and trained.policy.config.tasks == ("up", "down")
    assert Origin(POINT, "down").objection(trained.info) == ""
    assert Origin(POINT, "left").objection(trained.info) == "task must be left, got up+down"


def test_a_task_that_it_has_not_learned_and_none_at_all_are_refused_by_name(trained):
    policy = load_checkpoint(trained.path).policy
    with pytest.raises(ConfigError, match="task='left' must be one of those .* has learned: up, down"):
        policy.serve("left")
    state = torch.zeros(1, FORK.observation_steps, 2)
    with pytest.raises(ConfigError, match="has learned up, down must be told for which to act"):
        policy.condition(torch.zeros(0, 0), torch.zeros(1, FORK.observation_steps).long(), state)


def test_each_window_carries_the_task_of_its_episode(trained):
    data = rounds(trained.root, BOTH).update_data(Hooks()).offline
    ups = [name for name in data.episode_ids if name.startswith("up")]
    batch = data.batch(torch.arange(len(data)))
    rows = data.rows(ups)
    assert (batch.task[rows] == 0).all() and int(batch.task.sum()) == len(data) - len(rows)


def test_a_round_for_one_of_its_tasks_alone_does_not_go_on_from_it(trained):
    with pytest.raises(CheckpointError, match=r"tasks"):
        rounds(trained.root, DOWN).newest_checkpoint()


def test_tasks_that_one_policy_cannot_learn_are_refused_by_name():
    with pytest.raises(ConfigError, match="task=down: horizon=8 must be that of task=up, 16"):
        together([replace(UP, horizon=16), replace(DOWN, horizon=8, action_steps=4)])
    with pytest.raises(ConfigError, match=r"task=up\+up must name each task once"):
        together([UP, UP])


def test_the_name_of_several_tasks_is_no_name_for_a_file(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text((CONFIG / "tasks" / "fork.yaml").read_text().replace("name: fork", "name: up+down"))
    with pytest.raises(ConfigError, match=r"both.yaml: name='up\+down' must be that of one task"):
        load_task(path)


def test_an_episode_is_of_one_task(tmp_path):
    record(tmp_path / "episodes", "both", "up+down", 1.0)
    for task, allowed in ((BOTH, "up, down"), (UP, "up")):
        data = rounds(tmp_path, task).update_data(Hooks())
        assert data.left_out == {"both": f"task=up+down must be one of {allowed}"}
