"""Whatever file is wrong, nothing starts: one list with file, line, key and what is allowed."""

import shutil
from pathlib import Path

import pytest
from drift import configuration
from drift.commands.up import run_stack
from drift.configuration import share_folder
from drift.processes.supervisor import ProcessSupervisor
from drift.stack import stack
from drift.stack_arguments import StackArguments
from drift_config.errors import ConfigError

PARAMS = "/**/expert_gate:\n  ros__parameters:\n    camera_timeout_s: 0.3\n    dry_run: false\n"
FILES = {  # a number of each kind of file, as it stands there
    "robots/panda.yaml": ("tcp_speed_max_m_s", "0.25"),
    "tasks/place.yaml": ("max_duration_s", "20.0"),
    "joysticks/gamepad.yaml": ("dead_zone", "0.08"),
    "train/default.yaml": ("  train_steps", "100"),
    "nodes.yaml": ("    camera_timeout_s", "0.5"),
    "params.yaml": ("    camera_timeout_s", "0.3"),
}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A copy of the configuration that may be broken; the stack reads from it."""
    shutil.copytree(share_folder() / "config", tmp_path / "config")
    (tmp_path / "config" / "params.yaml").write_text(PARAMS)
    monkeypatch.setattr(configuration, "share_folder", lambda: tmp_path)
    return tmp_path / "config"


def arguments(config: Path, **said: str) -> StackArguments:
    return StackArguments(run=str(config.parent / "run"), params_file=str(config / "params.yaml"), **said)


def refused(config: Path, **said: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        stack(arguments(config, **said))
    assert not (config.parent / "run").exists()
    return str(error.value).splitlines()


def test_the_configuration_as_it_is_is_taken(config):
    assert len(stack(arguments(config)).nodes) == 7


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("{key}: {value}\n{key}: {value}", "{name}' is given twice"),
        ("{key}: '{value}'", "{name}='{value}' must be a valid"),
        ("{key}: yes", "{name}='yes' must be a valid"),
        ("{key}: true", "{name}=True must be a valid"),
        ("{key}: .nan", "{name}=nan must be a finite number"),
        ("{key}: -.inf", "{name}=-inf must be a finite number"),
        ("{key}: -1", "{name}=-1 must be greater than"),
        ("{key}x: {value}", "{name}x={value} is unknown; did you mean {name}"),
    ],
)
def test_a_fault_in_any_file_stops_the_stack_with_file_line_and_key(config, name, written, complaint):
    key, value = FILES[name]
    path = config / name
    lines = path.read_text().splitlines()
    (at,) = (index for index, line in enumerate(lines) if line.startswith(f"{key}: "))
    lines[at] = written.format(key=key, value=value)
    path.write_text("\n".join(lines) + "\n")
    line = at + 1 + lines[at].count("\n")
    expected = complaint.format(name=key.strip(), value=value)
    texts = refused(config)
    assert any(text.startswith(f"{path}:{line}: ") and expected in text for text in texts), texts


def test_all_that_is_wrong_with_the_parameters_comes_at_once(config):
    (config / "params.yaml").write_text(
        PARAMS + "    holds_max: true\n    dry_run: yes\n/**/gate: {ros__parameters: {a: 1}}\n"
    )
    (config / "nodes.yaml").write_text(
        (config / "nodes.yaml").read_text().replace("camera_rate_hz: 10.0", "camera_rate_hz: -1")
    )
    texts = refused(config)
    assert [text.partition(": ")[0].rpartition("/")[2] for text in texts] == [
        "params.yaml:6",
        "params.yaml:7",
        "nodes.yaml:9",
        "params.yaml:5",
    ]


@pytest.mark.parametrize(
    ("section", "said", "message"),
    [
        (
            "/**/gate",
            {},
            "section /**/gate is of no node; there are: /sim, /expert_gate, /planner, /trainer, /policy, "
            "/expert, /console",
        ),
        ("/**/expert_gat", {}, "section /**/expert_gat is of no node; did you mean /**/expert_gate"),
        (
            "expert_gate",
            {"namespace": "left"},
            "section /expert_gate is of no node; did you mean /**/expert_gate",
        ),
        ("/**/joy", {}, "section /**/joy is of no node"),
        ("/**/expert", {"expert": "none"}, "section /**/expert is of no node"),
    ],
)
def test_a_section_that_no_node_would_read_is_refused_by_name(config, section, said, message):
    (config / "params.yaml").write_text(f"{section}:\n  ros__parameters: {{rate_hz: 50.0}}\n")
    assert message in refused(config, **said)[0]


def test_the_joysticks_driver_may_have_a_section_where_it_is_started(config):
    text = "/**/joy: {ros__parameters: {deadzone: 0.1}}"
    (config / "params.yaml").write_text(text)
    assert "joy" in [node.name for node in stack(arguments(config, sim="none")).nodes]
    (config / "params.yaml").write_text(text.replace("0.1", ".nan"))
    assert "/**/joy: deadzone=nan must be a finite number" in refused(config, sim="none")[0]


def test_a_rule_between_parameters_of_both_files_is_checked(config):
    (config / "params.yaml").write_text(
        "/**/expert_gate:\n  ros__parameters:\n    joint_state_timeout_s: 3.0\n"
    )
    (text,) = refused(config)
    assert text.startswith(f"{config}/params.yaml:3: /expert_gate: joint_state_timeout_s=3.0 must be below")


def test_what_the_stack_sets_must_not_stand_in_the_users_file(config):
    (config / "params.yaml").write_text(
        "/**/expert_gate:\n  ros__parameters:\n    robot_file: /my/arm.yaml\n"
    )
    assert "robot_file of expert_gate must not stand here: the stack sets it to" in refused(config)[0]


def test_drift_up_starts_no_process(config, monkeypatch):
    monkeypatch.setattr(ProcessSupervisor, "start", lambda self: pytest.fail("a process was started"))
    (config / "params.yaml").write_text(PARAMS.replace("0.3", "'0.3'"))
    with pytest.raises(
        ConfigError, match=r"params.yaml:3: /expert_gate: camera_timeout_s='0.3' must be a valid number"
    ):
        run_stack(arguments(config))
    assert not (config.parent / "run").exists()
