#!/usr/bin/env bash
# mcap 1.6.0: iter_messages(reverse=True) of a file written without chunks, or without a chunk index, gives the oldest message first, as
# without `reverse`. The reader that it falls back on for such files can reverse, and is not told to. No error, no warning.
# Hurt: whoever takes the first of the reversed messages for the last of the recording: the joint positions at the end, the verdict on an
# episode. Files of rosbag2's preset fastwrite have no chunks; tests with the writer's defaults pass.
# Instead: NonSeekingReader(file).iter_messages(reverse=True), or compare the log times of the first two.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet mcap==1.6.0
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import io
import sys
from importlib.metadata import version

from mcap.reader import NonSeekingReader, make_reader
from mcap.writer import IndexType, Writer


def recorded(**options):
    """A file with five messages, logged at 1 to 5 s."""
    file = io.BytesIO()
    writer = Writer(file, **options)
    writer.start()
    schema = writer.register_schema(name="joints", encoding="jsonschema", data=b"{}")
    channel = writer.register_channel(topic="/joint_states", message_encoding="json", schema_id=schema)
    for second in range(1, 6):
        writer.add_message(channel, log_time=second * 10**9, publish_time=second * 10**9, data=b"{}")
    writer.finish()
    file.seek(0)
    return file


def reversed_times(reader):
    return [message.log_time // 10**9 for _, _, message in reader.iter_messages(reverse=True)]


seen = {
    "with chunks": reversed_times(make_reader(recorded())),
    "no chunks": reversed_times(make_reader(recorded(use_chunking=False))),
    "no chunk index": reversed_times(make_reader(recorded(index_types=IndexType.MESSAGE))),
}
fallback = reversed_times(NonSeekingReader(recorded(use_chunking=False)))
print("mcap", version("mcap"))
print("expected: [5, 4, 3, 2, 1] for every file")
for name, times in seen.items():
    print(f"seen, {name}: {times}")
print(f"seen, no chunks, NonSeekingReader: {fallback}")
newest_first, oldest_first = [5, 4, 3, 2, 1], [1, 2, 3, 4, 5]
same = list(seen.values()) == [newest_first, oldest_first, oldest_first] and fallback == newest_first
sys.exit(0 if same else "the behaviour has changed")
PY
