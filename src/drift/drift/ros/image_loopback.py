"""Send images from one process to another as a camera does, and print how many of them came.

`receive TOPIC WIDTH HEIGHT RATE_HZ SECONDS` is the program to start. It starts `send`, waits until images
flow, has it send a counted series, and prints one line of JSON. Both end by themselves: a killed one would
leave its shared memory behind.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from drift.shared_memory import mapped

_FLOW_LIMIT_S = 15.0  # for discovery
_LAST_LIMIT_S = 1.0  # an image that is later is lost
_COUNTED = "counted"  # frame_id of the images that count
_SENDER_LIMIT_S = 120.0


def send(topic: str, width: int, height: int, rate_hz: float, duration_s: float) -> None:
    """Publish black images, best effort, until a line comes in; then a counted series; end with the input."""
    node = Node(f"image_sender_{os.getpid()}")
    publisher = node.create_publisher(Image, topic, qos_profile_sensor_data)
    image = Image(height=height, width=width, encoding="rgb8", step=width * 3)
    image.data.frombytes(bytes(width * height * 3))
    left = None  # of the counted series, which begins when a line comes in
    next_s = time.monotonic()
    limit_s = next_s + _SENDER_LIMIT_S
    while left != 0 and time.monotonic() < limit_s:
        if left is None and select.select([sys.stdin], [], [], 0.0)[0]:
            if not sys.stdin.readline():
                return
            left, image.header.frame_id = round(rate_hz * duration_s), _COUNTED
        image.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(image)
        left = None if left is None else left - 1
        next_s += 1.0 / rate_hz
        time.sleep(max(0.0, next_s - time.monotonic()))
    print("sent", flush=True)
    sys.stdin.read()  # what is on its way is lost when the writer goes


def receive(topic: str, size: list[str], rate_hz: float, duration_s: float) -> None:
    """Print {"sent", "received", "median_ms", "shared_memory"} of a counted series."""
    node = Node(f"image_receiver_{os.getpid()}")
    ages_ms: list[float] = []
    flowing = False

    def on_image(image: Image) -> None:
        nonlocal flowing
        flowing = True
        if image.header.frame_id == _COUNTED:
            age = node.get_clock().now() - rclpy.time.Time.from_msg(image.header.stamp)
            ages_ms.append(age.nanoseconds / 1e6)

    node.create_subscription(Image, topic, on_image, qos_profile_sensor_data)
    sent = round(rate_hz * duration_s)
    command = [sys.executable, "-m", __spec__.name, "send", topic, *size, str(rate_hz), str(duration_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdin is not None and sender.stdout is not None
        _spin(node, lambda: flowing, _FLOW_LIMIT_S)
        shared_memory = mapped()
        if flowing:
            sender.stdin.write(b"now\n")
            sender.stdin.flush()
            said = select.poll()
            said.register(sender.stdout, select.POLLIN | select.POLLHUP)
            _spin(node, lambda: bool(said.poll(0)), duration_s + _FLOW_LIMIT_S)
            _spin(node, lambda: len(ages_ms) >= sent, _LAST_LIMIT_S)
        sender.stdin.close()
    median_ms = statistics.median(ages_ms) if ages_ms else None
    answer = {"sent": sent, "received": len(ages_ms), "median_ms": median_ms, "shared_memory": shared_memory}
    print(json.dumps(answer))


def _spin(node: Node, done: Callable[[], bool], limit_s: float) -> None:
    end_s = time.monotonic() + limit_s
    while not done() and time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.05)


def main() -> None:
    """Send or receive."""
    rclpy.init()
    what, topic, width, height, rate_hz, duration_s = sys.argv[1:]
    if what == "send":
        send(topic, int(width), int(height), float(rate_hz), float(duration_s))
    else:
        receive(topic, [width, height], float(rate_hz), float(duration_s))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
