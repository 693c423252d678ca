"""Pages that need nothing but themselves: style, tables and figures inside one HTML file."""

import html
import io
from collections.abc import Callable, Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #22262b }
body { max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #dde1e6 }
.lead { color: #5a626c; margin-top: .2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; text-align: right }
th { border-bottom: 2px solid #22262b }
td:first-child, th:first-child { text-align: left }
tr:nth-child(even) td { background: #f5f6f8 }
.row { display: flex; flex-wrap: wrap; gap: 1rem }
svg { max-width: 100%; height: auto }
img { max-width: 100%; image-rendering: pixelated }
video { max-width: 100% }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0 }
.tile { background: #f5f6f8; border-radius: 8px; padding: .6rem 1rem }
.tile b { display: block; font-size: 1.5rem }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page; `parts` are HTML."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table, its first row the head."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{body}</table>"


def video(file: str) -> str:
    """Return a film (.mp4) that lies beside the page, to be played in it."""
    source = html.escape(file, quote=True)
    return f"<video src='{source}' controls muted loop playsinline preload='metadata'></video>"


def inline_svg(draw: Callable[[Axes], None], width: float = 5.6, height: float = 3.0) -> str:
    """Return what `draw` draws, as SVG to stand in a page."""
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
