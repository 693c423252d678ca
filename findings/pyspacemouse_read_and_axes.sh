#!/usr/bin/env bash
# pyspacemouse 2.1.0: read() takes one report a call and returns the same object each time, which keeps the last deflection for ever
# when nothing comes any more; and in the default convention x, y, z are a right-handed frame (z up) in which yaw is left-handed.
# Hurt: who keeps samples (all of a list become the last one), who reads more slowly than the device sends (125 Hz; the arm lags
# by the whole queue), who takes a read for a sign of life, and who makes a twist of x, y, z and yaw: the arm turns the other way.
# Instead: copy the state, read until `t` stands still, time out on `t`, and open with AxisConvention.HID_Z_UP.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pyspacemouse==2.1.0 easyhid==0.0.10
venv/bin/python - <<'PY'
import struct
import sys
from collections import deque

from pyspacemouse import AxisConvention, apply_axis_convention, get_device_specs
from pyspacemouse.device import SpaceMouseDevice

wired = get_device_specs()["SpaceMouseEnterprise"]


class Queue:
    """Stands in for the HID device: what it has sent and nobody has read."""

    def __init__(self, *deflections):
        self.reports = deque(struct.pack("<B6h", 1, *each) for each in deflections)

    def read(self, size):
        return self.reports.popleft() if self.reports else b""


def device(spec, *deflections):
    return SpaceMouseDevice(spec, Queue(*deflections))


right = [(50 * n, 0, 0, 0, 0, 0) for n in (1, 2, 3)]  # pushed to the right, ever farther: 3 reports wait
mouse = device(wired, *right)
first = mouse.read()
first_x = first.x
second = mouse.read()
print("pyspacemouse 2.1.0, three reports wait: x of two reads", first_x, second.x, "one object:", first is second, first.x)
mouse.read()
silent = [(mouse.read().x, mouse.connected) for _ in range(3)]
print("then nothing comes: x, connected", silent)
lags = first_x == 50 / 350  # the oldest, while the newest says 150

turned = (0, 0, 100, 0, 0, 100)  # raw axes of the device: z is down, and turning about it is clockwise seen from above
default = device(wired, turned).read()
z_up = device(apply_axis_convention(wired, AxisConvention.HID_Z_UP), turned).read()
print("pushed down and turned clockwise: default z, yaw", default.z, default.yaw, "HID_Z_UP", z_up.z, z_up.yaw)
mixed = default.z < 0 < default.yaw and z_up.z < 0 and z_up.yaw < 0

kept = first is second and first.x == silent[0][0] == 150 / 350 and all(connected for _, connected in silent)
sys.exit(0 if kept and lags and mixed else "the behaviour has changed")
PY
