"""A board before a camera, drawn: what hand-eye calibration is tried on."""

from xml.etree.ElementTree import Element

import numpy as np
from drift_core.calibration.board import Board

from drift_sim.camera import pinhole
from drift_sim.headless import mujoco
from drift_sim.mjcf import child, quaternion, to_string

_SQUARE_PX = 60  # of the texture
_MARGIN = 0.5  # squares of white paper around the board


class BoardScene:
    """Render a printed board at any pose before a pinhole camera; close it in the thread that rendered."""

    def __init__(self, board: Board, width: int = 640, height: int = 480, fovy_deg: float = 45.0) -> None:
        """`width`, `height`: of the pictures [pixel]; `fovy_deg`: their vertical field of view."""
        self.intrinsics = pinhole(fovy_deg, height, width)
        margin_px = round(_MARGIN * _SQUARE_PX)
        texture = np.pad(board.image(_SQUARE_PX), margin_px, constant_values=255)
        self._model = mujoco.MjModel.from_xml_string(_mjcf(board, texture.shape, (width, height), fovy_deg))
        rgb = np.repeat(texture[:, :, None], 3, axis=2)
        self._model.tex_data[: rgb.size] = rgb.ravel()
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, height, width)

    def render(self, board: np.ndarray) -> np.ndarray:
        """Return the picture (H, W, 3) uint8 RGB of the board at a pose (4, 4) in the optical frame."""
        self._data.mocap_pos[0] = board[:3, 3]
        self._data.mocap_quat[0] = quaternion(board[:3, :3])
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, "camera")
        return np.asarray(self._renderer.render().copy())

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()


def _mjcf(board: Board, texture: tuple[int, ...], size: tuple[int, int], fovy_deg: float) -> str:
    root = Element("mujoco", model="board")
    visual = child(root, "visual")
    child(visual, "global", offwidth=size[0], offheight=size[1])
    child(visual, "quality", offsamples=8)
    child(visual, "headlight", ambient=(0.8, 0.8, 0.8), diffuse=(0.2, 0.2, 0.2), specular=(0, 0, 0))
    child(visual, "map", znear=0.01, zfar=50)
    asset = child(root, "asset")
    child(
        asset,
        "texture",
        name="print",
        type="2d",
        builtin="flat",
        width=texture[1],
        height=texture[0],
        rgb1=(1, 1, 1),
    )
    child(asset, "material", name="print", texture="print", specular=0, shininess=0)
    margin_m = _MARGIN * board.square_m
    (width_m, height_m), left, top = board.size_m, -margin_m, -margin_m
    right, bottom, back = width_m + margin_m, height_m + margin_m, 1e-3
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    vertices = [(x, y, z) for z in (0.0, back) for x, y in corners]  # a sheet of 1 mm: a flat mesh is refused
    places = [(u, v) for _ in range(2) for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    faces = [(0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7)]
    for i in range(4):
        j = (i + 1) % 4
        faces += [(i, j, j + 4), (i, j + 4, i + 4)]
    child(
        asset,
        "mesh",
        name="sheet",
        vertex=np.ravel(vertices),
        texcoord=np.ravel(places),
        face=" ".join(str(index) for face in faces for index in face),
    )
    world = child(root, "worldbody")
    child(world, "camera", name="camera", pos=(0, 0, 0), xyaxes=(1, 0, 0, 0, -1, 0), fovy=fovy_deg)
    body = child(world, "body", name="board", mocap=True)
    child(body, "geom", type="mesh", mesh="sheet", material="print", contype=0, conaffinity=0)
    return to_string(root)
