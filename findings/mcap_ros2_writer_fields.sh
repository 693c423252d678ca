#!/usr/bin/env bash
# mcap-ros2-support 0.6.0: Writer.write_message takes a dict and never objects to what does not fit the message. A misspelt field is dropped
# and the real one written empty, a fixed array of the wrong length is cut or filled with zeros, 3.7 becomes 3 in a whole-number field.
# A short array is filled up in the caller's own list, too, with None.
# Hurt: converters of robot data; the bag opens everywhere, and the joints or the covariance in it are wrong or gone.
# Instead: compare the keys and lengths of the dict with the definition before writing, and read one message back.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet mcap-ros2-support==0.6.0 mcap==1.6.0
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import io
import sys
from importlib.metadata import version

from mcap_ros2.reader import read_ros2_messages
from mcap_ros2.writer import Writer

DEFINITION = "string[] name\nfloat64[] position\nfloat64[4] orientation\nuint8 mode"


def written(message: dict) -> dict:
    """What is read back of a message that was written."""
    file = io.BytesIO()
    writer = Writer(file)
    schema = writer.register_msgdef("arm_msgs/msg/Arm", DEFINITION)
    writer.write_message(topic="/arm", schema=schema, message=message, log_time=1, publish_time=1)
    writer.finish()
    file.seek(0)
    (read,) = read_ros2_messages(file)
    return {key: getattr(read.ros_msg, key) for key in ("name", "position", "orientation", "mode")}


print("mcap-ros2-support", version("mcap-ros2-support"))
given = {"name": ["elbow"], "positions": [0.4], "orientation": (short := [0.0, 0.0, 1.0]), "mode": 3.7}
print(f"expected: an error for {given}")
seen = written(given)
longer = written({"orientation": [1.0, 2.0, 3.0, 4.0, 5.0]})["orientation"]
print(f"seen: {seen}, the caller's list is {short}; five numbers for a float64[4] are read as {longer}")
same = seen == {"name": ["elbow"], "position": [], "orientation": [0.0, 0.0, 1.0, 0.0], "mode": 3}
sys.exit(0 if same and short[3:] == [None] and longer == [1.0, 2.0, 3.0, 4.0] else "the behaviour has changed")
PY
