#!/usr/bin/env bash
# ament_cmake_core 2.7.3 (Kilted), `colcon build --symlink-install`: where a folder of the install space is itself a link to the source
# folder (made by hand or by CMake so that new files show up without a build), install(DIRECTORY ...) goes through that link:
# it replaces each source file by a link to itself, and the content is gone. Then the build fails with "Could not create symlink".
# Hurt: launch files, robot descriptions and calibrations that were not committed are lost by a build.
# Instead: never put a linked folder into an install space, link the files; remove the link before install(DIRECTORY) takes its place.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
. venv/bin/activate
pip install --quiet ros-ament-cmake-core==2.7.3 ros-ament-package==0.17.2 colcon-common-extensions==0.3.0 colcon-core==0.21.3 \
  catkin_pkg==1.1.1 setuptools==79.0.1 cmake==4.4.4 ninja==1.13.2
mkdir -p src/arm/launch install/arm/share/arm
file=src/arm/launch/arm.launch.py
echo "the only copy" >$file
ln -s "$dir/src/arm/launch" install/arm/share/arm/launch
cat >src/arm/package.xml <<'XML'
<package format="3">
  <name>arm</name><version>1.0.0</version><description>an arm</description>
  <maintainer email="somebody@robot.example">somebody</maintainer><license>MIT</license>
  <buildtool_depend>ament_cmake_core</buildtool_depend><export><build_type>ament_cmake</build_type></export>
</package>
XML
cat >src/arm/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.20)
project(arm NONE)
find_package(ament_cmake_core REQUIRED)
install(DIRECTORY launch DESTINATION share/arm)
ament_package()
CMAKE
export AMENT_PREFIX_PATH=$dir/venv CMAKE_PREFIX_PATH=$dir/venv
echo "ament_cmake_core 2.7.3; before: $file holds '$(cat $file)'"
echo "expected: a build leaves the files under src/ as they are"
built=yes
python -m colcon build --base-paths src --symlink-install --cmake-args -G Ninja "-DPython3_EXECUTABLE=$dir/venv/bin/python" >build.txt 2>&1 || built=no
echo "seen: build ended well: $built; $file is now a link to: $(readlink $file || echo 'itself no link')"
[ $built = no ] && [ -L $file ] && [ "$(readlink $file)" = "$dir/$file" ] && ! cat $file 2>/dev/null || { echo "the behaviour has changed" >&2; exit 1; }
