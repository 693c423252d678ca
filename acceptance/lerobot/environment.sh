#!/usr/bin/env bash
# Make the environment with LeRobot, .venv-lerobot, and print its Python: 0.6.1 on Python 3.12, else 0.4.4 on 3.11.
# No network beside the package index; five gigabytes, most of it torch with CUDA.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$PWD/.venv-lerobot

python_of() { # VERSION: one that runs, on the path or among those of pyenv
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
      command -v "$candidate" && return
    fi
  done
  return 1
}

if python=$(python_of 3.12); then
  wanted="lerobot[dataset,training,diffusion]==0.6.1"
elif python=$(python_of 3.11); then
  wanted="lerobot==0.4.4"
else
  echo "interop: needs Python 3.12 or 3.11 on the path, or of pyenv" >&2
  exit 1
fi
if [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ]; then
  echo "interop: $wanted on $("$python" --version), into $venv" >&2
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$wanted" >&2
  echo "$wanted" >"$venv/wanted"
fi
echo "$venv/bin/python"
