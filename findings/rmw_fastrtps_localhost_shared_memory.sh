#!/usr/bin/env bash
# rmw_fastrtps_cpp 9.3.3 (Kilted, Fast DDS 3): with ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST shared memory cannot be switched off. A profile
# with UDPv4 as its only transport and FASTDDS_BUILTIN_TRANSPORTS=UDPv4 both work with SUBNET and are overruled in silence with LOCALHOST.
# Hurt: the usual cure for "topics are listed, no data come" (container and host, root and user, a full /dev/shm) does nothing for whoever
# also keeps the discovery to this machine, as one does beside other people's robots.
# Instead: look into /proc/PID/maps whether /dev/shm/fastdds_* is there; use SUBNET with a domain of your own, or let both sides share /dev/shm.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3
cat >udp.xml <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com">
  <profiles>
    <transport_descriptors>
      <transport_descriptor><transport_id>udp</transport_id><type>UDPv4</type></transport_descriptor>
    </transport_descriptors>
    <participant profile_name="udp_only" is_default_profile="true">
      <rtps><useBuiltinTransports>false</useBuiltinTransports><userTransports><transport_id>udp</transport_id></userTransports></rtps>
    </participant>
  </profiles>
</dds>
XML
cat >uses_shared_memory.py <<'PY'
from pathlib import Path

import rclpy

rclpy.init()
node = rclpy.create_node("camera")
print("yes" if "/dev/shm/fastdds_" in Path("/proc/self/maps").read_text() else "no")
PY
domain=$((RANDOM % 90 + 10))
ask() { # range, further variables
  env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_DOMAIN_ID=$domain ROS_AUTOMATIC_DISCOVERY_RANGE="$@" venv/bin/python uses_shared_memory.py
}
echo "rmw_fastrtps_cpp 9.3.3; expected: UDPv4 alone means no shared memory, whatever the discovery range"
seen=""
for range in SUBNET LOCALHOST; do
  seen+="$range: default $(ask $range), profile $(ask $range FASTDDS_DEFAULT_PROFILES_FILE="$dir/udp.xml"),"
  seen+=" variable $(ask $range FASTDDS_BUILTIN_TRANSPORTS=UDPv4); "
done
echo "seen, is shared memory used? $seen"
[ "$seen" = "SUBNET: default yes, profile no, variable no; LOCALHOST: default yes, profile yes, variable yes; " ] ||
  { echo "the behaviour has changed" >&2; exit 1; }
