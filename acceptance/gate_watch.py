"""Arm the gate, then print each change of its state, or of the version that drives, as a line of JSON.

With the steady time and how many chunks have come.

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
            state, version = client.gate_state, int(chunks[-1].policy_version)
            if state is not None and (state.state, version) != shown:
                shown = (state.state, version)
                line = {"state": int(state.state), "version": version, "text": state.text}
                print(json.dumps({**line, "at_s": time.monotonic(), "chunks": len(chunks)}), flush=True)


if __name__ == "__main__":
    main()
