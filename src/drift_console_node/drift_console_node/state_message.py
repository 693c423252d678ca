"""What every page is told ten times a second, as plain values for JSON."""

from collections.abc import Mapping
from typing import Any

from drift_console_node.driving import Driving
from drift_console_node.exchange import Exchange, Seen
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
        "trainer": _aged(seen.get("node trainer"), now_s),
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
    """Return what is wrong by the nodes' own diagnostics, and who is silent; the worst first."""
    found = []
    for name, node in seen.items():
        if not name.startswith("node "):
            continue
        silent_s = now_s - node.arrival_s
        if silent_s > _STALE_S:
            text, level = f"says nothing for {silent_s:.0f} s", 2
        else:
            text, level = node.what["message"], node.what["level"]
        if level:
            since_s = max(0.0, now_s - node.what["since_s"])
            found.append({"from": name[5:], "what": text, "level": level, "since_s": round(since_s, 1)})
    return sorted(found, key=lambda fault: (-fault["level"], fault["since_s"]))


def _aged(seen: Seen | None, now_s: float) -> dict[str, Any] | None:
    """Return what was seen with its age; `since_s` becomes how long ago that was."""
    if seen is None:
        return None
    told = {**seen.what, "age_s": round(now_s - seen.arrival_s, 3)}
    if "since_s" in told:
        told["since_s"] = round(now_s - told["since_s"], 1)
    return told
