"""MuJoCo scenes and tasks, scripted experts, the in-process shell and the simulation node."""

import os

# MuJoCo reads this when it is imported, so it is set before any module of this package can import it.
os.environ.setdefault("MUJOCO_GL", "egl")
# The software renderer's threads gain nothing at small image sizes.
os.environ.setdefault("LP_NUM_THREADS", "1")
