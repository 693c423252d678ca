"""MuJoCo, set up to draw without a screen; every module takes it from here.

The variable that chooses the renderer is read at import, and the renderer's libraries set more of them. The
environment is put back: other processes may inherit it, for example all those of a launch file.
"""

import os

_before = dict(os.environ)
os.environ.setdefault("MUJOCO_GL", "egl")

import mujoco  # noqa: E402

for _name in os.environ.keys() - _before.keys():
    del os.environ[_name]
os.environ.update(_before)

__all__ = ["mujoco"]
