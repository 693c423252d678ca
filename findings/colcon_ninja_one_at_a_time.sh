#!/usr/bin/env bash
# colcon-cmake 0.2.30, Ninja: `colcon build` passes -lN (N: the number of cores) beside -jN.
#
# Expected: a build beside a running robot or a training shares the cores with them.
# Seen: while the machine's load average is above the number of cores, ninja runs one command at a time, also where all that load is
#   of idle priority and the cores are free for the build. Messages of a robot stack, two cores, twelve processes at niceness 19
#   beside: 157 s, and 94 s without -l. Nothing says why.
# What helps: MAKEFLAGS with any -j of its own (MAKEFLAGS=-j2 colcon build): then colcon passes neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q colcon-core==0.21.3 colcon-cmake==0.2.30 colcon-recursive-crawl==0.2.3 colcon-output==0.2.15 colcon-library-path==0.2.1 cmake==4.4.4 ninja==1.13.2
mkdir one
cat >one/CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.16)
project(one NONE)
add_custom_target(thing ALL COMMAND ${CMAKE_COMMAND} -E echo made)
C
PATH=$folder/venv/bin:$PATH

invoked() { # how colcon started the build
  rm -rf build install log
  colcon build --base-paths one --cmake-args -G Ninja >/dev/null
  grep -h 'Invoking command' log/latest_build/one/command.log | grep -e '--build' | head -1 | sed 's/.*--build/--build/'
}

default=$(env -u MAKEFLAGS bash -c "$(declare -f invoked); invoked")
own=$(MAKEFLAGS=-j2 invoked)
echo "as it comes:       $default"
echo "with MAKEFLAGS=-j2: $own"
n=$(nproc)
[[ $default == *"-j$n -l$n"* ]] || { echo "changed: no -j$n -l$n"; exit 1; }
[[ $own != *-l* ]] || { echo "changed: -l although MAKEFLAGS is set"; exit 1; }
echo "as described"
