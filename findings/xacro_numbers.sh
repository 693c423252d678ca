#!/usr/bin/env bash
# xacro 2.1.1 turns a property that looks like a number into one: a serial number 0042 becomes 42, a prefix 2e3 becomes 2000.0, a
# joint called infinity becomes inf. The same text passed by $(arg ...) straight into an attribute stays as it is.
# Hurt: descriptions with serial numbers, bus ids or prefixes: links, topics and calibration files get another name than the driver's.
# Instead: use $(arg name) directly, or put a letter in front (sn0042).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet xacro==2.1.1
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import xacro

text = """<robot name="r" xmlns:xacro="http://www.ros.org/wiki/xacro">
<xacro:arg name="serial" default="0042"/>
<xacro:property name="serial" value="$(arg serial)"/><xacro:property name="prefix" value="2e3"/><xacro:property name="joint" value="infinity"/>
<link name="$(arg serial)"/><link name="${serial}"/><link name="${prefix}_tool"/><link name="${joint}"/></robot>"""
document = xacro.parse(text)
xacro.process_doc(document)
seen = [link.getAttribute("name") for link in document.getElementsByTagName("link")]
print("xacro", version("xacro"))
print("expected: ['0042', '0042', '2e3_tool', 'infinity']")
print("seen:", seen)
sys.exit(0 if seen == ["0042", "42", "2000.0_tool", "inf"] else "the behaviour has changed")
PY
