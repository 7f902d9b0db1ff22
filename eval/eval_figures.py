"""What all pictures of an evaluation report share: colours, line styles, axes, and SVG for a page that is light or dark.

matplotlib's object interface only (no pyplot, no global state). Colours stand in the SVG as their own hexadecimal codes and become CSS variables, so that
a picture follows the page. A line differs from its neighbours in colour (eight that differ under the common colour blindnesses, in lightness too), dashes
and marker. Text stays text, in the fonts of the reader. The same numbers give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .eval_report_parts import Key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

F64 = NDArray[np.float64]

PALETTE = {
    "ink": "#1c2024", "muted": "#5b646d", "line": "#d5dade", "paper": "#ffffff", "seen": "#2b62d9", "bad": "#b4540b",
    "l0": "#0068b4", "l1": "#c24e00", "l2": "#00805c", "l3": "#a63a7a", "l4": "#806400", "l5": "#5b4bb5", "l6": "#147d92", "l7": "#6a5148",
}  # fmt: skip
"""Light colours by name, all different; `l0` to `l7` are lines."""
DARK = {
    "ink": "#e8eaec", "muted": "#9fa8b0", "line": "#3a4147", "paper": "#1a1d20", "seen": "#7aa5ff", "bad": "#f0a35e",
    "l0": "#5cb3f5", "l1": "#ff9a57", "l2": "#3fcf9f", "l3": "#f08fc4", "l4": "#e0c04a", "l5": "#b0a4ff", "l6": "#5fd3e6", "l7": "#d0b3a6",
}  # fmt: skip
"""The same names on a dark page."""

SIZE = 9.0
"""Font size in points; a panel is shown at about its own size."""
WIDTH, SMALL_WIDTH = 4.4, 3.1
"""Widths of a panel in inches: two or three of them stand side by side on a wide page, one on a phone."""
MOST_LINES, MOST_BANDS = 8, 3
_COLORS = tuple(f"l{i}" for i in range(8))
_DASHES = ((), (5.0, 1.6), (1.6, 1.3), (6.0, 1.5, 1.5, 1.5))
_MARKERS = ("o", "s", "^", "D", "v", "X")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Style:
    """How a line looks: a name of `PALETTE`, dashes in points (none for a full line), and a marker of matplotlib."""

    color: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def code(self) -> str:
        """Return its light colour."""
        return PALETTE[self.color]


def style(at: int) -> Style:
    """Return the style of line number `at`; 24 in a row differ in colour or marker."""
    return Style(_COLORS[at % 8], _DASHES[at % 4], _MARKERS[at % 6])


@dataclass(frozen=True)
class Curve:
    """A line with its interval; NaN where there is nothing to draw.

    Attributes:
        label: its name in the legend.
        style: how it looks.
        x, y, low, high: (P,) float64.
    """

    label: str
    style: Style
    x: F64
    y: F64
    low: F64
    high: F64

    @property
    def is_drawn(self) -> bool:
        """Whether it has a point."""
        return bool(np.isfinite(self.y).any())


def curve(label: str, look: Style, points: Sequence[tuple[float, Mapping[str, Any] | None]]) -> Curve:
    """Return a curve of (x, estimate) pairs; an estimate without a value is a gap."""

    def column(name: str) -> F64:
        values = [(point or {}).get(name) for _, point in points]
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)

    x = np.array([at for at, _ in points], np.float64)
    return Curve(label, look, x, column("value"), column("low"), column("high"))


def draw_curves(axes: "Axes", curves: Sequence[Curve]) -> None:
    """Draw lines with markers and their intervals: bands behind up to three, which blend to one colour behind more; then bars, side by side."""
    from matplotlib.transforms import ScaledTranslation

    drawn = [one for one in curves if one.is_drawn]
    for at, one in enumerate(drawn):
        if len(drawn) <= MOST_BANDS:
            known = np.isfinite(one.y).tolist()
            axes.fill_between(one.x, one.low, one.high, where=known, color=one.style.code, alpha=0.14, lw=0)
        else:
            points = 5.0 * (at / (len(drawn) - 1) - 0.5)  # all within a marker
            beside = axes.transData + ScaledTranslation(points / 72.0, 0.0, axes.figure.dpi_scale_trans)
            axes.vlines(one.x, one.low, one.high, color=one.style.code, lw=0.9, transform=beside)
        _draw_line(axes, one)


def _draw_line(axes: "Axes", one: Curve) -> None:
    color, known = one.style.code, np.isfinite(one.y)
    (line,) = axes.plot(one.x[known], one.y[known], color=color, lw=1.6, marker=one.style.marker, ms=4.5, mew=0)
    if one.style.dashes:
        line.set_dashes(one.style.dashes)


def panel_axes(
    width: float = WIDTH, height: float = 2.75, left: float = 0.82, below: float = 0.52
) -> "tuple[Figure, Axes]":
    """Return a figure of `width` by `height` inches, and its axes with room for tick and axis labels."""
    from matplotlib.figure import Figure

    figure = Figure((width, height))
    right, above = 0.26, 0.12
    place = (left / width, below / height, 1.0 - (left + right) / width, 1.0 - (below + above) / height)
    return figure, figure.add_axes(place)


def share_axis(axis: Any, set_limits: Any) -> None:
    """Make an axis run from 0 to 100 %."""
    set_limits(-0.02, 1.03)
    axis.set_ticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])


def labels(axes: "Axes", x: str, y: str) -> None:
    """Write the names of the axes; nothing in them is markup."""
    axes.set_xlabel(x, fontsize=SIZE, color=PALETTE["ink"], parse_math=False)
    axes.set_ylabel(y, fontsize=SIZE, color=PALETTE["ink"], parse_math=False)


def finish(figure: "Figure", axes: "Axes", name: str, alt: str) -> str:
    """Return the figure as an SVG element that scales, says `alt` to a screen reader, and has ids that begin with `name`."""
    import matplotlib

    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.grid(color=PALETTE["line"], lw=0.6)
    axes.tick_params(which="both", labelsize=SIZE, colors=PALETTE["muted"], length=3)
    axes.tick_params(which="minor", length=0)
    for side, spine in axes.spines.items():
        spine.set_color(PALETTE["line"])
        spine.set_visible(side in ("left", "bottom"))
    buffer = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's fonts draw the text, not matplotlib's
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return _embeddable(buffer.getvalue(), name, alt)


def _embeddable(svg: str, name: str, alt: str) -> str:
    """Return the element alone, with ids that are its own, CSS colours, and its words."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)  # copies of the labels
    svg = re.sub(r"\n *", "\n", svg)

    def changed(tag: re.Match[str]) -> str:
        text = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{name}-", tag[0])
        for color, code in PALETTE.items():
            text = text.replace(code, f"var(--{color})")
        return text

    svg = _TAG.sub(changed, svg)
    opening = rf'<svg role="img" aria-label="{escape(alt, quote=True)}" '.replace("\\", r"\\")
    return re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', rf"{opening}\1", svg, count=1).strip()


def key(label: str, look: Style, line: bool = True) -> Key:
    """Return a legend's entry: a piece of the line with its marker, or the marker alone."""
    color = f"var(--{look.color})"
    dashes = f' stroke-dasharray="{" ".join(f"{1.6 * d:g}" for d in look.dashes)}"' if look.dashes else ""
    stroke = f'<path d="M1 7H33" stroke="{color}" stroke-width="2.2"{dashes}/>' if line else ""
    shape = f'<path d="{_SHAPES[look.marker]}" fill="{color}"/>'
    return Key(f'<svg class="sample" viewBox="0 0 34 14" aria-hidden="true">{stroke}{shape}</svg>', label)


_SHAPES = {
    "o": "M12.5 7a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z",
    "s": "M13 3h8v8h-8Z",
    "^": "M17 2l5 9h-10Z",
    "D": "M17 2l5 5l-5 5l-5 -5Z",
    "v": "M17 12l5 -9h-10Z",
    "X": "M12.5 4.5l2 -2l2.5 2.5l2.5 -2.5l2 2l-2.5 2.5l2.5 2.5l-2 2l-2.5 -2.5l-2.5 2.5l-2 -2l2.5 -2.5Z",
}


def spoken(curves: Sequence[Curve], x: str) -> str:
    """Return the ends of curves of shares in words, for who cannot see them."""
    said: list[str] = []
    for one in curves:
        known = np.flatnonzero(np.isfinite(one.y))
        if len(known):
            first, last = known[0], known[-1]
            said.append(
                f"{one.label} from {100 * one.y[first]:.0f} % at {one.x[first]:g} to {100 * one.y[last]:.0f} % at {one.x[last]:g} {x}"
            )
    return "; ".join(said)
