#!/usr/bin/env bash
# rosbags 0.11.9: AnyReader over two bags whose message type has one name and two definitions (fields in another order after a
# change) decodes both bags with one of them, the last; force and torque change places without an error.
# Hurt: whoever reads a month of recordings in one reader across a change of a message.
# Instead: one AnyReader per bag, and compare the definitions before you join the data.
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
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

NAME = "arm_msgs/msg/Effort"


def write(bag: str, definition: str) -> Path:
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition, NAME))
    with Writer(Path(bag), version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/effort", NAME, typestore=store)
        writer.write(connection, 1, store.serialize_cdr(store.types[NAME](force=50.0, torque=2.0), NAME))
    return Path(bag)


def read(*bags: Path) -> list[tuple[float, float]]:
    with AnyReader(list(bags)) as reader:
        messages = [reader.deserialize(raw, connection.msgtype) for connection, _, raw in reader.messages()]
    return [(m.force, m.torque) for m in messages]


old = write("old", "float64 force\nfloat64 torque\n")
new = write("new", "float64 torque\nfloat64 force\n")
seen = [read(old), read(new), read(old, new), read(new, old)]
print("rosbags", version("rosbags"))
print("expected: force 50 and torque 2 in every message, or an error")
print(f"seen: old alone {seen[0]}, new alone {seen[1]}, old and new {seen[2]}, new and old {seen[3]}")
right, swapped = (50.0, 2.0), (2.0, 50.0)
same = seen[:2] == [[right], [right]] and all(sorted(pair) == [swapped, right] for pair in seen[2:])
sys.exit(0 if same else "the behaviour has changed")
PY
