"""Rendering of the scene's cameras. The GL context belongs to the thread that renders first."""

import os
import threading

import numpy as np
from drift_config.errors import ConfigError

from drift_sim.errors import SimulationError
from drift_sim.headless import mujoco


class CameraRenderer:
    """Render named cameras of one model as RGB images, without shadows and reflections."""

    def __init__(self, model: mujoco.MjModel, sizes: dict[str, tuple[int, int]]) -> None:
        """`sizes`: (height, width) in pixels of each camera by name."""
        self._model = model
        self._sizes = sizes
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        self._thread: int | None = None

    def render(self, data: mujoco.MjData, camera: str, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return what `camera` sees now, (H, W, 3) uint8 RGB, the caller's to keep.

        `size`: (H, W) instead of its own.
        """
        if camera not in self._sizes:
            raise ConfigError(f"camera={camera!r} must be one of {', '.join(self._sizes)}")
        if self._thread not in (None, threading.get_ident()):
            raise SimulationError("cameras must be rendered in the thread that rendered first")
        self._thread = threading.get_ident()
        renderer = self._renderer(size or self._sizes[camera])
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
            # The software renderer's threads gain nothing at small image sizes.
            os.environ.setdefault("LP_NUM_THREADS", "1")
            renderer = mujoco.Renderer(self._model, *size)
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
            self._renderers[size] = renderer
        return self._renderers[size]
