"""Pictures of what is found: machine texts found against length, against the strength of an attack, and against the humans flagged (ROC)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .eval_figures import (
    F64,
    MOST_LINES,
    PALETTE,
    SMALL_WIDTH,
    Curve,
    Style,
    curve,
    draw_curves,
    finish,
    labels,
    panel_axes,
    share_axis,
    spoken,
)  # fmt: skip
from .eval_report_parts import Panel
from .eval_report_view import Line, Measured, View, tpr
from .eval_wording import rate_name
from .score_table import UNATTACKED


def length_panel(measured: Measured, view: View, styles: Mapping[str, Style], name: str) -> Panel | None:
    """Return TPR against tokens on a logarithmic axis; whole texts stand at their median number of tokens, behind a line."""
    lengths = [n for n in measured.lengths if n]
    whole = 0 in measured.lengths
    curves, ends = [], []
    for line in chosen(measured, view):
        cells = [(float(n), measured.cell(line, length=n)) for n in lengths]
        curves.append(curve(line.label, styles[line.label], [(n, tpr(cell, view.rate)) for n, cell in cells]))
        end = measured.cell(line, length=0) if whole else None
        at = float((end or {}).get("median_tokens") or np.nan)
        ends.append(curve(line.label, styles[line.label], [(at, tpr(end, view.rate))]))
    if len(lengths) < 2 or not any(one.is_drawn for one in curves):
        return None
    figure, axes = panel_axes()
    draw_curves(axes, curves)
    axes.set_xscale("log", base=2)
    for one in ends:
        if one.is_drawn and np.isfinite(one.x[0]):
            _open_point(axes, one)
    axes.set_xticks(_thinned(lengths), [str(n) for n in _thinned(lengths)])
    axes.set_xticks([], minor=True)
    share_axis(axes.yaxis, axes.set_ylim)
    labels(axes, "tokens", f"found at FPR {rate_name(view.rate)}")
    alt = f"{view.title}: share of machine texts found. {spoken(curves, 'tokens')}."
    return Panel(view.title, finish(figure, axes, name, alt), alt)


def _open_point(axes: Any, one: Curve) -> None:
    """Draw one estimate as an open marker with its interval."""
    x, y, color = float(one.x[0]), float(one.y[0]), one.style.code
    if np.isfinite(one.low[0]):
        axes.plot([x, x], [one.low[0], one.high[0]], color=color, lw=1.0)
    axes.plot([x], [y], one.style.marker, ms=5.5, mfc=PALETTE["paper"], mec=color, mew=1.3)


def _thinned(lengths: Sequence[int]) -> list[int]:
    """Return lengths of which each is at least 1.3 times the one before, so that their labels stand apart; the last is kept."""
    kept: list[int] = []
    for n in reversed(lengths):
        if not kept or n * 1.3 <= kept[-1]:
            kept.append(n)
    return kept[::-1]


def strength_panel(measured: Measured, view: View, attack: str, styles: Mapping[str, Style], name: str) -> Panel | None:
    """Return TPR against the strength of an attack; strength 0 is the text as it was."""
    strengths = measured.strengths(attack)
    curves: list[Curve] = []
    for line in chosen(measured, view):
        hit = [(s, tpr(measured.cell(line, attack, s), view.rate)) for s in strengths]
        if any(entry and entry.get("value") is not None for _, entry in hit):
            before = (0.0, tpr(measured.cell(line), view.rate))
            curves.append(curve(line.label, styles[line.label], [before, *hit]))
    if not curves:
        return None
    said = measured.strength_is(attack)
    more = 0.16 * said.count("\n")  # a second line under the axis
    figure, axes = panel_axes(SMALL_WIDTH, 2.15 + more, below=0.52 + more)
    draw_curves(axes, curves)
    axes.set_xlim(-0.03 * strengths[-1], 1.06 * strengths[-1])
    ticks = _apart([0.0, *strengths], 0.13 * strengths[-1])
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    share_axis(axes.yaxis, axes.set_ylim)
    labels(axes, said, f"found at FPR {rate_name(view.rate)}")
    alt = f"{attack}, {view.title}: share of machine texts found. {spoken(curves, 'strength')}."
    return Panel(attack, finish(figure, axes, name, alt), alt)


def _apart(ticks: Sequence[float], gap: float) -> list[float]:
    """Return ticks at least `gap` apart, the last kept."""
    kept = [ticks[-1]]
    for tick in reversed(ticks[:-1]):
        if kept[-1] - tick >= gap:
            kept.append(tick)
    return kept[::-1]


def roc_panel(measured: Measured, view: View, styles: Mapping[str, Style], name: str) -> Panel | None:
    """Return ROC curves on a logarithmic axis that ends where one human text is less than one rate step."""
    drawn: list[tuple[Line, Any, Any]] = []
    fewest = 2
    for line in chosen(measured, view):
        cell = measured.cell(line) or {}
        roc = cell.get("roc")
        if roc and len(roc[0]) > 1:
            drawn.append((line, np.asarray(roc[0], np.float64), np.asarray(roc[1], np.float64)))
            fewest = max(fewest, int(cell.get("n_scored_human") or cell.get("n_human") or 0))
    if not drawn:
        return None
    lowest = 1.0 / fewest
    figure, axes = panel_axes()
    chance = np.geomspace(lowest, 1.0, 60)
    axes.plot(chance, chance, color=PALETTE["muted"], lw=1.0, dashes=(1, 2))
    said: list[str] = []
    for at, (line, fpr, found) in enumerate(drawn):
        look = styles[line.label]
        x, y = _from(fpr, found, lowest)
        every = max(1, len(x) // 6)
        (path,) = axes.plot(x, y, color=look.code, lw=1.6, drawstyle="steps-post", marker=look.marker, ms=4.5, mew=0)
        path.set_markevery((at * every // len(drawn), every))
        if look.dashes:
            path.set_dashes(look.dashes)
        said.append(f"{line.label} finds {100.0 * _from(fpr, found, 0.01)[1][0]:.0f} %")
    axes.set_xscale("log")
    axes.set_xlim(lowest, 1.0)
    decades = [10.0**k for k in range(int(np.ceil(np.log10(lowest) - 1e-9)), 1)]
    axes.set_xticks(decades, [rate_name(tick) for tick in decades])
    axes.set_xticks([], minor=True)
    share_axis(axes.yaxis, axes.set_ylim)
    labels(axes, "human texts flagged (FPR)", "machine texts found (TPR)")
    title = view.title.rsplit(", at FPR", 1)[0]
    alt = f"{title}: ROC curves. {'; '.join(said)}, with 1 % of humans flagged."
    return Panel(title, finish(figure, axes, name, alt), alt)


def _from(fpr: F64, found: F64, lowest: float) -> tuple[F64, F64]:
    """Return a ROC curve from `lowest` on, where it begins with what is found at most there."""
    first = max(int(np.searchsorted(fpr, lowest * (1.0 + 1e-9), side="right")) - 1, 0)
    x = np.maximum(fpr[first:], lowest)
    return x, found[first:]


def chosen(measured: Measured, view: View) -> list[Line]:
    """Return the lines of a view that are drawn: all, or the `MOST_LINES` that find most without attack, in the plan's order."""
    if len(view.lines) <= MOST_LINES:
        return list(view.lines)

    def found(line: Line) -> float:
        cell = measured.cell(line, UNATTACKED) or {}
        entry = tpr(cell, view.rate) or {}
        value = entry.get("value")
        return float(value if value is not None else (cell.get("auroc") or {}).get("value") or 0.0)

    best = sorted(view.lines, key=found, reverse=True)[:MOST_LINES]
    return [line for line in view.lines if line in best]
