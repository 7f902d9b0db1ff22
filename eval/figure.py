"""The chart: p along the tokens of four texts, and where the mark was found beside where it was pasted.

matplotlib's object interface only (no pyplot, no global state). The colours are those of `PALETTE`; a page may replace them by
CSS variables, because every colour stands in the SVG as its own hexadecimal code.
"""

import io
import math
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .findings import Findings
from .wording import p_text, ten_to

PALETTE = {
    "ink": "#1c2024",
    "muted": "#5b646d",
    "line": "#d5dade",
    "paper": "#ffffff",
    "marked": "#0f6b3f",
    "spliced": "#1d4fbf",
    "human": "#7a8288",
    "wrong": "#b4540a",
    "found": "#2b62d9",
    "tint": "#e4ecfb",
    "pasted": "#1d1f21",
}
"""Light colours by name, all different. Curves differ in lightness and in dashes too."""

_WIDE = 6.0
"""Inches above which the legend has three columns and not two."""
_STYLES = (  # by the order of `Findings.curves`
    ("marked", "-", 1.6),
    ("spliced", "-", 2.2),
    ("human", "--", 1.6),
    ("wrong", ":", 2.0),
)


def draw_chart(figure: Figure, findings: Findings, place: tuple[float, float, float, float], size: float) -> None:
    """Draw the curves and, under them on the same tokens, the found and pasted stretches.

    Args:
        figure: where to draw.
        findings: what to draw.
        place: left, bottom, width and height, in fractions of the figure.
        size: font size in points.
    """
    left, bottom, width, height = place
    strip = 4.6 * size / 72 / figure.get_size_inches()[1]  # two bars of constant thickness
    lower = figure.add_axes((left, bottom, width, strip))
    upper = figure.add_axes((left, bottom + strip * 1.08, width, height - strip * 1.08), sharex=lower)
    _curves(upper, findings, size, wide=figure.get_figwidth() > _WIDE)
    _stretches(lower, findings, size)
    for axes in (upper, lower):
        axes.set_facecolor("none")
        axes.tick_params(labelsize=size, colors=PALETTE["muted"], length=3)
        for side, spine in axes.spines.items():
            spine.set_color(PALETTE["line"])
            spine.set_visible(side in ("left", "bottom"))
    upper.tick_params(axis="x", labelbottom=False, length=0)
    lower.set_xlim(0, 1.015 * max(len(curve.trace.log10_p) for curve in findings.curves))
    lower.set_xlabel("token of the text", fontsize=size, color=PALETTE["ink"])


def chart_svg(findings: Findings, width: float, height: float, name: str) -> str:
    """Return the chart as an SVG element for an HTML page, `width` by `height` inches; its ids begin with `name`."""
    figure = chart_figure(findings, width, height)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _embeddable(buffer.getvalue(), name)


def chart_figure(findings: Findings, width: float, height: float) -> Figure:
    """Return a figure that holds the chart and nothing else, `width` by `height` inches."""
    figure = Figure((width, height))
    size = 9.0
    rows = 2 if width > _WIDE else 3
    top = (rows * 1.65 * size + 6) / 72  # the legend, above the axes
    left, bottom = 0.62 / width, 0.5 / height
    draw_chart(figure, findings, (left, bottom, 1 - left - 0.12 / width, 1 - bottom - top / height), size)
    return figure


def _curves(axes: Axes, findings: Findings, size: float, wide: bool) -> None:
    lowest = 0.0
    for span in findings.spans:
        axes.axvspan(span.start_token, span.stop_token, color=PALETTE["tint"], lw=0, zorder=0)
    for curve, (color, dashes, width) in zip(findings.curves, _STYLES, strict=True):
        p = curve.trace.log10_p
        axes.plot(range(1, len(p) + 1), p, dashes, lw=width, color=PALETTE[color], label=curve.name)
        axes.plot(len(p), p[-1:], "o", ms=0.5 * size, color=PALETTE[color])
        lowest = min(lowest, float(p.min()))
    cut = math.log10(findings.alpha / 2)
    label = f"cut-off {p_text(cut).replace('.0', '')}"
    axes.axhline(cut, lw=1.0, color=PALETTE["muted"], zorder=1, label=label, dashes=(1, 1))
    bottom = min(lowest, cut) * 1.04
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if -bottom / step <= 7 or step == 1000)
    ticks = list(range(0, math.ceil(-bottom) + 1, step))
    axes.set_yticks([-tick for tick in ticks], [ten_to(-tick) for tick in ticks])
    axes.set_ylim(bottom, -bottom * 0.02)
    axes.grid(axis="y", color=PALETTE["line"], lw=0.6)
    axes.set_axisbelow(True)
    axes.set_ylabel("p so far", fontsize=size, color=PALETTE["ink"])
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=3 if wide else 2,
        fontsize=size,
        frameon=False,
        labelcolor=PALETTE["ink"],
        handlelength=2.4,
        columnspacing=1.2,
        borderpad=0.1,
    )


def _stretches(axes: Axes, findings: Findings, size: float) -> None:
    first, last = findings.trace.token_range(*findings.truth)
    axes.barh(0, last - first, left=first, height=0.62, color=PALETTE["pasted"])
    for span in findings.spans:
        axes.barh(1, span.stop_token - span.start_token, left=span.start_token, height=0.62, color=PALETTE["found"])
    axes.set_yticks([0, 1], ["pasted", "found"], fontsize=size)
    axes.set_ylim(-0.6, 1.6)


def _embeddable(svg: str, name: str) -> str:
    """Return the element alone, scalable, with ids that are its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{name}-", svg)
    return re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg, count=1).strip()
