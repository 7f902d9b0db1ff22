"""Exact confidence intervals for measured rates.

Source: C. J. Clopper and E. S. Pearson 1934 (Biometrika 26), in the form of beta quantiles. The interval covers the true
rate with at least the stated probability, whatever the rate; for small counts it is wider than needed, never narrower.
"""

from dataclasses import dataclass
from operator import index


@dataclass(frozen=True)
class Interval:
    """A range of rates that the data do not rule out; 0 <= low <= high <= 1."""

    low: float
    high: float

    def __contains__(self, rate: float) -> bool:
        return self.low <= rate <= self.high


def binomial_interval(k: int, n: int, confidence: float = 0.99) -> Interval:
    """Return the two-sided Clopper-Pearson interval of a rate seen as `k` of `n`.

    0 of 0 says nothing: the interval is 0 to 1.

    Raises:
        ValueError: if not 0 <= k <= n, or confidence is not in (0, 1).
        TypeError: if a count is not an integer.
    """
    from scipy.special import betainccinv, betaincinv  # imported late: scipy is slow to start

    k, n = index(k), index(n)
    if not 0 <= k <= n:
        raise ValueError(f"k must be from 0 to n, got {k} of {n}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betainccinv(k + 1, n - k, tail)) if k < n else 1.0  # the complement keeps the digits of a small tail
    return Interval(low, high)
