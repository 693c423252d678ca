from dataclasses import replace
from pathlib import Path

import pytest
from drift_config.errors import ConfigError
from drift_core.task import load_task
from drift_sim.scenes.table.config import parse_table


def test_the_insert_slot_leaves_three_millimetres_on_each_side(tasks):
    scene = parse_table(tasks["insert"])
    assert scene.goal.clearance_m == 0.003
    assert scene.grip_width_m == 0.04


def test_an_unknown_key_of_the_scene_is_refused_by_name(tasks):
    place = tasks["place"]
    with pytest.raises(ConfigError, match="colour"):
        parse_table(replace(place, scene={**place.scene, "colour": "red"}))


def test_a_fault_in_the_scene_of_a_file_is_named_with_its_line(tmp_path):
    place = Path(__file__).resolve().parents[3] / "config" / "tasks" / "place.yaml"
    path = tmp_path / "place.yaml"
    path.write_text(place.read_text().replace("xy_m: 0.025", "xy_m: '0.025'"))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "xy_m: '" in text)
    task = load_task(path)
    with pytest.raises(ConfigError, match=f"place.yaml:{line}: scene.success.xy_m='0.025' must be"):
        parse_table(task)


def test_a_camera_without_a_pose_is_refused_by_name(tasks):
    place = tasks["place"]
    poses = {"front": place.scene["cameras"]["front"]}
    with pytest.raises(ConfigError, match="camera='wrist' of task place must be one of front"):
        parse_table(replace(place, scene={**place.scene, "cameras": poses}))
