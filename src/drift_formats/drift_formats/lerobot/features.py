"""The columns of a set: what info.json says of them, and how parquet holds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from drift_formats.lerobot import layout

_ARROW = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class Feature:
    """One column."""

    name: str
    dtype: str  # of NumPy, "string", "image" or "video"
    shape: tuple[int, ...] = (1,)
    names: tuple[str, ...] | None = None  # of its entries, or of the axes of a picture

    @property
    def is_camera(self) -> bool:
        """Whether it is a picture."""
        return self.dtype in ("image", "video")

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of a picture, whose shape has its colours first or last."""
        height, width = self.shape[:2] if self.shape[2] == 3 else self.shape[1:]
        return height, width

    @property
    def is_numbers(self) -> bool:
        """Whether a row has a number, or a list of them."""
        return not self.is_camera and self.dtype not in ("string", "language") and len(self.shape) == 1

    @property
    def arrow_type(self) -> pa.DataType:
        """Type in parquet; one number is a scalar there."""
        if self.dtype == "image":
            return _IMAGE
        value = _ARROW[self.dtype]
        return value if self.shape == (1,) else pa.list_(value, self.shape[0])

    def arrow(self, values: Any) -> pa.Array:
        """Return N values as a column: (N,), (N, width), or N pictures as bytes of PNG."""
        if self.dtype == "image":
            paths = [f"frame-{number:06d}.png" for number in range(len(values))]
            return pa.StructArray.from_arrays(
                [pa.array(values, pa.binary()), pa.array(paths)], ["bytes", "path"]
            )
        if self.shape == (1,) or self.dtype == "string":
            return pa.array(values, self.arrow_type)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1), _ARROW[self.dtype])
        return pa.FixedSizeListArray.from_arrays(flat, type=self.arrow_type)

    def description(self) -> dict[str, Any]:
        """Return what info.json says of it."""
        names = None if self.names is None else list(self.names)
        return {"dtype": self.dtype, "shape": list(self.shape), "names": names}

    def hugging_face(self) -> dict[str, Any]:
        """Return what the library `datasets` says of it in the file."""
        if self.dtype == "image":
            return {"_type": "Image"}
        value = {"dtype": self.dtype, "_type": "Value"}
        return value if self.shape == (1,) else {"feature": value, "length": self.shape[0], "_type": "List"}


INDEX_FEATURES = tuple(
    Feature(name, "float32" if name == "timestamp" else "int64") for name in layout.INDICES
)


def camera_feature(name: str, height: int, width: int, dtype: str) -> Feature:
    """Return the column of a camera."""
    return Feature(f"{layout.IMAGES}{name}", dtype, (height, width, 3), ("height", "width", "channels"))


def arrow_schema(features: Sequence[Feature]) -> pa.Schema:
    """Return the schema of the data files; videos lie elsewhere."""
    stored = [feature for feature in features if feature.dtype != "video"]
    described = {feature.name: feature.hugging_face() for feature in stored}
    return pa.schema(
        [(feature.name, feature.arrow_type) for feature in stored],
        {"huggingface": json.dumps({"info": {"features": described}})},
    )


def table_of(features: Sequence[Feature], columns: Mapping[str, Any]) -> pa.Table:
    """Return rows of the data files."""
    stored = [feature for feature in features if feature.dtype != "video"]
    arrays = [feature.arrow(columns[feature.name]) for feature in stored]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(features))
