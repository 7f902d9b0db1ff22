"""How much of a corpus is marked, or machine-made without a mark, with a 95 % interval.

`marked_share` is for a mark, whose null law is known. It corrects for both of the detector's errors: false alarms by the
null, and marked documents that were missed, because they are short or their mark is weak, by the law of the green rate
among marked documents, estimated from the corpus itself (`share_fit`). Assumed, and not tested: that this law does not
depend on the length; that the share changes smoothly with length, which decides for documents too short to tell; that
documents but for exact copies are independent (near copies narrow the interval wrongly). Not counted: documents without a test (abstained), and
marked text whose green rate is next to that of unmarked text, which nothing tells from unmarked text. The rate is of the
whole document, so a page that is half marked is a weakly marked page and counts once. What no fit can tell from a weak mark is unmarked text
of which a part suits the key far better than the rest: with a tenth of the documents 0.02 above gamma no share is
seen, at 0.05 above 0.4 % is (tables, code, boilerplate; leave their shared sequences out). Where the corpus shows no mark,
`low` is 0 and `high` is what the corpus' lengths leave room for.

`machine_share` is for a classifier, whose null is a calibration set and whose machine law is not known: p-values above
1/2 bound the share of humans (J. Storey 2002, JRSS B 64), so only a LOWER bound of the share of machine text follows, if the
corpus' humans score like the calibration's. With machine references, `assay.detect.prevalence` gives an estimate.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .share_cells import cells
from .share_fit import Fit, Mixture
from .tally_bins import I64, P_EDGES

CONFIDENCE = 0.95
_CUT = 3.841458820694124  # chi-square with one degree of freedom at 0.95
_STARTS = (1e-4, 1e-2, 0.2)
_LEAST, _MOST = 1e-9, 1.0 - 1e-6
_HALF = math.log10(2.0)
_SLACK = 1e-4
_A_BOUND = "a bound, not an estimate: the calibration says how human text scores, nothing says how machine text does"
_NOT_THE_HUMANS = (
    "more high p-values than any share of machine text explains: the humans of this corpus do not score like the "
    "calibration's, so nothing is claimed"
)


@dataclass(frozen=True)
class Share:
    """The share of the tested documents.

    Attributes:
        kind: `estimate` (of a share, with an interval), `upper bound` (nothing was seen) or `lower bound`.
        share: the estimate; NaN for a bound.
        low, high: the 95 % interval, in [0, 1].
        tested: documents it is a share of.
        note: what to know in one line; empty if nothing.
    """

    kind: Literal["estimate", "upper bound", "lower bound"]
    share: float
    low: float
    high: float
    tested: int
    note: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record, of six significant digits."""
        shown = {name: _six(getattr(self, name)) for name in ("share", "low", "high")}
        return {"kind": self.kind, **shown, "confidence": CONFIDENCE, "tested": self.tested, "note": self.note}


def marked_share(depths: I64, gamma: float, distinct: float = 1.0) -> Share | None:
    """Return the share of marked documents from a mark's (T, D) table; None if none was tested.

    `distinct` is the part of the documents that are not copies of others.

    Raises:
        ValueError: if gamma or distinct is not in (0, 1) or (0, 1].
    """
    if not 0.0 < gamma < 1.0:
        raise ValueError(f"gamma must be in (0, 1), got {gamma}")
    if not 0.0 < distinct <= 1.0:
        raise ValueError(f"distinct must be in (0, 1], got {distinct}")
    if not depths.any():
        return None
    mixture, best = fitted(depths, gamma, distinct)
    low, high = _end(mixture, best, -1.0), _end(mixture, best, 1.0)
    tested = int(depths.sum())
    if low == 0.0:
        return Share(
            "upper bound", math.nan, 0.0, high, tested, "no more detections than unmarked text alone would give"
        )
    return Share("estimate", best.share, low, high, tested)


def fitted(depths: I64, gamma: float, distinct: float = 1.0) -> tuple[Mixture, Fit]:
    """Return the mixture of a table that is not empty, with the cells weighted, and its best fit."""
    table = cells(depths, gamma)
    if table is None:
        raise ValueError("the table is empty: no document was tested")
    mixture = Mixture(table, distinct)
    best = _best(mixture)
    for _ in range(2):  # the weights of the cells come from a fit, and change it
        mixture.settle(best)
        best = _best(mixture, best)
    return mixture, best


def _best(mixture: Mixture, near: Fit | None = None) -> Fit:
    starts = [mixture.start(share) for share in _STARTS] + ([near.theta] if near else [])
    return min((mixture.fit(start) for start in starts), key=lambda fit: fit.deviance)


def rise(mixture: Mixture, best: Fit, share: float, near: Fit | None = None) -> Fit:
    """Return the best fit with the share held, from the fit nearest to it."""
    start = (near or best).theta.copy()
    old = mixture.share(start)
    start[: mixture.groups] += math.log(share / (1.0 - share)) - math.log(old / (1.0 - old))
    return mixture.fit(start, share)


def _end(mixture: Mixture, best: Fit, direction: float) -> float:
    """Return where the profile leaves the interval, going down (-1) or up (+1); 0 or 1 if it never does."""
    inside, step = best, 0.05
    if direction > 0.0 and best.share < _LEAST:
        inside = rise(mixture, best, 2.0 * _LEAST)
    while True:
        at = _odds(inside.share) + direction * step
        share = 1.0 / (1.0 + math.exp(-at))
        if not _LEAST < share < _MOST:
            return 0.0 if direction < 0 else 1.0
        outside = rise(mixture, best, share, inside)
        if outside.deviance - best.deviance > _CUT:
            break
        inside, step = outside, step * 1.7
    for _ in range(30):
        gap = abs(_odds(outside.share) - _odds(inside.share))
        if gap < _SLACK or abs(outside.deviance - best.deviance - _CUT) < 0.01:
            break
        middle = 1.0 / (1.0 + math.exp(-0.5 * (_odds(outside.share) + _odds(inside.share))))
        fit = rise(mixture, best, middle, inside)
        inside, outside = (fit, outside) if fit.deviance - best.deviance <= _CUT else (inside, fit)
    return outside.share


def _odds(share: float) -> float:
    share = min(max(share, 1e-12), 1.0 - 1e-12)
    return math.log(share / (1.0 - share))


def machine_share(p_values: I64, smallest_p: float | None, distinct: float = 1.0) -> Share | None:
    """Return a lower bound of the share of machine text from the (B,) histogram of a classifier's p-values.

    A share h of the tested is human and P[p > 1/2] >= about 1/2 among them, so h <= 2 #{p > 1/2} / n, with the
    Clopper-Pearson bound of both counts: of the corpus (copies counted once) and of the calibration, whose size is read
    off its smallest p.
    """
    from assay.detect.intervals import binomial_interval  # imported late: scipy

    tested = int(p_values.sum())
    if not tested:
        return None
    first = int(np.searchsorted(P_EDGES, _HALF))
    human = 1.0 - 10.0 ** -float(P_EDGES[first])  # of human texts, the share above the edge
    half = human
    if smallest_p:
        size = max(round(1.0 / smallest_p) - 1, 1)
        half = binomial_interval(round(human * size), size, CONFIDENCE).low
    evidence = max(round(tested * distinct), 1)
    above = round(int(p_values[:first].sum()) / tested * evidence)
    seen = binomial_interval(above, evidence, CONFIDENCE)
    low = max(0.0, 1.0 - seen.high / half) if half > 0.0 else 0.0
    if seen.low > human + (human - half):
        return Share("lower bound", math.nan, 0.0, 1.0, tested, _NOT_THE_HUMANS)
    return Share("lower bound", math.nan, low, 1.0, tested, _A_BOUND)


def _six(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
