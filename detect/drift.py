"""Drift: do the scores at hand look like the calibration's humans plus a share of machine text.

If they do not, no p-value holds. If a share a of the documents is machine text whose scores are stochastically larger
than the humans', F = (1-a) H + a M <= H everywhere: machine text can only take away from the lower side. So too MANY
LOW scores cannot be explained by any share of machine text, only by other humans (another domain, shorter or noisier
text, another way of scoring). Two one-sided two-sample Smirnov tests:

* `all`: D = sup_s [F_seen(s) - F_human(s)] over all scores.
* `low`: the same among scores below the calibration median c. If the machine law has a monotone likelihood ratio
  against the humans' it is larger also below c, and F(. | s < c) <= H(. | s < c). Machine text above c drops out, so a
  drift is seen that half a crawl of machine text hides in the first test.

Both are exact at the edge of the hypothesis (no machine text, humans unchanged) and conservative inside it: given c,
the calibration scores below it are a sample of the humans below it. p is exact up to 4 million pairs of documents (a
count of lattice paths), beyond by the asymptotic law with Hodges' correction (J. L. Hodges 1958, Arkiv för Matematik
3, eq. 5.3); ties are conservative. The tests of all groups together are Bonferroni-corrected, so an alarm at level a is
false with probability at most a.

What it cannot see: humans whose scores are HIGHER than the calibration's look like machine text to this test and to
every other that does not know the machine's law (with reference machine text see `assay.detect.prevalence`), and so do
humans with fewer low scores. It needs independent documents: give one of each cluster.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from .calibration import Calibration
from .conformal import F64

ALARM = 1e-3
"""Level of the message."""

_EXACT = 4_000_000  # pairs of documents; 20 ms
_FEWEST = 5


@dataclass(frozen=True)
class Drift:
    """What the scores at hand say against the calibration.

    Attributes:
        statistic: largest excess of the seen over the calibration's distribution function, of the test that decided; a
            share of documents (for `low`, of those below the calibration median).
        p: corrected for all tests made; 1.0 if none could be made.
        n_tests: how many were made.
        test: which decided, `all` or `low`.
        group: index of the calibration group that decided; 0 for a single one.
        n_calibration, n_seen: documents compared in it.
        at: the score at which the excess is largest.
        message: what to tell the user, in one line; empty unless p <= the alarm level.
    """

    statistic: float
    p: float
    n_tests: int
    test: Literal["all", "low", ""]
    group: int
    n_calibration: int
    n_seen: int
    at: float
    message: str


@dataclass(frozen=True)
class _Excess:
    statistic: float
    p: float
    at: float
    n_calibration: int
    n_seen: int


def drift(calibration: ArrayLike, seen: ArrayLike, alarm: float = ALARM) -> Drift:
    """Return the drift of `seen` (m,) against human scores `calibration` (n,); what is not finite is left out."""
    return _decide([(np.asarray(calibration, np.float64), np.asarray(seen, np.float64))], alarm)


def group_drift(
    calibration: Calibration,
    scores: ArrayLike,
    lengths: ArrayLike,
    labels: Sequence[str] | None = None,
    alarm: float = ALARM,
) -> Drift:
    """Return the drift of D documents within the calibration's groups; documents outside them are left out.

    Raises:
        BadCalibration: if the calibration has labels and none were given.
        ValueError: if the shapes differ.
    """
    values = np.asarray(scores, np.float64)
    group, _ = calibration.assign(lengths, labels)
    return _decide([(g.null.all_scores(), values[group == i]) for i, g in enumerate(calibration.groups)], alarm)


def _decide(pairs: Sequence[tuple[F64, F64]], alarm: float) -> Drift:
    """Return the smallest p of both tests of all pairs, Bonferroni-corrected."""
    found: list[tuple[int, Literal["all", "low"], _Excess]] = []
    for i, (human, seen) in enumerate(pairs):
        human, seen = np.sort(human[np.isfinite(human)]), np.sort(seen[np.isfinite(seen)])
        if min(len(human), len(seen)) < _FEWEST:
            continue
        found.append((i, "all", _excess(human, seen)))
        median = human[len(human) // 2]
        below_human, below_seen = human[: np.searchsorted(human, median)], seen[: np.searchsorted(seen, median)]
        if min(len(below_human), len(below_seen)) >= _FEWEST:
            found.append((i, "low", _excess(below_human, below_seen)))
    if not found:
        return Drift(math.nan, 1.0, 0, "", 0, 0, 0, math.nan, "")
    group, test, best = min(found, key=lambda f: f[2].p)
    p = min(1.0, best.p * len(found))
    message = _message(best, test, p) if p <= alarm else ""
    return Drift(best.statistic, p, len(found), test, group, best.n_calibration, best.n_seen, best.at, message)


def _excess(human: F64, seen: F64) -> _Excess:
    """Return the one-sided two-sample Smirnov test of sorted samples, (n,) and (m,)."""
    n, m = len(human), len(seen)
    # F_seen - F_human is largest just below a human score, or at the last seen one.
    below = np.searchsorted(seen, human, side="left") / m - np.searchsorted(human, human, side="left") / n
    i = int(below.argmax())
    statistic, at = max(float(below[i]), 0.0), float(human[i])
    if n * m <= _EXACT:
        return _Excess(statistic, float(_smirnov_sf(statistic, n, m)), at, n, m)
    small, large = sorted((n, m))
    z = math.sqrt(n * m / (n + m)) * statistic
    hodges = 2.0 * z * (large + 2.0 * small) / math.sqrt(n * m * (n + m)) / 3.0
    return _Excess(statistic, min(1.0, math.exp(-2.0 * z * z - hodges)), at, n, m)


def _message(best: _Excess, test: str, p: float) -> str:
    which = "its scores" if test == "all" else "its scores below the calibration median"
    return (
        f"the text at hand is not the calibration's humans plus machine text (p = {p:.1g}): "
        f"{best.statistic:.0%} too many of {which} lie below {best.at:.3g}, where machine text cannot put them; "
        "its p-values and shares do not hold; calibrate on human text like it"
    )


@njit(cache=True)
def _smirnov_sf(statistic: float, n: int, m: int) -> float:
    """Return P[sup (F_seen - F_human) >= statistic] for n human and m seen scores in random order, without ties.

    reached[j] is the chance that i seen and j human scores in random order have met the statistic on the way; the last
    of the i + j is a seen one with probability i / (i + j). No differences are taken, so small tails keep their digits.
    """
    bound = statistic - 1e-12
    reached = np.zeros(n + 1)
    for i in range(m + 1):
        for j in range(n + 1):
            if i / m - j / n >= bound:
                reached[j] = 1.0
            elif i + j:
                before = reached[j - 1] if j else 0.0
                reached[j] = (i * reached[j] + j * before) / (i + j)
    return reached[n]
