"""Whether one classifier beats another on the same texts: the mean difference over cells, with an interval from one bootstrap over clusters.

Both are judged on texts left out of both. A draw gives every cluster of the whole collection one Poisson(1) weight (the Poisson
bootstrap: J. Hanley and B. MacGibbon 2006, Computer Methods and Programs in Biomedicine 83), and all
cells of both classifiers are ranked with it: humans that several cells share move together, and so do the two classifiers.

The interval of texts is for the domains (or generators) at hand. That of units also draws these with replacement, whole: it is for others like them, rough where there are
six, and wider. Neither tells that the settings of one of the two were chosen on these texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64, Bool, I64 = NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]


@dataclass(frozen=True)
class PairedCell:
    """The texts of one cell as two classifiers scored them; all arrays are (n,).

    Attributes:
        machine: bool.
        clusters: int64 codes that all cells share.
        ours, theirs: float64 scores, higher for machine texts.
        tail: whether it has humans enough for a rate of 1 %.
        unit: the domain or family that was left out.
    """

    machine: Bool
    clusters: I64
    ours: F64
    theirs: F64
    tail: bool
    unit: str = ""


@dataclass(frozen=True)
class Difference:
    """A mean difference over cells, ours less theirs.

    Attributes:
        value: the difference.
        low, high: 95 % interval over texts.
        unit_low, unit_high: 95 % interval over units and their texts.
    """

    value: float
    low: float
    high: float
    unit_low: float
    unit_high: float


def paired_differences(
    cells: Sequence[PairedCell], rate: float, rng: np.random.Generator, draws: int
) -> dict[str, Difference]:
    """Return the differences of `auroc` and of `tpr`, machine texts above the humans' `rate`.

    Raises:
        ValueError: without cells.
    """
    if not cells:
        raise ValueError("a paired comparison needs at least one cell that both classifiers scored")
    n_clusters = 1 + max(int(cell.clusters.max()) for cell in cells)
    drawn = [np.ones(n_clusters), *(rng.poisson(1.0, n_clusters).astype(np.float64) for _ in range(draws))]
    found = np.stack([_differences(cells, weights, rate) for weights in drawn])  # (1 + draws, C, 2)
    units = np.unique([cell.unit for cell in cells], return_inverse=True)[1]
    picked = rng.multinomial(len(set(units.tolist())), np.full(units.max() + 1, 1.0 / (units.max() + 1)), draws)
    texts = np.nanmean(found[1:], axis=1)
    both = _weighted(found[1:], picked[:, units].astype(np.float64))
    result: dict[str, Difference] = {}
    for i, name in enumerate(("auroc", "tpr")):
        ends = [float(end) for values in (texts, both) for end in np.nanquantile(values[:, i], (0.025, 0.975))]
        result[name] = Difference(float(np.nanmean(found[0, :, i])), *ends)
    return result


def _weighted(differences: F64, weights: F64) -> F64:
    """Return (B, 2) means of (B, C, 2) differences by (B, C) weights, NaN left out; NaN where nothing is left."""
    there = np.isfinite(differences)
    weight = np.where(there, weights[:, :, None], 0.0)
    total = weight.sum(axis=1)
    sums = (np.where(there, differences, 0.0) * weight).sum(axis=1)
    return np.where(total > 0.0, sums / np.maximum(total, 1e-12), np.nan)


def _differences(cells: Sequence[PairedCell], weights: F64, rate: float) -> F64:
    """Return (C, 2) the differences of each cell under one draw of cluster weights; NaN where a cell lost a side, or has no tail."""
    found = np.full((len(cells), 2), np.nan)
    for c, cell in enumerate(cells):
        w = weights[cell.clusters]
        if not w[cell.machine].any() or not w[~cell.machine].any():
            continue
        ours, theirs = (_ranked(scores, cell.machine, w, rate) for scores in (cell.ours, cell.theirs))
        found[c] = ours[0] - theirs[0], ours[1] - theirs[1] if cell.tail else np.nan
    return found


def _ranked(scores: F64, machine: Bool, weights: F64, rate: float) -> tuple[float, float]:
    """Return the weighted AUROC, ties counted half, and the weighted share of machine texts above the weighted `rate` of humans."""
    distinct, at = np.unique(scores, return_inverse=True)
    human = np.bincount(at[~machine], weights[~machine], len(distinct))
    wrote = np.bincount(at[machine], weights[machine], len(distinct))
    human, wrote = human / human.sum(), wrote / wrote.sum()
    below = np.cumsum(human)
    auroc = float(wrote @ (below - human / 2.0))
    above = 1.0 - below  # share of humans above each distinct score
    return auroc, float(wrote[np.searchsorted(-above, -rate - 1e-9, side="left") + 1 :].sum())
