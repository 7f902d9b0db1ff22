"""Which attack leaves least of a detector: the one that the headline of a run names.

Least found; of equal ones the lower AUROC, then the higher strength, then the first given. Where nothing is found less than without
attack, the choice says nothing about the detector, and `lowers` is how one knows.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .score_table import UNATTACKED

Record = Mapping[str, Any]


def share_found(cell: Record | None, rate: float) -> float | None:
    """Return the share found that a cell has at a rate; None where it has none."""
    for name, entry in ((cell or {}).get("tpr") or {}).items():
        if math.isclose(float(name), rate, rel_tol=1e-6):
            value = entry.get("value")
            return None if value is None else float(value)
    return None


def hardest(cells: Iterable[Record], rate: float) -> Record | None:
    """Return the attacked cell in which least is found at a rate; None if no attacked cell has a figure there."""
    judged = [(found, c) for c in cells if c["attack"] != UNATTACKED and (found := share_found(c, rate)) is not None]
    return min(judged, key=lambda one: (one[0], _area(one[1]), -float(one[1]["strength"])), default=(0.0, None))[1]


def lowers(before: Record | None, after: Record | None, rate: float) -> bool:
    """Return whether less is found of attacked texts than of unattacked ones, as far as both are known."""
    plain, attacked = share_found(before, rate), share_found(after, rate)
    return plain is None or attacked is None or attacked < plain


def _area(cell: Record) -> float:
    value = (cell.get("auroc") or {}).get("value")
    return math.inf if value is None else float(value)
