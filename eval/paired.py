"""Whether one classifier beats another on the same texts: the mean difference over cells, with an interval from one bootstrap over clusters.

Both are judged on texts left out of both. A draw gives every cluster of the whole collection one Poisson(1) weight (the Poisson
bootstrap: J. Hanley and B. MacGibbon 2006, Computer Methods and Programs in Biomedicine 83), and all
cells of both classifiers are ranked with it: humans that several cells share move together, and so do the two classifiers.

It tells sampling of texts, not that the settings of one of the two were chosen on these texts.
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
    """

    machine: Bool
    clusters: I64
    ours: F64
    theirs: F64
    tail: bool


@dataclass(frozen=True)
class Difference:
    """A mean difference over cells, ours less theirs, with its 95 % interval."""

    value: float
    low: float
    high: float


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
    found = np.array([_means(cells, weights, rate) for weights in drawn])
    low, high = np.nanquantile(found[1:], (0.025, 0.975), axis=0)
    return {
        name: Difference(float(found[0, i]), float(low[i]), float(high[i])) for i, name in enumerate(("auroc", "tpr"))
    }


def _means(cells: Sequence[PairedCell], weights: F64, rate: float) -> tuple[float, float]:
    """Return the mean differences under one draw of cluster weights; cells that lost a side are left out."""
    ranking: list[float] = []
    tail: list[float] = []
    for cell in cells:
        w = weights[cell.clusters]
        if not w[cell.machine].any() or not w[~cell.machine].any():
            continue
        ours, theirs = (_ranked(scores, cell.machine, w, rate) for scores in (cell.ours, cell.theirs))
        ranking.append(ours[0] - theirs[0])
        if cell.tail:
            tail.append(ours[1] - theirs[1])
    return float(np.mean(ranking)) if ranking else np.nan, float(np.mean(tail)) if tail else np.nan


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
