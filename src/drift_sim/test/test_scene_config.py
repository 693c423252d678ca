from dataclasses import replace

import pytest
from drift_config.errors import ConfigError
from drift_sim.scenes.table.config import parse_table


def test_the_insert_slot_leaves_three_millimetres_on_each_side(tasks):
    scene = parse_table(tasks["insert"])
    assert scene.goal.clearance_m == 0.003
    assert scene.grip_width_m == 0.04


def test_an_unknown_key_of_the_scene_is_refused_by_name(tasks):
    place = tasks["place"]
    with pytest.raises(ConfigError, match="colour"):
        parse_table(replace(place, scene={**place.scene, "colour": "red"}))


def test_a_camera_without_a_pose_is_refused_by_name(tasks):
    place = tasks["place"]
    poses = {"front": place.scene["cameras"]["front"]}
    with pytest.raises(ConfigError, match="camera='wrist' of task place must be one of front"):
        parse_table(replace(place, scene={**place.scene, "cameras": poses}))
