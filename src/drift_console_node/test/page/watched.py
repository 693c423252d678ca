"""What leaves a console for its node, and a gate that believes in it."""

import time

LIMIT_S = 15.0
READY = "press and hold enable"


class Watched:
    """What leaves for the node, and a gate that believes in it: driven by a person from enable on."""

    def __init__(self, served):
        self.served, self.sticks = served, []
        put = served.exchange.put_stick

        def put_stick(stick):
            self.sticks.append(stick)
            if stick.enabled:
                self.gate("EXPERT")
            put(stick)

        served.exchange.put_stick = put_stick

    def gate(self, state):
        self.served.hear("gate", state=state, reason="NONE", armed=True)

    @property
    def drives(self):
        return bool(self.sticks) and self.sticks[-1].enabled

    def silent(self):
        """Return whether nothing leaves any more, the last of it with enable."""
        count = len(self.sticks)
        time.sleep(
            0.3
        )  # six messages of a page that speaks every 50 ms, and of one that does every 20 ms fifteen
        return len(self.sticks) == count and self.drives


def until(condition, what):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, f"no {what} within {LIMIT_S} s"
        time.sleep(0.01)
