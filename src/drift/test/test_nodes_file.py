"""config/nodes.yaml and the configuration classes of the nodes say the same names."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from drift.node_parameters import CONFIGS
from drift_config.descriptions import describe
from drift_ros.parameters import load_parameters
from rclpy.node import Node

FILE = Path(__file__).resolve().parents[3] / "config" / "nodes.yaml"
FOLDERS = ("_file", "_folder")  # endings of what launch gives


def given_by_launch(name, config_type):
    """Return the paths that the file does not hold."""
    section = yaml.safe_load(FILE.read_text())[f"/**/{name}"]["ros__parameters"]
    names = [field.name for field in fields(config_type) if field.name.endswith(FOLDERS)]
    return [field for field in names if field not in section]


@pytest.mark.parametrize("namespace", ["", "left/arm"])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_section_fills_its_configuration_in_any_namespace(ros, name, namespace):
    arguments = ["--ros-args", "--params-file", str(FILE)]
    for field in given_by_launch(name, CONFIGS[name]):
        arguments += ["-p", f"{field}:=/somewhere"]
    node = Node(name, namespace=namespace, cli_args=arguments, use_global_arguments=False)
    try:
        load_parameters(node, CONFIGS[name])
    finally:
        node.destroy_node()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_is_explained_and_every_bound_of_a_number_is_told(name):
    said = describe(CONFIGS[name])
    assert [field for field, what in said.items() if not what.text] == []
    bare = [field for field, what in said.items() if what.kind in (int, float) and what.low is None]
    assert bare == []


def test_there_is_no_section_without_a_node():
    assert set(yaml.safe_load(FILE.read_text())) == {f"/**/{name}" for name in CONFIGS}
