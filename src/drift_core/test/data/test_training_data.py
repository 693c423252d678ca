"""What is in a store and what training has of it."""

from pathlib import Path

import numpy as np
from drift_core.arm import POINT
from drift_core.data.cutter import WindowCutter
from drift_core.data.training_data import TrainingData
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, StepSource, relabel
from drift_core.task import load_task

TASK = load_task(Path(__file__).resolve().parents[4] / "config" / "tasks" / "fork.yaml")


def record(root, name, kind):
    """Record the expert leading a point by 0.01 m a step."""
    with EpisodeWriter(root, EpisodeMeta(name, POINT, TASK.name, 0, kind, (), TASK.dt_s, 0.0)) as writer:
        for step in range(12):
            now_s, due_s = step * TASK.dt_s, (step + 1) * TASK.dt_s
            here, there = np.array([0.01 * step, 0.0]), np.array([0.01 * (step + 1), 0.0])
            writer.add_joints(here, 0.0, now_s, now_s)
            writer.add_step(
                StepRecord(due_s, step, StepSource.EXPERT, 1, 1, 0, 0, -1.0, there, here, there, 0)
            )
        writer.close("success")


def test_an_intervention_whose_weight_is_0_leaves_a_round_to_the_demonstrations(tmp_path):
    record(tmp_path, "demonstration", "demonstration")
    record(tmp_path, "intervention", "intervention")
    relabel(tmp_path / "intervention", "failure", None, weight=0.0)
    store = EpisodeStore(tmp_path)
    data = TrainingData(store, WindowCutter(store, None, TASK))
    list(data.update())
    assert data.offline.episode_ids == ["demonstration"]
    assert len(data.online) == 0
    assert [found.episode_id for found in data.corrections] == ["demonstration"]  # no step is owed to it
    assert "intervention: never drawn, its weight is 0" in data.nothing("label")
    assert data.left_out == {}
