#!/usr/bin/env bash
# rosbags 0.11.9: a bag whose metadata.yaml gives a topic another quality of service than the MCAP file does (best effort made
# reliable by hand, so that it can be replayed; or written by another tool) says how many messages it has, and gives none of that
# topic: topics are joined on name, type and all of QoS, and what finds no partner is left out without a word.
# Hurt: whoever converts or trains on a bag whose metadata.yaml was edited or made anew; of several topics just one is missing.
# Instead: compare the number of messages read with the one announced, or read the .mcap file itself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet rosbags==0.11.9
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

NAME = "std_msgs/msg/Float64"
NEVER = QosTime(9223372036, 854775807)
BEST_EFFORT = Qos(
    QosHistory.KEEP_LAST, 5, QosReliability.BEST_EFFORT, QosDurability.VOLATILE,
    NEVER, NEVER, QosLiveliness.AUTOMATIC, NEVER, False,
)  # fmt: skip
store = get_typestore(Stores.ROS2_KILTED)
bag = Path("bag")
with Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
    force = writer.add_connection("/force", NAME, typestore=store, offered_qos_profiles=[BEST_EFFORT])
    torque = writer.add_connection("/torque", NAME, typestore=store)
    for n in range(3):
        for connection in (force, torque):
            writer.write(connection, n, store.serialize_cdr(store.types[NAME](data=float(n)), NAME))


def read() -> tuple[int, dict[str, int]]:
    with AnyReader([bag]) as reader:
        topics = [connection.topic for connection, _, _ in reader.messages()]
        return reader.message_count, {topic: topics.count(topic) for topic in ("/force", "/torque")}


before = read()
metadata = bag / "metadata.yaml"
metadata.write_text(metadata.read_text().replace("reliability: best_effort", "reliability: reliable"))
after = read()
print("rosbags", version("rosbags"))
print("expected: 6 messages, 3 of each topic, before and after metadata.yaml says reliable, or an error")
print(f"seen: before {before}, after {after}")
same = before == (6, {"/force": 3, "/torque": 3}) and after == (6, {"/force": 0, "/torque": 3})
sys.exit(0 if same else "the behaviour has changed")
PY
