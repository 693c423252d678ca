"""Rendering of the scene's cameras. The GL context belongs to the thread that renders first."""

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from drift_config.errors import ConfigError
from drift_core.calibration.intrinsics import Intrinsics

from drift_sim.errors import SimulationError
from drift_sim.headless import mujoco


class Picture:
    """What a camera saw at one moment; it is drawn when somebody looks at it (`np.asarray`), once."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int, int], draw: Callable[[], np.ndarray]) -> None:
        """`draw` returns it, (H, W, 3) uint8 RGB."""
        self.shape = shape
        self._draw = draw
        self._drawn: np.ndarray | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._drawn is None:
            self._drawn = self._draw()
        return np.array(self._drawn, dtype=dtype, copy=copy)


def pinhole(fovy_deg: float, height: int, width: int) -> Intrinsics:
    """Return how a camera of MuJoCo projects: square pixels, no distortion, its centre in the middle.

    `fovy_deg`: vertical field of view; (0, 0) is the middle of the first pixel.
    """
    focal = 0.5 * height / np.tan(0.5 * np.radians(fovy_deg))  # [pixel]
    matrix = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    return Intrinsics(width, height, matrix, np.zeros(5))


class CameraRenderer:
    """Render named cameras of one model as RGB images, without reflections, by default without shadows."""

    def __init__(
        self, model: mujoco.MjModel, sizes: dict[str, tuple[int, int]], shadows: bool = False
    ) -> None:
        """`sizes`: (height, width) in pixels of each camera by name."""
        self._model = model
        self._sizes = sizes
        self._shadows = shadows
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        self._thread: int | None = None

    def size(self, camera: str) -> tuple[int, int]:
        """Return (height, width) of a camera [pixel]."""
        if camera not in self._sizes:
            raise ConfigError(f"camera={camera!r} must be one of {', '.join(self._sizes)}")
        return self._sizes[camera]

    def render(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """Return what `camera` sees now, (H, W, 3) uint8 RGB, the caller's to keep."""
        size = self.size(camera)
        if self._thread not in (None, threading.get_ident()):
            raise SimulationError("cameras must be rendered in the thread that rendered first")
        self._thread = threading.get_ident()
        renderer = self._renderer(size)
        renderer.update_scene(data, camera)
        return renderer.render().copy()

    def close(self) -> None:
        """Free the GL context; from the thread that rendered."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()
        self._thread = None

    def _renderer(self, size: tuple[int, int]) -> mujoco.Renderer:
        if size not in self._renderers:
            # The software renderer's threads gain nothing at small image sizes, not even one beside this one.
            os.environ.setdefault("LP_NUM_THREADS", "0")
            renderer = mujoco.Renderer(self._model, *size)
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
            self._renderers[size] = renderer
        return self._renderers[size]
