"""What every page is told ten times a second, as plain values for JSON."""

from collections.abc import Mapping
from typing import Any

from drift_console_node.driving import Driving
from drift_console_node.exchange import Exchange, Seen
from drift_console_node.remedies import is_trouble, node_remedy, remedy
from drift_console_node.stop_watch import StopWatch

_STALE_S = 3.0  # a node that repeats its diagnostics every second has fallen silent


def state_message(
    exchange: Exchange, driving: Driving, stop: StopWatch, cameras: list[str], now_s: float
) -> dict[str, Any]:
    """Return the whole state; the part that differs from page to page is added by its connection."""
    seen = exchange.seen
    holder, asked = driving.lease.holder, driving.lease.asked_by
    return {
        "type": "state",
        "gate": _aged(seen.get("gate"), now_s),
        "policy": _aged(seen.get("policy"), now_s),
        "checkpoint": _aged(seen.get("checkpoint"), now_s),
        "trainer": _aged(seen.get("node trainer") or seen.get("node recorder"), now_s),
        "faults": faults(seen, now_s),
        "stop": stop.confirmed(),
        "cameras": cameras,
        "lease": {
            "holder": None if holder is None else holder.name,
            "asked_by": None if asked is None else asked.name,
            "driving": driving.active,
            "why": driving.why,
        },
    }


def faults(seen: Mapping[str, Seen], now_s: float) -> list[dict[str, Any]]:
    """Return what is wrong by the gate, by the nodes' own diagnostics, and who is silent; the worst first."""
    found = []
    gate = seen.get("gate")
    if gate is not None and is_trouble(gate.what["reason"]):
        found.append(
            {
                "from": "gate",
                "what": gate.what["text"] or gate.what["reason"],
                "do": remedy(gate.what["reason"]) or "",
                "level": 2 if gate.what["state"] == "FAULT" else 1,
                "since_s": round(max(0.0, now_s - gate.what["since_s"]), 1),
            }
        )
    for name, node in seen.items():
        if not name.startswith("node "):
            continue
        silent_s = now_s - node.arrival_s
        if silent_s > _STALE_S:
            text, level = f"says nothing for {silent_s:.0f} s", 2
        else:
            text, level = node.what["message"], node.what["level"]
        if level and not (name == "node expert_gate" and found and silent_s <= _STALE_S):  # it says the same
            since_s = max(0.0, now_s - node.what["since_s"])
            do = node_remedy(name[5:], silent_s > _STALE_S)
            found.append(
                {"from": name[5:], "what": text, "do": do, "level": level, "since_s": round(since_s, 1)}
            )
    return sorted(found, key=lambda fault: (-fault["level"], fault["since_s"]))


def _aged(seen: Seen | None, now_s: float) -> dict[str, Any] | None:
    """Return what was seen with its age; `since_s` becomes how long ago that was."""
    if seen is None:
        return None
    told = {**seen.what, "age_s": round(now_s - seen.arrival_s, 3)}
    if "since_s" in told:
        told["since_s"] = round(now_s - told["since_s"], 1)
    return told
