#!/usr/bin/env bash
# Bring a fresh machine to a built workspace: Debian packages, .venv with ROS 2 from PyPI, colcon build.
# Runs again only what has changed: one stamp for the packages, one for the build.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${HOME:=/root}" && export HOME

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
digest() { cat "$@" | sha256sum | cut -c1-16; }

find_python() {
  for candidate in "${PYTHON:-python3}" python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))'; then
      command -v "$candidate" && return
    fi
  done
  say "Python 3.11 or 3.12 is needed; found: $(python3 --version 2>&1). Set PYTHON=/path/to/python3.11." >&2
  exit 1
}

debian_packages() { # libraries for headless rendering and OpenCV, Python headers for rosidl, a compiler
  local python=$1 wanted=()
  ldconfig -p | grep -q libEGL.so.1 || wanted+=(libegl1)
  ldconfig -p | grep -q libGL.so.1 || wanted+=(libgl1)
  ldconfig -p | grep -q libglib-2.0.so.0 || wanted+=(libglib2.0-0)
  [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || wanted+=(python3-dev)
  "$python" -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
  command -v g++ >/dev/null || wanted+=(g++)
  [ ${#wanted[@]} -eq 0 ] && return
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
  if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
    say "installing Debian packages: ${wanted[*]}"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
  else
    say "please install these packages, then run again: sudo apt-get install ${wanted[*]}" >&2
    exit 1
  fi
}

install_torch() { # the CPU build unless a GPU is there
  local version=2.13.0
  if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
    pip install -q "torch==$version"
  elif ! pip install -q "torch==$version+cpu" 2>/dev/null; then
    say "no CPU-only build of torch $version in the configured package index; installing the default build (several GB)."
    say "to avoid that, add PyTorch's CPU wheel index to PIP_EXTRA_INDEX_URL and run again."
    pip install -q "torch==$version"
  fi
}

python=$(find_python)
packages=$(digest setup/requirements.txt setup/install.sh)-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$(cat .venv/.packages 2>/dev/null)" != "$packages" ]; then
  debian_packages "$python"
  say "creating .venv with ROS 2 Kilted, torch and MuJoCo (about two minutes)"
  "$python" -m venv --clear .venv
  . .venv/bin/activate
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  pip install -q --upgrade pip
  install_torch
  pip install -q -r setup/requirements.txt
  echo "$packages" >.venv/.packages
else
  . .venv/bin/activate
fi

# Sources are linked into install/, so only what CMake and setup.py read asks for a new build.
build=$(find src launch config \( -name package.xml -o -name setup.py -o -name setup.cfg -o -name CMakeLists.txt -o -path '*drift_interfaces*' \
  -o -path 'launch/*' -o -path 'config/*' -o -path 'src/drift/*' \) -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)-$packages
if [ "$(cat install/.build 2>/dev/null)" != "$build" ]; then
  say "building the workspace with colcon"
  export AMENT_PREFIX_PATH=$VIRTUAL_ENV CMAKE_PREFIX_PATH=$VIRTUAL_ENV
  mkdir -p log
  python -m colcon --log-base log build --base-paths src --symlink-install --cmake-args -G Ninja -DBUILD_TESTING=OFF \
    -DPython3_EXECUTABLE="$VIRTUAL_ENV/bin/python" -DCMAKE_PROJECT_TOP_LEVEL_INCLUDES="$PWD/setup/ros_wheels.cmake" >log/build.txt 2>&1 ||
    { tail -40 log/build.txt; say "the build failed; the whole output is in log/build.txt"; exit 1; }
  echo "$build" >install/.build
fi
