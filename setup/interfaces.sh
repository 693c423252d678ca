#!/usr/bin/env bash
# Interfaces of real arms for the tests: those packages of acceptance/ros_interfaces that are not installed are built
# into build/ros_interfaces, a workspace of its own that nothing but these tests has on its path. Needs an activated
# environment; for the second distribution (setup/distribution.sh) the folder is that one's build.
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/distribution.sh
missing=() found=()
for package in acceptance/ros_interfaces/*/; do
  package=$(basename "$package")
  if python -c "import $package" 2>/dev/null; then found+=("$package"); else missing+=("$package"); fi
done
printf '\033[1m[setup]\033[0m for tests of real arms: %s installed; our own definitions of %s\n' "${found[*]:-none}" "${missing[*]:-none}"
[ ${#missing[@]} -eq 0 ] && exit
top=$PWD/build$drift_suffix/ros_interfaces
want="${missing[*]} $(find acceptance/ros_interfaces -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)-$(cat "$VIRTUAL_ENV/.ros_$drift_ros" 2>/dev/null)"
[ "$(cat "$top/.build" 2>/dev/null)" = "$want" ] && exit
rm -rf "$top" && mkdir -p "$top"
unset COLCON_PREFIX_PATH PYTHONPATH
export AMENT_PREFIX_PATH=$VIRTUAL_ENV CMAKE_PREFIX_PATH=$VIRTUAL_ENV
export MAKEFLAGS=-j$(nproc) # colcon's own -l lets ninja run one command at a time on a busy machine
python -m colcon --log-base "$top/log" build --base-paths acceptance/ros_interfaces --packages-select "${missing[@]}" \
  --build-base "$top/build" --install-base "$top/install" --merge-install --cmake-args -G Ninja -DBUILD_TESTING=OFF \
  -DCMAKE_INSTALL_RPATH="$top/install/lib" -DPython3_EXECUTABLE="$VIRTUAL_ENV/bin/python" \
  -DCMAKE_PROJECT_TOP_LEVEL_INCLUDES="$PWD/setup/ros_wheels.cmake" >"$top/build.txt" 2>&1 ||
  { tail -40 "$top/build.txt"; echo "the build failed; the whole output is in $top/build.txt"; exit 1; }
echo "$want" >"$top/.build"
