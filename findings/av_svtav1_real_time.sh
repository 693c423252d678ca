#!/usr/bin/env bash
# av 18.1.0 (SVT-AV1 4.1.0): whoever encodes AV1 as root becomes a real-time process. From the first frame on the calling thread and all of the
# encoder's are scheduled first in, first out at priority 99, the highest there is, and the calling thread stays so after the file is closed.
# Hurt: on the computer of a robot, in a container that runs as root with the right to real-time scheduling, as drivers ask for: a recorder that
# encodes between two episodes (AV1 is LeRobot's default) comes before ros2_control (50) and the arm's driver, which miss their milliseconds.
# Instead: encode as another user, or give all threads of the process their scheduling back after the encoder was opened
# (os.sched_setscheduler for each of /proc/self/task), or take libx264.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run this as root, which is whom it concerns"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" SVT_LOG=1 venv/bin/python - <<'PY'
import os
import sys
from collections import Counter
from importlib.metadata import version

import av
import numpy as np

NAMES = {os.SCHED_OTHER: "as usual", os.SCHED_FIFO: "first in, first out"}


def told(thread=0):
    return NAMES[os.sched_getscheduler(thread)], os.sched_getparam(thread).sched_priority


print("av", version("av"))
seen = {}
for encoder in ("libx264", "libsvtav1"):  # the second one last, since nothing takes it back
    with av.open("out.mp4", "w") as out:
        stream = out.add_stream(encoder, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            out.mux(stream.encode(frame))
        threads = Counter(told(int(thread)) for thread in os.listdir("/proc/self/task"))
        out.mux(stream.encode(None))
    seen[encoder] = told()
    print(f"{encoder}: expected all threads as usual, 0; seen {dict(threads)}, and the calling one {told()} after the file was closed")
real_time = threads["first in, first out", 99]
same = seen == {"libx264": ("as usual", 0), "libsvtav1": ("first in, first out", 99)} and real_time > 2
sys.exit(0 if same else "the behaviour has changed")
PY
