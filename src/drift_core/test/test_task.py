"""A task file says everything about a task, and nothing that does not fit together."""

import pytest
from drift_config.errors import ConfigError
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.task import load_task

TEXT = """
name: place
cameras:
  - {name: front, topic: camera/front/image_raw, height: 64, width: 48, latency_s: 0.01}
dt_s: 0.1
horizon: 16
observation_steps: 2
action_steps: 8
action_space: tcp_pose
max_duration_s: 20
scene: {cube_m: [0.04, 0.04], colour: red}
"""


def load(tmp_path, text):
    path = tmp_path / "place.yaml"
    path.write_text(text)
    return load_task(path)


def test_a_task_gives_the_shapes_of_its_policy(tmp_path):
    task = load(tmp_path, TEXT)
    assert task.observation_spec(n_joints=7) == ObservationSpec((CameraSpec("front", 64, 48),), 17, 2, 0.1)
    assert task.action_dim(7) == 10 and task.latency_s == {"front": 0.01}
    assert task.max_duration_s == 20.0 and task.scene["cube_m"] == [0.04, 0.04]


@pytest.mark.parametrize(("space", "state", "action"), [("joint_position", 16, 7), ("point", 2, 2)])
def test_dimensions_follow_from_the_action_space(tmp_path, space, state, action):
    task = load(tmp_path, TEXT.replace("tcp_pose", space))
    assert (task.state_dim(6), task.action_dim(6)) == (state, action)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("action_steps: 8", "action_steps: 17", r"action_steps=17 must lie in \[1, horizon=16\]"),
        ("tcp_pose", "tcp", "action_space='tcp' must be 'tcp_pose', 'joint_position' or 'point'"),
        ("dt_s: 0.1", "dt_s: 0", "dt_s=0 must be greater than 0"),
        ("width: 48", "width: 48.5", r"cameras\[0\].width=48.5 must be a valid integer"),
        ("width: 48, ", "", r"cameras\[0\].width is missing"),
        ("name: front", "name: Front View", r"cameras\[0\].name='Front View' "),
        ("cameras:", "robots: [panda]\ncameras:", "robots=.* is unknown; the nearest of 10: "),
        ("horizon: 16", "horizon: 16\nepochs: 3", "epochs=3 is unknown; the nearest of 10: "),
    ],
)
def test_what_does_not_fit_is_named_with_file_value_and_what_is_allowed(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=rf"place.yaml:\d+: .*{message}"):
        load(tmp_path, TEXT.replace(old, new))


def test_two_cameras_of_one_name_are_refused(tmp_path):
    line = next(line for line in TEXT.splitlines() if "front" in line)
    with pytest.raises(ConfigError, match=r"cameras=\['front', 'front'\] must have different names"):
        load(tmp_path, TEXT.replace(line, f"{line}\n{line}"))
    with pytest.raises(ValueError, match="must have different names"):
        ObservationSpec((CameraSpec("a", 1, 1), CameraSpec("a", 1, 1)), 1, 1, 0.1)
