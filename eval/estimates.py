"""A figure with its interval as a record of `metrics.json`: value, low, high, n, clusters."""

import math
from typing import Any

import numpy as np
from assay.detect.intervals import Interval

from .rate_intervals import auroc_interval, hull, percentiles, rate_interval
from .score_rows import Bool, Side
from .weighted_ranks import RankedHumans, Share

Record = dict[str, Any]


def number(value: float | None, digits: int = 8) -> float | None:
    """Return a number for JSON with so many significant digits; None for what JSON cannot hold.

    Rounded, because the last bits of a float32 sum are not the same on every machine.
    """
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def estimate(value: float | None, interval: Interval | None, n: int, clusters: int) -> Record:
    """Return the record of a figure; value, low and high are null where there is none."""
    known = value is not None and math.isfinite(value) and interval is not None
    ends = (interval.low, interval.high) if known and interval is not None else (None, None)
    return {
        "value": number(value) if known else None, "low": number(ends[0]), "high": number(ends[1]), "n": n, "clusters": clusters,
    }  # fmt: skip


def rate_estimate(hits: Bool, side: Side) -> Record:
    """Return the record of the share of hits (n,) among the texts of a side."""
    value = float(hits.mean()) if side.n else None
    return estimate(value, rate_interval(hits, side.cluster), side.n, side.clusters)


def share_estimate(share: Share | None, side: Side) -> Record:
    """Return the record of a share above a threshold that was set on humans; null where it could not be set."""
    if share is None or not side.n:
        return estimate(None, None, side.n, side.clusters)
    as_it_is = rate_interval(side.score > share.threshold, side.cluster)
    interval = hull(hull(as_it_is, percentiles(share.draws)), percentiles(share.stricter))
    return estimate(share.value, interval, side.n, side.clusters)


def auroc_estimate(humans: RankedHumans, machine: Side) -> Record:
    """Return the record of an AUROC of the texts that have a score, `n` of them; null where a side has none."""
    machine = machine.having_score()
    n = machine.n + humans.side.n
    clusters = len(np.union1d(machine.cluster, humans.side.cluster))
    if not machine.n or not humans.side.n:
        return estimate(None, None, n, clusters)
    found = humans.auroc(machine)
    value = float(found[0])
    return estimate(value, auroc_interval(value, found[1:], machine, humans.side), n, clusters)
