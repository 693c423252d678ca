#!/usr/bin/env bash
# torch 2.13.0: torchrun --max-restarts starts all processes again after one was killed, but keeps the store in which the killed ones
# left their addresses. A process that is ready before the others reads the old address of rank 0, is refused, and ends; with it all.
# Hurt: a training over gloo, made to survive the loss of a process, ends at the first loss, whenever rank 0 starts later than another one.
# Instead: give init_process_group a store of its own for each attempt, PrefixStore(os.environ["TORCHELASTIC_RESTART_COUNT"], store).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6
cat >train.py <<'PY'
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed

rank, attempt, limit = int(os.environ["RANK"]), os.environ["TORCHELASTIC_RESTART_COUNT"], timedelta(seconds=60)
ready = Path("ready_" + sys.argv[1])
if attempt == "1" and rank == 0:  # reads its data, for one, while the other is ready
    while not ready.exists():
        time.sleep(0.1)
    time.sleep(8)
store, _, world = next(distributed.rendezvous("env://", timeout=limit))
if attempt == "1":
    ready.touch()
if sys.argv[1] == "own":
    store = distributed.PrefixStore(attempt, store)
distributed.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=limit)
total = torch.ones(1)
distributed.all_reduce(total)
if attempt == "0" and rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
distributed.barrier()
print(f"rank {rank} of {world}: attempt {attempt} ends well")
PY
env -i PATH="$PATH" HOME="$dir" OMP_NUM_THREADS=1 venv/bin/python - <<'PY'
import subprocess
import sys
from importlib.metadata import version

words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1", "train.py"]
print("torch", version("torch"), "two processes; rank 1 is killed once, --max-restarts=1")
print("expected: the second attempt ends well")
seen = {}
for store in ("plain", "own"):
    done = subprocess.run([*words, store], capture_output=True, text=True)
    faults = [line for line in done.stderr.splitlines() if line.startswith("RuntimeError: Gloo")]
    seen[store] = done.returncode, done.stdout.count("attempt 1 ends well"), len(faults)
    print(f"seen, {store} store: exit code {done.returncode}; {faults[0][:150] if faults else done.stdout.strip()}")
wrong = seen["plain"][0] != 0 and seen["plain"][2] > 0 and seen["own"][:2] == (0, 2)
sys.exit(0 if wrong else "the behaviour has changed")
PY
