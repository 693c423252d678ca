"""`send TOPIC` publishes images until it is killed; `receive TOPIC COUNT SECONDS` prints what came."""

import json
import os
import statistics
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

_RATE_HZ = 30.0
_SENDER_LIMIT_S = 60.0


def send(topic: str) -> None:
    """Publish black 640x480 images, best effort."""
    node = Node(f"image_sender_{os.getpid()}")
    publisher = node.create_publisher(Image, topic, qos_profile_sensor_data)
    image = Image(height=480, width=640, encoding="rgb8", step=640 * 3)
    image.data.frombytes(bytes(640 * 480 * 3))
    limit_s = time.monotonic() + _SENDER_LIMIT_S
    while time.monotonic() < limit_s:
        image.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(image)
        time.sleep(1.0 / _RATE_HZ)


def receive(topic: str, count: int, limit_s: float) -> None:
    """Print how many of `count` images arrived within `limit_s`, and how long they took."""
    node = Node(f"image_receiver_{os.getpid()}")
    ages_ms: list[float] = []

    def on_image(image: Image) -> None:
        age = node.get_clock().now() - rclpy.time.Time.from_msg(image.header.stamp)
        ages_ms.append(age.nanoseconds / 1e6)

    node.create_subscription(Image, topic, on_image, qos_profile_sensor_data)
    end_s = time.monotonic() + limit_s
    while len(ages_ms) < count and time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.1)
    print(
        json.dumps({"received": len(ages_ms), "median_ms": statistics.median(ages_ms) if ages_ms else None})
    )


def main() -> None:
    """Send or receive."""
    rclpy.init()
    if sys.argv[1] == "send":
        send(sys.argv[2])
    else:
        receive(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
