"""Pictures of estimates as points with intervals: false positives by group, quality against detectability, and two runs side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .eval_figures import PALETTE, SIZE, Style, finish, labels, panel_axes, share_axis
from .eval_report_parts import Panel

_LONGEST, _ROW = 26, 62


@dataclass(frozen=True)
class Dot:
    """An estimate of a row, or of two figures at once; `low` and `high` NaN without an interval."""

    value: float
    low: float
    high: float
    style: Style


def dot(estimate: Mapping[str, Any] | None, look: Style) -> Dot | None:
    """Return an estimate as a dot; None where it has no value."""
    if estimate is None or estimate.get("value") is None:
        return None
    low, high = estimate.get("low"), estimate.get("high")
    value = float(estimate["value"])
    return Dot(value, math.nan if low is None else float(low), math.nan if high is None else float(high), look)


def short(label: str, longest: int = _LONGEST) -> str:
    """Return a label that fits beside or above a row."""
    return label if len(label) <= longest else label[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def rows_panel(
    title: str, rows: Sequence[tuple[str, Sequence[Dot | None]]], nominal: float, name: str, alt: str
) -> Panel:
    """Return rates by row on an axis from 0, one dot a detector, with a line at the rate they should have."""
    longest = max(len(short(label)) for label, _ in rows)
    per_row = max(len(dots) for _, dots in rows)
    height = 0.75 + len(rows) * (0.16 + 0.1 * per_row)
    figure, axes = panel_axes(height=height, left=0.25 + 0.066 * longest)
    axes.axvline(nominal, color=PALETTE["muted"], lw=1.0, dashes=(4, 2))
    most = nominal
    for y, (_, dots) in enumerate(rows):
        for k, one in enumerate(dots):
            if one is None:
                continue
            at = y + 0.7 * ((k + 0.5) / per_row - 0.5)
            if math.isfinite(one.high):
                axes.plot([one.low, one.high], [at, at], color=one.style.code, lw=1.2)
                most = max(most, one.high)
            axes.plot([one.value], [at], one.style.marker, color=one.style.code, ms=4.8, mew=0)
            most = max(most, one.value)
    axes.set_yticks(range(len(rows)), [short(label) for label, _ in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-0.02 * most, min(1.06 * most, 1.03))
    ticks = _ticks(most)
    axes.set_xticks(ticks, [f"{100 * tick:.4g} %" if tick else "0" for tick in ticks])
    labels(axes, "human texts flagged", "")
    return Panel(title, finish(figure, axes, name, alt), alt)


def _ticks(most: float) -> list[float]:
    """Return about four round shares from 0 to `most`."""
    raw = most / 4.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1.0, 2.0, 2.5, 5.0, 10.0) if power * k >= raw * 0.999)
    return [step * k for k in range(int(most / step + 1e-9) + 1)]


def scatter_panel(title: str, x_label: str, y_label: str, points: Sequence[tuple[Dot, Dot, str]], name: str) -> Panel:
    """Return shares found (second dot) against a figure of quality (first dot), both with intervals; x = 0 is no difference."""
    figure, axes = panel_axes()
    axes.axvline(0.0, color=PALETTE["muted"], lw=1.0, dashes=(4, 2))
    ends = [0.0]
    for x, y, _ in points:
        color = x.style.code
        if math.isfinite(x.low) and math.isfinite(x.high):
            axes.plot([x.low, x.high], [y.value, y.value], color=color, lw=1.1)
        if math.isfinite(y.low) and math.isfinite(y.high):
            axes.plot([x.value, x.value], [y.low, y.high], color=color, lw=1.1)
        axes.plot([x.value], [y.value], x.style.marker, color=color, ms=6.5, mew=0)
        ends += [v for v in (x.value, x.low, x.high) if math.isfinite(v)]
    room = 0.08 * (max(ends) - min(ends) or 1.0)
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.locator_params(axis="x", nbins=5)
    share_axis(axes.yaxis, axes.set_ylim)
    labels(axes, x_label, y_label)
    said = "; ".join(f"{label}: {x.value:.3g}, {100 * y.value:.0f} % found" for x, y, label in points)
    alt = f"{title} against detectability. {said}."
    return Panel(title, finish(figure, axes, name, alt), alt)


def dumbbell_panel(title: str, rows: Sequence[tuple[str, Dot, Dot, bool]], name: str, unit: str) -> Panel:
    """Return two runs by row under its name, joined by a line that is thick where they clearly differ."""
    figure, axes = panel_axes(height=0.7 + 0.4 * len(rows), left=0.2)
    for y, (label, a, b, clear) in enumerate(rows):
        axes.text(
            0.0, y - 0.2, short(label, _ROW), fontsize=SIZE - 0.5, color=PALETTE["ink"], va="bottom", parse_math=False
        )
        axes.plot(
            [a.value, b.value], [y, y], color=PALETTE["ink" if clear else "muted"], lw=3.0 if clear else 1.0, zorder=1
        )
        for one, shift in ((a, -0.12), (b, 0.12)):
            if math.isfinite(one.low) and math.isfinite(one.high):
                axes.plot([one.low, one.high], [y + shift, y + shift], color=one.style.code, lw=1.0, alpha=0.8)
            axes.plot([one.value], [y], one.style.marker, color=one.style.code, ms=6.5, mew=0)
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.6, -0.8)
    share_axis(axes.xaxis, axes.set_xlim)
    labels(axes, unit, "")
    said = "; ".join(f"{label}: {100 * a.value:.0f} % and {100 * b.value:.0f} %" for label, a, b, _ in rows[:20])
    alt = f"{title}. {said}."
    return Panel(title, finish(figure, axes, name, alt), alt)
