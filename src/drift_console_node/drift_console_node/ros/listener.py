"""What the stack says of itself, as plain values for the page."""

from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from drift_control.gate.state import Reason, State
from drift_interfaces.msg import Checkpoint, GateState, PolicyState
from drift_ros import qos
from drift_ros.clock import steady_s
from rclpy.node import Node

from drift_console_node.exchange import Exchange

_NODES = 64  # whose diagnostics are kept
_POLICY = ("UNCONFIGURED", "INACTIVE", "ACTIVE", "WAITING")


class Listener:
    """Subscribe to states and diagnostics, and put each into the exchange."""

    def __init__(self, node: Node, exchange: Exchange) -> None:
        self._exchange = exchange
        self._namespace = node.get_namespace().strip("/")
        node.create_subscription(GateState, "gate/state", self._on_gate, qos.LATCHED)
        node.create_subscription(PolicyState, "policy/state", self._on_policy, qos.LATCHED)
        node.create_subscription(Checkpoint, "trainer/checkpoint", self._on_checkpoint, qos.LATCHED)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)

    def _on_gate(self, msg: GateState) -> None:
        self._saw(
            "gate",
            {
                "state": _name(State, msg.state),
                "reason": _name(Reason, msg.reason),
                "text": msg.text,
                "armed": msg.armed,
                "dry_run": msg.dry_run,
                "intervention": msg.intervention_id,
            },
            ("state", "armed"),
        )

    def _on_policy(self, msg: PolicyState) -> None:
        state = _POLICY[msg.state] if msg.state < len(_POLICY) else f"state {msg.state}"
        said = {
            "state": state,
            "version": msg.version,
            "sampler": msg.sampler,
            "engine": msg.engine,
            "inference_ms": _number(msg.inference_ms_p95),
            "rate_hz": _number(msg.rate_hz),
            "future_error": _number(msg.future_error),
            "refusal": msg.last_refusal,
            "text": msg.text,
        }
        self._saw("policy", said, ("version",))

    def _on_checkpoint(self, msg: Checkpoint) -> None:
        said = {
            "version": msg.version,
            "parent": msg.parent,
            "rank": _number(msg.rank),
            "loss": _number(msg.loss),
            "step": msg.step,
            "reason": msg.reason,
        }
        self._saw("checkpoint", said, ("version",))

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.hardware_id.strip("/") == self._namespace or not self._namespace:
                name = f"node {status.name.removeprefix(f'{self._namespace}/')}"
                if name in self._exchange.seen or len(self._exchange.seen) < _NODES:
                    self._on_status(name, status)

    def _on_status(self, name: str, status: DiagnosticStatus) -> None:
        said = {
            "level": min(2, int.from_bytes(status.level, "little")),
            "message": status.message,
            "values": {pair.key: pair.value for pair in status.values},
        }
        self._saw(name, said, ("level",))

    def _saw(self, name: str, said: Mapping[str, Any], story: tuple[str, ...]) -> None:
        """Put it into the exchange, with the time since when what `story` names has been so."""
        now_s = steady_s()
        last = self._exchange.seen.get(name)
        same = last is not None and all(last.what[key] == said[key] for key in story)
        self._exchange.saw(name, {**said, "since_s": last.what["since_s"] if same else now_s}, now_s)


def _name(kind: type[State] | type[Reason], value: int) -> str:
    """Return the name of a state or reason; a newer gate may have others."""
    return kind(value).name if value in [member.value for member in kind] else f"{kind.__name__} {value}"


def _number(value: float) -> float | None:
    """Return a number for JSON, which knows neither NaN nor infinity."""
    return round(float(value), 6) if abs(value) < float("inf") else None
