"""Whether p-values hold what they say: on null texts, the share with p <= x may not exceed x.

Null texts are human test texts, unattacked, at the reference length (whole texts, or the longest). For a mark, machine texts without a mark and
machine texts with another mark are nulls too, and reported apart. Texts without a p-value, and those the detector abstains on, are left out (`left_out`
of them): the figures are of the `n` texts that it judges. Intervals as in `rate_intervals`; `strict` (99.5 %, so that the ten levels together rarely raise a false alarm) is what alarms are raised
on.
"""

from collections.abc import Iterator

import numpy as np

from .estimates import Record, number
from .rate_intervals import rate_interval
from .score_rows import Condition, ScoreRows, Side

NOMINAL = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0001)
STRICT = 0.995


def calibration_records(rows: ScoreRows) -> Iterator[Record]:
    """Yield a record for each detector with p-values and each kind of null text that there is."""
    for detector in rows.detectors:
        length = rows.reference_length(detector)
        if detector not in rows.has_p or length is None:
            continue
        condition = Condition(length=length)
        nulls = {"human": rows.humans(detector, condition)}
        kind = rows.kinds.get(detector, "scores")
        if kind == "mark":
            nulls |= rows.null_machine(detector, condition)
        for name, side in nulls.items():
            judged = side.where(np.isfinite(side.log10_p) & ~side.abstains)
            if judged.n:
                what = {"detector": detector, "kind": kind, "null": name, "length": length}
                yield {**what, "left_out": side.n - judged.n, **_observed(judged)}


def _observed(side: Side) -> Record:
    hits = [side.log10_p <= np.log10(nominal) + 1e-12 for nominal in NOMINAL]
    usual = [rate_interval(hit, side.cluster) for hit in hits]
    strict = [rate_interval(hit, side.cluster, STRICT) for hit in hits]
    return {
        "nominal": list(NOMINAL), "observed": [number(float(hit.mean())) for hit in hits],
        "low": [number(i.low) for i in usual], "high": [number(i.high) for i in usual],
        "n": side.n, "clusters": side.clusters,
        "strict": {"low": [number(i.low) for i in strict], "high": [number(i.high) for i in strict]},
    }  # fmt: skip
