"""Cameras that show something like a picture at a fixed rate, in one process; each stamp is noted."""

import struct
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from drift_ros import qos
from drift_ros.images import to_image
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

# of the cameras of our tasks: who looks at them is to look at these
IN_PLACE = {
    "camera/front/image_raw": "bench/cam0/image_raw",
    "camera/wrist/image_raw": "bench/cam1/image_raw",
}
_STAMP_AT = 4  # in CDR, behind its header: seconds and nanoseconds, 4 bytes each
_NANOSECONDS = 1_000_000_000


def picture(width: int, height: int, seed: int) -> np.ndarray:
    """Return slopes of colour with the noise of a sensor, (H, W, 3): PNG makes half of it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    slopes = np.stack([x * 255 // width, y * 255 // height, (x + y) * 127 // (width + height)], axis=-1)
    return np.clip(slopes + rng.normal(0.0, 1.5, slopes.shape), 0, 255).astype(np.uint8)


def main() -> None:
    cameras, rate_hz, folder = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    width, height = 640, 480
    rclpy.init()
    node = rclpy.create_node("camera_stand_in")
    publishers = [node.create_publisher(Image, f"bench/cam{n}/image_raw", qos.IMAGE) for n in range(cameras)]
    stamp = node.get_clock().now().to_msg()
    shown = [
        bytearray(serialize_message(to_image(picture(width, height, n), "rgb8", stamp, "")))
        for n in range(cameras)
    ]
    notes = [(folder / f"cam{n}.stamps").open("wb", buffering=0) for n in range(cameras)]
    due_s = time.monotonic()
    while rclpy.ok():
        due_s += 1.0 / rate_hz
        time.sleep(max(0.0, due_s - time.monotonic()))
        for publisher, data, note in zip(publishers, shown, notes, strict=True):
            now_ns = time.time_ns()
            struct.pack_into("<iI", data, _STAMP_AT, now_ns // _NANOSECONDS, now_ns % _NANOSECONDS)
            publisher.publish(bytes(data))
            note.write(struct.pack("<q", now_ns))


if __name__ == "__main__":
    main()
