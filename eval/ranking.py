"""How well scores tell machine from human texts: area under the ROC curve, and machine texts found where few human ones are.

Scores are higher for machine texts. Intervals are percentiles of a bootstrap over clusters: texts of one prompt or one original (`pair_id`) are drawn
together, because they are not independent. A threshold lets through at most the stated share of the human texts it is set on; what it does on others is
another question, and `exceed` answers it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64, Bool = NDArray[np.float64], NDArray[np.bool_]

Statistic = Callable[[F64, Bool], float]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; `n` texts in `clusters` clusters."""

    value: float
    low: float
    high: float
    n: int
    clusters: int


def auroc(scores: F64, machine: Bool) -> float:
    """Return the chance that a machine text scores above a human one, ties counted half; NaN where one side is missing.

    Mann-Whitney's U over the product of the counts. `scores` (N,), `machine` (N,) bool.
    """
    from scipy.stats import rankdata

    n_machine = int(machine.sum())
    n_human = len(machine) - n_machine
    if not n_machine or not n_human:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[machine].sum() - n_machine * (n_machine + 1) / 2) / (n_machine * n_human))


def threshold_at(human: F64, rate: float) -> float:
    """Return the lowest score that at most the share `rate` of these human texts exceed; -inf if all may.

    Raises:
        ValueError: without human texts, or a rate outside 0 to 1.
    """
    if not len(human) or not 0.0 <= rate <= 1.0:
        raise ValueError(f"need human scores and a rate from 0 to 1, got {len(human)} scores and {rate}")
    allowed = int(np.floor(rate * len(human) + 1e-9))
    return float(np.sort(human)[len(human) - 1 - allowed]) if allowed < len(human) else float("-inf")


def exceed(scores: F64, threshold: float) -> float:
    """Return the share of scores above a threshold; NaN without scores."""
    return float((scores > threshold).mean()) if len(scores) else float("nan")


def tpr_at(rate: float) -> Statistic:
    """Return the statistic: share of machine texts above the threshold that `rate` of the same human texts exceed."""

    def statistic(scores: F64, machine: Bool) -> float:
        if machine.all() or not machine.any():
            return float("nan")
        return exceed(scores[machine], threshold_at(scores[~machine], rate))

    return statistic


def clustered(
    statistic: Statistic,
    scores: F64,
    machine: Bool,
    clusters: Sequence[str],
    rng: np.random.Generator,
    draws: int = 1000,
) -> Estimate:
    """Return a statistic of all texts with the percentile interval of `draws` bootstrap samples of clusters.

    Samples in which it is undefined (one label missing) do not count.
    """
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(names) + 1))
    values: list[float] = []
    for _ in range(draws):
        drawn = rng.integers(len(names), size=len(names))
        index = np.concatenate([order[starts[c] : starts[c + 1]] for c in drawn])
        values.append(statistic(scores[index], machine[index]))
    defined = np.array(values)[np.isfinite(values)]
    low, high = np.percentile(defined, [2.5, 97.5]) if len(defined) else (np.nan, np.nan)
    return Estimate(statistic(scores, machine), float(low), float(high), len(scores), len(names))
