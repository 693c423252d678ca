"""Bags as rosbags and mcap read them."""

import numpy as np
import yaml
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Qos, Topic
from drift_formats.bags.writer import BagWriter
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import Reader

S = 10**9


def written(folder, messages, joint_topic, count=3):
    writer = BagWriter(folder, "kilted")
    for n in range(count):
        data = messages.joint_state(100 * S + n, ["j1"], [0.5 * n])
        writer.write(joint_topic, data, 200 * S + n, 100 * S + n, sequence=n)
    return writer.close({"lost_messages": "0"})


def test_rosbags_reads_what_was_written_with_times_quality_of_service_and_hash(
    tmp_path, messages, joint_topic
):
    folder = written(tmp_path / "one", messages, joint_topic)
    with Reader(folder) as bag:
        (connection,) = bag.connections
        assert (bag.message_count, bag.start_time, bag.duration) == (3, 200 * S, 3)
        qos = connection.ext.offered_qos_profiles[0]
        assert (qos.depth, qos.reliability, qos.durability) == (
            10,
            QosReliability.RELIABLE,
            QosDurability.VOLATILE,
        )
        assert connection.digest == installed("sensor_msgs/msg/JointState").hash
        times = [stamp_ns for _, stamp_ns, _ in bag.messages()]
        assert times == [200 * S, 200 * S + 1, 200 * S + 2]
    with AnyReader([folder]) as bag:
        positions = [
            bag.deserialize(data, connection.msgtype).position for connection, _, data in bag.messages()
        ]
    np.testing.assert_array_equal(positions, [[0.0], [0.5], [1.0]])


def test_mcap_reads_publish_times_the_whole_definition_and_the_metadata_again(
    tmp_path, messages, joint_topic
):
    folder = written(tmp_path / "one", messages, joint_topic)
    with (folder / "one_0.mcap").open("rb") as stream:
        reader = make_reader(stream)
        schema, channel, message = next(reader.iter_messages())
        told = {record.name: record.metadata for record in reader.iter_metadata()}
        assert reader.get_header().profile == "ros2"
    assert (schema.name, schema.encoding, channel.message_encoding) == (
        "sensor_msgs/msg/JointState",
        "ros2msg",
        "cdr",
    )
    assert b"MSG: builtin_interfaces/Time" in schema.data and b"MSG: std_msgs/Header" in schema.data
    assert (message.log_time, message.publish_time, message.sequence) == (200 * S, 100 * S, 0)
    assert channel.metadata["topic_type_hash"].startswith("RIHS01_")
    assert yaml.safe_load(channel.metadata["offered_qos_profiles"])[0]["reliability"] == "reliable"
    outside = yaml.safe_load((folder / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert yaml.safe_load(told["rosbag2"]["serialized_metadata"]) == outside
    assert (outside["version"], outside["ros_distro"]) == (9, "kilted")
    assert outside["custom_data"] == {"lost_messages": "0"}


def test_the_numbers_of_older_versions_stand_for_words():
    words = Qos("best_effort", "transient_local", "keep_all", 7).plain()
    numbers = words | {"reliability": 2, "durability": 1, "history": 2, "liveliness": 1}
    assert Qos.of(numbers) == Qos.of(words) == Qos("best_effort", "transient_local", "keep_all", 7)


def test_messages_that_have_one_time_stay_in_their_order(tmp_path, messages, joint_topic):
    other = Topic("/other", joint_topic.type)
    writer = BagWriter(tmp_path / "bag")
    for n in range(40):
        data = messages.joint_state(n, ["j1"], [float(n)])
        writer.write((joint_topic, other)[n % 2], data, 5 * S, 5 * S)
    writer.close()
    with AnyReader([tmp_path / "bag"]) as bag:
        seen = [
            bag.deserialize(data, connection.msgtype).position[0] for connection, _, data in bag.messages()
        ]
    assert seen == list(range(40))
