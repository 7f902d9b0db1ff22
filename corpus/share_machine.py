"""How much of a corpus is at least machine-made without a mark, by a classifier: a lower bound.

A classifier's null is a calibration set and the law of its scores on machine text is not known: p-values above 1/2 bound the
share of humans (J. Storey 2002, JRSS B 64), so only a LOWER bound of the share of machine text follows, if the corpus' humans score
like the calibration's. With machine references, `assay.detect.prevalence` gives an estimate.

Where nobody says of which of a calibration's groups a text is, its p is the largest over the groups: then more than half of the
humans have p > 1/2 by construction (about 70 % with the shipped calibrations). The bound holds all the same, further from the
truth. But it cannot be seen any more whether this corpus' humans score like the calibration's, and it is not tried.

It is of no use where a document's p was only asked for after another detector had looked (a cascade): p-values are selected there, and
not uniform for humans.
"""

import math

import numpy as np

from .share import CONFIDENCE, Share
from .tally_bins import I64, P_EDGES

_HALF = math.log10(2.0)
_A_BOUND = "a bound, not an estimate: the calibration says how human text scores, nothing says how machine text does"
_CAUTIOUS = f"{_A_BOUND}; it is far below the share, because the least favourable group of the calibration decides"
_NOT_THE_HUMANS = (
    "more high p-values than any share of machine text explains: the humans of this corpus do not score like the "
    "calibration's, so nothing is claimed"
)


def machine_share(p_values: I64, calibration_n: int | None, *, least_favourable: bool = False) -> Share | None:
    """Return a lower bound of the share of machine text from the (B,) histogram of a classifier's p-values; None without any.

    A share h of the tested is human and P[p > 1/2] >= about 1/2 among them, so h <= 2 #{p > 1/2} / n, with the
    Clopper-Pearson bound of both counts: of the corpus and of the calibration.

    Args:
        p_values: of documents that are no copies of each other.
        calibration_n: texts of the smallest group that documents are judged by; None for a null that is known.
        least_favourable: whether each p is the largest over the groups.
    """
    from assay.detect.intervals import binomial_interval  # imported late: scipy

    tested = int(p_values.sum())
    if not tested:
        return None
    first = int(np.searchsorted(P_EDGES, _HALF))
    human = 1.0 - 10.0 ** -float(P_EDGES[first])  # of human texts, the share above the edge
    half = human
    if calibration_n is not None:
        half = binomial_interval(round(human * calibration_n), calibration_n, CONFIDENCE).low
    seen = binomial_interval(int(p_values[:first].sum()), tested, CONFIDENCE)
    if not least_favourable and seen.low > human + (human - half):
        return Share("lower bound", math.nan, 0.0, 1.0, tested, _NOT_THE_HUMANS)
    low = max(0.0, 1.0 - seen.high / half) if half > 0.0 else 0.0
    return Share("lower bound", math.nan, low, 1.0, tested, _CAUTIOUS if least_favourable else _A_BOUND)
