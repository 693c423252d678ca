"""Folders that look like finished episodes to whoever copies them."""

import os


def put(root, name, size=3 << 20, meta=b"{}"):
    """A finished episode with a camera of so many bytes."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "episode.json").write_bytes(meta)
    (folder / "steps.arrow").write_bytes(name.encode() * 100)
    (folder / "camera_front.arrow").write_bytes(os.urandom(size))
    return folder
