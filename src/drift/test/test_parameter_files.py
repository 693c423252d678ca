"""Which section of a parameter file holds for which node: our rule gives what ROS itself gives."""

import os
from pathlib import Path

import pytest
from drift.parameter_files import fits, merged, read_parameter_file
from rclpy.node import Node

NODES = ("/gate", "/left/gate", "/left/arm/gate", "/left/policy")
SECTIONS = """
gate /gate /*/gate */gate **/gate /**/gate /** ** * /* /left/gate left/gate /left/** /left/* /left/**/gate
/*/*/gate /**/policy /right/gate /gat /left/**/*
""".split()


def says(section, values):
    return f"{section}: {{ros__parameters: {{{values}}}}}\n"


def what_ros_gives(node, files, given=()):
    namespace, _, name = node.rpartition("/")
    arguments = ["--ros-args"]
    for file in files:
        arguments += ["--params-file", str(file)]
    for key, value in dict(given).items():
        arguments += ["-p", f"{key}:={value}"]
    made = Node(name, namespace=namespace or "/", cli_args=arguments, use_global_arguments=False)
    try:
        return {key: parameter.value for key, parameter in made._parameter_overrides.items()}
    finally:
        made.destroy_node()


def what_we_give(node, files, given=()):
    return dict(merged([read_parameter_file(file) for file in files], dict(given), node))


def write(folder: Path, *texts: str) -> list[Path]:
    files = [folder / f"{index}.yaml" for index in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return files


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_holds_for_the_nodes_for_which_it_holds_in_ros(ros, tmp_path, section):
    files = write(tmp_path, f'"{section}":\n  ros__parameters: {{a: 1}}\n')
    for node in NODES:
        assert what_we_give(node, files) == what_ros_gives(node, files)


def test_the_section_of_a_node_holds_in_any_namespace_and_no_other_name_does():
    assert fits("/**/expert_gate", "/expert_gate") and fits("/**/expert_gate", "/left/arm/expert_gate")
    assert not fits("/**/gate", "/expert_gate") and not fits("/expert_gate", "/left/expert_gate")


@pytest.mark.parametrize(
    ("texts", "given"),
    [
        # a more exact name does not win, a later one does
        (
            [says("/**/gate", "a: 1") + says("/gate", "a: 2") + says("/**", "a: 3")],
            {},
        ),
        (
            [says("/**", "a: 3") + says("/gate", "a: 2") + says("/**/gate", "a: 1")],
            {},
        ),
        # a name keeps the rank of its first appearance
        (
            [
                "/**/gate: {ros__parameters: {a: 1}}",
                "/**: {ros__parameters: {a: 2}}\n/**/gate: {ros__parameters: {a: 3}}",
            ],
            {},
        ),
        (["/gate: {ros__parameters: {a: 1}}", "/**/gate: {ros__parameters: {a: 2}}"], {}),
        (["/**/gate: {ros__parameters: {a: 1}}", "/gate: {ros__parameters: {a: 2}}"], {}),
        # -p stands in /**, so that a file which names that section first takes its rank away
        (["/gate: {ros__parameters: {a: 2}}"], {"a": 9}),
        (["/**: {ros__parameters: {z: 1}}\n/gate: {ros__parameters: {a: 2}}"], {"a": 9}),
        # nested names and nested parameters
        (["/**:\n  gate:\n    ros__parameters: {a: {b: 1, c: {d: 2}}, x.y: 3}"], {}),
        (["left:\n  arm:\n    gate:\n      ros__parameters: {a: 1}"], {}),
    ],
)
def test_what_stands_twice_wins_as_in_ros(ros, tmp_path, texts, given):
    files = write(tmp_path, *texts)
    for node in NODES:
        assert what_we_give(node, files, given) == what_ros_gives(node, files, given)


def test_a_name_below_parameters_counts_where_ros_can_read_it(ros, tmp_path):
    files = write(tmp_path, "/**:\n  ros__parameters: {b: 2}\n  gate:\n    ros__parameters: {a: 1}")
    if os.environ["ROS_DISTRO"] == "jazzy":  # its parser refuses the whole file
        with pytest.raises(RuntimeError, match="Couldn't parse params file"):
            what_ros_gives("/gate", files)
        return
    for node in NODES:
        assert what_we_give(node, files) == what_ros_gives(node, files)


@pytest.mark.parametrize(
    "number", ["1e-3", "5e3", "1.", ".5", "+5", "-0", "12", "-1.5e+2", "123456789012345678"]
)
def test_what_we_take_for_a_number_is_the_same_number_in_ros(ros, tmp_path, number):
    files = write(tmp_path, f"/gate: {{ros__parameters: {{a: {number}}}}}")
    ours, theirs = what_we_give("/gate", files)["a"], what_ros_gives("/gate", files)["a"]
    assert ours == theirs and type(ours) is type(theirs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/gate: {ros_parameters: {a: 1}}", "/gate/ros_parameters/a=1 must be ros__parameters, or a name"),
        ("/gate: {}", "/gate={} must be ros__parameters"),
        ("/gate: {ros__parameters: }", "/gate: ros__parameters must be a mapping"),
        ("ros__parameters: {a: 1}", "/: ros__parameters must be a mapping below a node's name"),
        ("gate: {ros__parameters: {a: 1}}\n/gate: {ros__parameters: {a: 2}}", "/gate is given twice"),
        ("/gate: {ros__parameters: {a: {b: 1}, a.b: 2}}", "a.b is given twice"),
    ],
)
def test_what_ros_would_drop_or_read_otherwise_is_a_fault(tmp_path, text, message):
    (file,) = write(tmp_path, text)
    assert message in " ".join(fault.text for fault in read_parameter_file(file).faults)
