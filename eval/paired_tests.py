"""Whether one detector beats another on the very same texts: AUROC and detection rate, for every pair of detectors.

Both are judged on the texts both have rows for, unattacked and under each attack at its strongest: AUROC on those that both gave a score
(`n_scored`), or a detector that is silent on hard texts would win; the detection rate on all `n` (a text without a score counts as not detected, as
everywhere). At the reference length (whole texts, or the longest). Because all cells share their draws, the difference of two figures in each draw
is a draw of their difference. The detection rate is taken at the smallest rate of at least 1 % that both can reach; a mark reaches every rate by its
law.

p is two-sided: 2 (1 + draws on the far side of zero) / (1 + draws), at most 1. Where fewer than ten draws lie there, counting is at the end of its
resolution (a thousand draws could never pass Holm's correction over fifty comparisons); p is then the tail of Student's t, the difference over the
deviation of its draws with clusters - 1 degrees of freedom, if that is less. `from` says which. Neither goes below 2^(1 - clusters), where a
permutation test ends. `p_holm` is corrected over all comparisons of the list (S. Holm 1979, Scandinavian Journal of Statistics 6), AUROC and rates
each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from assay.detect.intervals import Interval

from .cell_figures import needed
from .cluster_draws import ClusterDraws
from .estimates import Record, number
from .rate_intervals import auroc_interval, hull, percentiles, rate_interval
from .score_rows import F64, MACHINE, UNATTACKED, Condition, ScoreRows, Side
from .weighted_ranks import RankedHumans, weighted_share

SMALLEST_RATE = 0.01
_RESOLVED = 10


@dataclass(frozen=True)
class _Figure:
    """A figure, the draws (B,) of it and its interval."""

    value: float
    draws: F64
    interval: Interval


def paired_records(rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...]) -> list[Record]:
    """Return a record for each pair of detectors, source and condition, with the corrected p."""
    records = [
        record
        for a, b in combinations(rows.detectors, 2)
        for source in sorted({*rows.sources(a)} & {*rows.sources(b)})
        for condition in _conditions(rows, a, b)
        for record in _compared(rows, draws, rates, (a, b), source, condition)
    ]
    for figure in ("auroc", "tpr"):
        tested = [record[figure] for record in records if record[figure]["p"] is not None]
        for test, corrected in zip(tested, holm(np.array([test["p"] for test in tested])), strict=True):
            test["p_holm"] = number(float(corrected))
    return records


def two_sided(difference: float, draws: F64, clusters: int) -> tuple[float, str]:
    """Return the p-value of a difference from its draws (B,), and where it is from: `draws` or `t`."""
    from scipy.special import stdtr

    student: Any = stdtr
    crossed = int(min((draws <= 0.0).sum(), (draws >= 0.0).sum()))
    floor = 2.0 ** (1 - min(clusters, 1000))
    p = max(min(1.0, 2.0 * (1 + crossed) / (1 + len(draws))), floor)
    spread = float(draws.std()) if len(draws) else 0.0
    if crossed >= _RESOLVED or spread == 0.0 or clusters < 2:
        return p, "draws"
    tail = max(2.0 * float(student(clusters - 1, -abs(difference) / spread)), floor)
    return (tail, "t") if tail < p else (p, "draws")


def holm(p: F64) -> F64:
    """Return Holm's corrected p-values (m,), each at most 1."""
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    corrected = np.empty(len(p))
    corrected[order] = stepped
    return corrected


def _conditions(rows: ScoreRows, a: str, b: str) -> Iterator[Condition]:
    """Yield no attack, and each attack at its strongest, that both were scored under."""
    length = rows.reference_length(a)
    both = {*rows.conditions(a, MACHINE)} & {*rows.conditions(b, MACHINE)}
    strongest: dict[str, Condition] = {}
    for condition in sorted((c for c in both if c.length == length), key=lambda c: (c.attack, c.strength)):
        strongest[condition.attack] = condition
    yield from sorted(strongest.values(), key=lambda c: (c.attack != UNATTACKED, c.attack))


def _compared(
    rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...], pair: tuple[str, str], source: str, condition: Condition
) -> Iterator[Record]:  # fmt: skip
    machine = _shared(*(rows.side(name, MACHINE, condition, source) for name in pair))
    humans = _shared(*(rows.humans(name, Condition(length=condition.length)) for name in pair))
    both = _both_scored(*machine), _both_scored(*humans)
    if not all(side.n for side in (*both[0], *both[1])):
        return
    marks = [rows.kinds.get(name) == "mark" for name in pair]
    most = [np.inf if mark else side.scored for mark, side in zip(marks, humans, strict=True)]
    reachable = [rate for rate in rates if rate >= SMALLEST_RATE and min(most) >= needed(rate)]
    rate = min(reachable) if reachable else None
    auroc = [_auroc(draws, m, h) for m, h in zip(*both, strict=True)]
    tpr = [_rate(draws, *side, rate) for side in zip(machine, humans, marks, strict=True)] if rate is not None else []
    (n, clusters), (n_scored, clusters_scored) = _size(machine[0], humans[0]), _size(both[0][0], both[1][0])
    nothing = {"difference": None, "low": None, "high": None, "p": None, "p_holm": None, "from": None}
    yield {
        "a": pair[0], "b": pair[1], "source": source, "attack": condition.attack, "strength": condition.strength,
        "length": condition.length, "n": n, "n_scored": n_scored, "clusters": clusters,
        "auroc": _difference(auroc[0], auroc[1], clusters_scored),
        "tpr": {"rate": rate, **(_difference(tpr[0], tpr[1], clusters) if tpr else nothing)},
    }  # fmt: skip


def _size(machine: Side, humans: Side) -> tuple[int, int]:
    """Return the texts of two sides and their clusters."""
    return machine.n + humans.n, len(np.union1d(machine.cluster, humans.cluster))


def _shared(a: Side, b: Side) -> tuple[Side, Side]:
    """Return the texts that both sides have, in one order."""
    if np.array_equal(a.text, b.text):
        return a, b
    at_a, at_b = np.intersect1d(a.text, b.text, assume_unique=True, return_indices=True)[1:]
    return a.where(at_a), b.where(at_b)


def _both_scored(a: Side, b: Side) -> tuple[Side, Side]:
    """Return the texts, the same on both sides, that have a score on both."""
    keep = (a.score != -np.inf) & (b.score != -np.inf)
    return a.where(keep), b.where(keep)


def _auroc(draws: ClusterDraws, machine: Side, humans: Side) -> _Figure:
    """Return the AUROC of texts that all have a score."""
    auroc = RankedHumans(humans, draws).auroc(machine)
    value = float(auroc[0])
    return _Figure(value, auroc[1:], auroc_interval(value, auroc[1:], machine, humans))


def _rate(draws: ClusterDraws, machine: Side, humans: Side, mark: bool, rate: float) -> _Figure:
    """Return the share detected at a rate: by law, or at the threshold of the humans that have a score."""
    if mark:
        hits = machine.detected(rate)
        share = weighted_share(hits, machine.cluster, draws)
        return _Figure(float(share[0]), share[1:], rate_interval(hits, machine.cluster))
    above = RankedHumans(humans, draws).shares_above(machine, (rate,))[rate]
    as_it_is = rate_interval(machine.score > above.threshold, machine.cluster)
    return _Figure(above.value, above.draws, hull(as_it_is, percentiles(above.draws)))


def _difference(a: _Figure, b: _Figure, clusters: int) -> Record:
    """Return the record of a less b; where all draws agree, the interval is that of the two figures' ends."""
    draws = a.draws - b.draws
    draws = draws[np.isfinite(draws)]
    value = a.value - b.value
    interval = percentiles(draws)
    if interval is None or interval.low == interval.high:
        interval = Interval(a.interval.low - b.interval.high, a.interval.high - b.interval.low)
    p, origin = two_sided(value, draws, clusters)
    return {
        "difference": number(value), "low": number(interval.low), "high": number(interval.high), "p": number(p), "from": origin,
    }  # fmt: skip
