"""Pictures of p-values of texts that carry nothing to find: the share that is small beside the share that should be."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .eval_figures import PALETTE, finish, labels, panel_axes, style
from .eval_figures import key as legend_key
from .eval_report_parts import Key, Panel
from .eval_wording import rate_name

NULLS = ("human", "unmarked machine", "another mark")
_SPREAD = (0.94, 1.0, 1.064)


def null_keys(records: Sequence[Mapping[str, Any]]) -> list[Key]:
    """Return the legend: the kinds of null text that occur."""
    found = dict.fromkeys(str(record.get("null") or "human") for record in records)
    return [legend_key(null, style(_at(null)), line=False) for null in found]


def _at(null: str) -> int:
    return NULLS.index(null) if null in NULLS else len(NULLS)


def calibration_ends(records: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return where the axes of all panels end: the smallest nominal p, and a tenth of one text in the most of any record.

    No share but 0 is smaller than one text; the low end of an interval can be by many decades, which would leave no room for the shares themselves.
    The second is under the first, so that a share of 0 stands under the diagonal.
    """
    lowest = min(float(p) for record in records for p in record["nominal"])
    most = max(max(int(record.get("n") or 1) for record in records), 1)
    return lowest, min(0.1 / most, lowest / 1.5)


def calibration_panel(
    detector: str, records: Sequence[Mapping[str, Any]], name: str, ends: tuple[float, float]
) -> Panel:
    """Return observed against nominal shares of small p with intervals, both logarithmic; none observed is a triangle at the floor.

    Args:
        detector: its name, the title.
        records: its records, one a kind of null text.
        name: what the ids of the picture begin with.
        ends: where the axes end (`calibration_ends`).
    """
    figure, axes = panel_axes(height=2.9)
    lowest, floor = ends
    axes.plot([floor, 1.0], [floor, 1.0], color=PALETTE["muted"], lw=1.0, dashes=(4, 2))
    said: list[str] = []
    for record in records:
        null = str(record.get("null") or "human")
        _points(axes, record, _at(null), floor)
        off = _outside(record)
        said.append(
            f"{null}: {'outside the interval at ' + ', '.join(off) if off else 'all intervals hold the diagonal'}"
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(lowest / 1.6, 1.0)
    axes.set_ylim(floor / 1.15, 1.3)
    for axis, low in ((axes.xaxis, lowest / 1.6), (axes.yaxis, floor)):
        decades = [10.0**k for k in range(int(np.ceil(np.log10(low) - 1e-9)), 1)]
        axis.set_ticks(decades, [rate_name(tick) for tick in decades])
        axis.set_ticks([], minor=True)
    labels(axes, "p at most", "share of texts observed")
    alt = f"{detector}: observed shares of small p-values against nominal ones. {'; '.join(said)}."
    return Panel(detector, finish(figure, axes, name, alt), alt)


def _points(axes: Any, record: Mapping[str, Any], at: int, floor: float) -> None:
    look = style(at)
    for p, observed, low, high in zip(
        record["nominal"], record["observed"], record["low"], record["high"], strict=True
    ):
        x = float(p) * _SPREAD[at % 3]
        if low is not None and high is not None:
            axes.plot([x, x], [max(float(low), floor), max(float(high), floor)], color=look.code, lw=1.1)
        if observed:
            axes.plot([x], [float(observed)], look.marker, color=look.code, ms=4.5, mew=0)
        elif observed is not None:
            axes.plot([x], [floor], "v", mfc=PALETTE["paper"], mec=look.code, ms=5.0, mew=1.1, clip_on=False)


def _outside(record: Mapping[str, Any]) -> list[str]:
    """Return the nominal p whose interval excludes it."""
    triples = zip(record["nominal"], record["low"], record["high"], strict=True)
    return [
        rate_name(float(p)) for p, low, high in triples if low is not None and high is not None and not low <= p <= high
    ]
