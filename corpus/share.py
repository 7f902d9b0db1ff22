"""How much of a corpus is marked, with a 95 % interval.

A mark's null law is known. `marked_share` corrects for both of the detector's errors: false alarms by the null, and marked
documents that were missed, because they are short or their mark is weak, by the law of the green rate among marked
documents, estimated from the corpus itself (`share_fit`). It is the share of text that is marked throughout, and equally
strongly at all lengths. Where that is not so it is too low, and the interval does not hold the truth (`bench/scan_share.json`,
"known failures"): pages of which 5 to 50 % are marked, since their green rates reach down to where nothing is told from
unmarked text; and short texts that are marked more weakly than long ones. Assumed as well, and not tested: that the share
changes smoothly with length, which decides for documents too short to tell; that documents are independent, which near
copies are not (exact ones are counted once where they matter, `tally_distinct`). Not counted: documents without a test
(abstained). What no fit can tell from a weak mark is unmarked text of which a part suits the key far better than the rest:
with a tenth of the documents 0.02 above gamma no share is seen, at 0.05 above 0.4 % is (tables, code, boilerplate; leave
their shared sequences out).

The interval is the profile likelihood's, as if the documents were a draw of a larger corpus (a superpopulation interval), so for
the share among the documents at hand it is conservative: it holds nearly always, not 95 times of 100. From below it is cut
by what needs no fit and is of the documents at hand: K of N have p <= 0.025 / N, which by chance alone even one has with a
probability of at most 0.025 over keys, so K / N of them are marked. From above it is at least the Clopper-Pearson limit of K of N,
since the profile's chi-square law is too narrow beside 0. Where K = 0 and the fit sees nothing, `low` is 0 and `high` is what the
corpus' lengths leave room for.

A classifier's share is another matter: `share_machine`.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .share_cells import cells
from .share_fit import Fit, Mixture
from .tally_bins import DEPTH_EDGES, I64

CONFIDENCE = 0.95
_CUT = 3.841458820694124  # chi-square with one degree of freedom at 0.95
_STARTS = (1e-4, 1e-2, 0.2)
_LEAST, _MOST = 1e-9, 1.0 - 1e-6
_SLACK = 1e-4
_SURE = 0.025  # chance over keys that a document counted as surely marked is not
_NOTHING_SAID = 0.5  # a bound above it bounds nothing
_ASSUMED = "too low where pages are marked in part, or short texts more weakly than long ones"
_NOTHING = "no more than unmarked text may give by chance"
_TOO_FEW = "too few documents, or too short ones, to say"

Kind = Literal["estimate", "upper bound", "lower bound", "too few"]


@dataclass(frozen=True)
class Share:
    """The share of the tested documents.

    Attributes:
        kind: `estimate` (of a share, with an interval), `upper bound` (nothing was seen), `too few` (nothing was seen, and the bound is
            above a half) or `lower bound`.
        share: the estimate; NaN for a bound.
        low, high: the 95 % interval, in [0, 1].
        tested: documents it was read off.
        note: what to know in one line; empty if nothing.
    """

    kind: Kind
    share: float
    low: float
    high: float
    tested: int
    note: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record, of six significant digits."""
        shown = {name: _six(getattr(self, name)) for name in ("share", "low", "high")}
        return {"kind": self.kind, **shown, "confidence": CONFIDENCE, "tested": self.tested, "note": self.note}


def marked_share(depths: I64, gamma: float, *, sampled: bool = False) -> Share | None:
    """Return the share of marked documents from a mark's (T, D) table; None if none was tested.

    `sampled`: the table is of a random sample of the documents that the share is of, so the floor has the sample's error too.

    Raises:
        ValueError: if gamma is not in (0, 1).
    """
    from assay.detect.intervals import binomial_interval  # imported late: scipy

    if not 0.0 < gamma < 1.0:
        raise ValueError(f"gamma must be in (0, 1), got {gamma}")
    if not depths.any():
        return None
    mixture, best = fitted(depths, gamma)
    tested, sure = int(depths.sum()), surely_marked(depths)
    limits = binomial_interval(sure, tested, CONFIDENCE)
    floor = limits.low if sampled else sure / tested
    low, high = max(_end(mixture, best, -1.0), floor), max(_end(mixture, best, 1.0), limits.high)
    if low > 0.0:
        share = max(best.share, floor)
        return Share("estimate", share, low, max(high, share), tested, _ASSUMED)
    if high > _NOTHING_SAID:
        return Share("too few", math.nan, 0.0, high, tested, _TOO_FEW)
    return Share("upper bound", math.nan, 0.0, high, tested, _NOTHING)


def surely_marked(depths: I64) -> int:
    """Return how many documents of a (T, D) table have p <= 0.025 / N, as far as the bins tell: never one more.

    The table's p is the randomised one, which is valid as the exact one is; a copied document counts as often as it is there, which
    makes no chance larger.
    """
    least = math.log10(float(depths.sum()) / _SURE)
    return int(depths[:, int(np.searchsorted(DEPTH_EDGES, least)) :].sum())


def fitted(depths: I64, gamma: float) -> tuple[Mixture, Fit]:
    """Return the mixture of a table that is not empty, with the cells weighted, and its best fit."""
    table = cells(depths, gamma)
    if table is None:
        raise ValueError("the table is empty: no document was tested")
    mixture = Mixture(table)
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


def _six(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
