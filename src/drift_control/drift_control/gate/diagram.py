"""The state machine as a picture: `python -m drift_control.gate.diagram` prints what docs/safety.md shows."""

from drift_control.gate.gate import TABLE, Row
from drift_control.gate.state import State


def mermaid() -> str:
    """Return a Mermaid state diagram of the table; events that lead the same way share an arrow."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in TABLE:
        if row.quiet:
            continue  # nothing that one could see
        for state in row.states:
            events = arrows.setdefault((state, state if row.to is None else row.to), [])
            label = _label(row)
            if label not in events:
                events.append(label)
    lines = ["stateDiagram-v2", "    [*] --> HOLD"]
    lines += [
        f"    {start.name} --> {end.name}: {'<br/>'.join(_brief(labels))}"
        for (start, end), labels in arrows.items()
    ]
    return "\n".join(lines)


def _brief(labels: list[str]) -> list[str]:
    """Return the labels; an event that happens with and without its condition is named once, without it."""
    brief = []
    for name in dict.fromkeys(label.partition(" [")[0] for label in labels):
        mine = [label for label in labels if label.partition(" [")[0] == name]
        brief.append(mine[0] if len(mine) == 1 else name)
    return brief


def _label(row: Row) -> str:
    name = row.event.name.lower().replace("_", " ")
    return name if row.armed is None else f"{name} [{'armed' if row.armed else 'not armed'}]"


if __name__ == "__main__":
    print(mermaid())
