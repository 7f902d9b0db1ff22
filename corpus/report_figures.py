"""The plots of a corpus report as SVG: p-values beside what unmarked text gives, and verdicts by length and language.

matplotlib's object interface only (no pyplot, no global state). Colours stand in the SVG as their own hexadecimal codes, which
the page replaces by CSS variables, so that plots follow light and dark. The same numbers give the same bytes.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .report_wording import count
from .tally_detector import VERDICTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = {
    "ink": "#1c2024",
    "muted": "#5b646d",
    "line": "#d5dade",
    "paper": "#ffffff",
    "seen": "#2b62d9",
    "null": "#b4540a",
    "detected": "#0f6b3f",
    "not_detected": "#a9b4bd",
    "abstain": "#e3d9c6",
}
"""Light colours by name, all different."""

_SIZE = 9.0
_WIDTH = 7.6
_LABELS = {"detected": "called", "not_detected": "not called", "abstain": "not judged"}


def p_value_figure(histogram: Mapping[str, Any], name: str) -> str:
    """Return bars of documents by log10 p, with the line that unmarked text would follow if it follows one; `name` begins its ids."""
    import numpy as np

    edges, counts = np.array(histogram["log10_p"]), np.array(histogram["counts"], np.float64)
    figure, axes = _axes(2.7)
    axes.bar(
        edges[1:], counts, width=edges[:-1] - edges[1:], align="edge", color=PALETTE["seen"], lw=0, label="documents"
    )
    most = float(counts.max(initial=0.0))
    if histogram["null"] is not None:
        null = np.maximum(np.array(histogram["null"]), 1e-12)
        most = max(most, float(null.max()))
        label = "if all were unmarked human text"
        axes.stairs(null[::-1], edges[::-1], color=PALETTE["null"], lw=1.6, label=label, baseline=None)
    axes.set_yscale("log")
    axes.set_ylim(0.5, 2.0 * max(most, 1.0))
    axes.set_xlim(0.0, edges[-1])
    axes.set_xlabel(
        "log10 p, corrected for the tests of a document" if name == "overall" else "log10 p", fontsize=_SIZE
    )
    axes.set_ylabel("documents", fontsize=_SIZE)
    return _svg(figure, axes, name)


def verdict_figure(names: Sequence[str], rows: Sequence[Mapping[str, int]], name: str) -> str:
    """Return a bar of shares by verdict for each row, labelled with how many documents it has."""
    import numpy as np

    figure, axes = _axes(0.8 + 0.26 * len(rows), left=1.75)
    total = np.array([max(row["documents"], 1) for row in rows], np.float64)
    left, at = np.zeros(len(rows)), np.arange(len(rows))
    for verdict in VERDICTS:
        share = np.array([row[verdict] for row in rows]) / total
        axes.barh(at, share, left=left, height=0.72, color=PALETTE[verdict], label=_LABELS[verdict], lw=0)
        left += share
    axes.set_yticks(at, list(names))
    for y, row in zip(at, rows, strict=True):
        axes.text(1.01, float(y), count(row["documents"]), va="center", fontsize=_SIZE, color=PALETTE["muted"])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
    return _svg(figure, axes, name)


def _axes(height: float, left: float = 0.75) -> "tuple[Figure, Axes]":
    """Return a figure of `height` inches for the axes and what is around them, and its axes."""
    from matplotlib.figure import Figure

    above, below, right = 0.32, 0.48, 0.85
    whole = height + above + below - 0.3
    figure = Figure((_WIDTH, whole))
    place = (left / _WIDTH, below / whole, 1.0 - (left + right) / _WIDTH, 1.0 - (above + below) / whole)
    return figure, figure.add_axes(place)


def _svg(figure: "Figure", axes: "Axes", name: str) -> str:
    """Return the finished figure as an SVG element that scales, with ids of its own."""
    import matplotlib

    axes.set_facecolor("none")
    axes.tick_params(which="both", labelsize=_SIZE, colors=PALETTE["muted"], length=3)
    axes.tick_params(which="minor", length=0)
    for side, spine in axes.spines.items():
        spine.set_color(PALETTE["line"])
        spine.set_visible(side in ("left", "bottom"))
    axes.xaxis.label.set_color(PALETTE["ink"])
    axes.yaxis.label.set_color(PALETTE["ink"])
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, fontsize=_SIZE, frameon=False, labelcolor=PALETTE["ink"],
        handlelength=1.4, columnspacing=1.4, borderpad=0.1,
    )  # fmt: skip
    buffer = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{name}-", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r'<svg role="img" \1', svg, count=1).strip()
    for color, code in PALETTE.items():
        svg = svg.replace(code, f"var(--{color})")
    return svg
