"""The false-positive rate at which a run is read at a glance, in the report, on the command line and where two runs are compared.

A mark has a law, so any rate can be had: 1e-5, or the nearest above that the plan asked for. Another detector's threshold is set on human texts, of which a
rate needs one in all: 1 % or the nearest above that some detector of the run has enough humans for, so that one column is of one rate; where only rates under
1 % can be measured, the largest of them. Where none can, the nearest to 1 % from above is named, and its cells say how many humans it needs.

Reads the cells of `metrics.json` alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .score_table import UNATTACKED

MARK_RATE, SCORE_RATE = 1e-5, 0.01
_NEAR = 1.0 - 1e-9


def headline_rate(cells: Sequence[Mapping[str, Any]], kind: str, length: int) -> float:
    """Return the rate that detectors of a kind are read at.

    Args:
        cells: the cells of a run.
        kind: `mark`, or any other kind of detector.
        length: the length of the report, whose human texts count.
    """
    asked = sorted({float(rate) for cell in cells for rate in cell.get("tpr") or {}})
    if kind == "mark":
        return min(_from(asked, MARK_RATE) or asked[-1:], default=MARK_RATE)
    humans = _humans(cells, length)
    measured = [rate for rate in asked if rate * humans >= _NEAR]
    return next((found[0] for found in (_from(measured, SCORE_RATE), measured[-1:], _from(asked, SCORE_RATE), asked[-1:]) if found), SCORE_RATE)  # fmt: skip


def _from(rates: Sequence[float], least: float) -> list[float]:
    return [rate for rate in rates if rate >= least * _NEAR]


def _humans(cells: Sequence[Mapping[str, Any]], length: int) -> int:
    """Return the most human texts with a score that a detector without a law has; at any length if it has none at this one."""
    found = {
        (int(cell["length"]) == length, int(cell.get("n_human") or 0 if scored is None else scored))
        for cell in cells
        if cell["kind"] != "mark" and cell["attack"] == UNATTACKED
        for scored in [cell.get("n_scored_human")]
    }
    return max(found, default=(False, 0))[1]
