"""Messages as they go over the wire, made without ROS."""

import numpy as np
import pytest
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Qos, Topic
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

NAMES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/JointState", "drift_interfaces/msg/Step")


class Messages:
    """Make and serialize messages of the installed types."""

    def __init__(self):
        self.store = get_typestore(Stores.EMPTY)
        for name in NAMES:
            self.store.register(get_types_from_msg(installed(name).definition, name))

    def make(self, name, /, **values):
        return self.store.types[name](**values)

    def header(self, stamp_ns):
        stamp = self.make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return self.make("std_msgs/msg/Header", stamp=stamp, frame_id="base")

    def joint_state(self, stamp_ns, names=(), positions=()):
        none = np.zeros(0)
        return self.bytes(
            "sensor_msgs/msg/JointState",
            header=self.header(stamp_ns),
            name=list(names),
            position=np.array(positions, float),
            velocity=none,
            effort=none,
        )

    def bytes(self, name, /, **values):
        return bytes(self.store.serialize_cdr(self.make(name, **values), name))


@pytest.fixture(scope="session")
def messages():
    return Messages()


@pytest.fixture
def joint_topic():
    return Topic("/joint_states", installed("sensor_msgs/msg/JointState"), (Qos(depth=10),))
