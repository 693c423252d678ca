"""Arm the gate, then print each change of its state: JSON with the steady time and how many chunks have come.

A program of `acceptance.two_machines`, in the domain of whoever starts it.
"""

import json
import time

from drift_interfaces.msg import ActionChunk
from drift_ros import qos
from drift_ros.session import SessionClient

START_LIMIT_S = 90.0


def main() -> None:
    """Look on until the end of the process."""
    chunks: list[ActionChunk] = []
    with SessionClient() as client:
        client.node.create_subscription(ActionChunk, "action_chunk", chunks.append, qos.COMMAND)
        client.wait_for_servers("gate/arm", "gate/home", limit_s=START_LIMIT_S)
        client.wait_until(lambda: bool(chunks), START_LIMIT_S, "a chunk from the other machine")
        client.arm()
        shown = None
        while True:
            client.spin(0.01)
            state = client.gate_state
            if state is not None and state.state != shown:
                shown = int(state.state)
                line = {"state": shown, "text": state.text, "at_s": time.monotonic(), "chunks": len(chunks)}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
