"""How much of a corpus is machine text: an interval from scores, and the alarm for when it must not be believed.

Counting documents above a threshold reads false positives as machine text. Instead the histogram O of the scores seen
is written as (1 - a) P + a Q, with P and Q the histograms of reference humans and reference machine text (the
quantification problem: G. Forman 2008, Data Mining and Knowledge Discovery 17; M. Saerens et al. 2002 give the EM for
it). The share a is found by weighted least squares and not by EM: it is as efficient, has no edge at 0 and 1 for the
bootstrap to bend around, and the noise of P and Q, which pulls a towards the middle when the detector is weak, can be
subtracted (errors in variables, W. Fuller 1987, Measurement Error Models).

The interval is a percentile bootstrap over clusters of all three samples, cut to [0, 1], and never narrower at 0 than
what no machine text among so many documents allows (Clopper-Pearson): a bootstrap cannot draw what was not seen. It
covers sampling only. That the reference texts are like the corpus' own humans and machines is assumed, and tested as
far as it can be:

* misfit: O - (1 - a) P - a Q, cumulated over the bins, against its own centred bootstrap.
* drift: too many low scores for any share of machine text (`assay.detect.drift`), on one document a cluster.

Neither sees humans that have moved exactly towards the machine's scores. A second estimator from other evidence
(`assay.detect.occurrence`) and `compare` are for that.
"""

import math
from dataclasses import dataclass

import numpy as np
from assay.errors import DataError

from .clusters import F64, ScoredSample, cluster_counts, one_per_cluster, resample, share_variance
from .drift import drift
from .intervals import binomial_interval

N_BINS = 12
ALARM = 0.05
"""Level of the alarm, misfit and drift together: a false one costs a second look, a missed one a false claim."""

_FEWEST = 20
_ROUNDS = 4
_LEAST_SIGNAL = 0.1
_NO_DIFFERENCE = (
    "the scores of the human and the machine reference do not differ beyond their noise, so no share can be told; "
    "use another detector or more reference texts"
)


@dataclass(frozen=True)
class Prevalence:
    """The share of machine text in a corpus.

    Attributes:
        method: `scores` or `words`.
        share: estimate, in [0, 1].
        low, high: its interval.
        confidence: chance that the interval covers the share, if the references are like the corpus.
        standard_error: of the estimate, before it is cut to [0, 1].
        n, n_clusters: documents of the corpus, and how many of them are independent.
        misfit_p: chance of a misfit this large if the corpus is a mixture of the references.
        drift_p: chance of so many low scores, whatever the share.
        message: why the share must not be believed, in one line; empty if nothing speaks against it.
    """

    method: str
    share: float
    low: float
    high: float
    confidence: float
    standard_error: float
    n: int
    n_clusters: int
    misfit_p: float
    drift_p: float
    message: str


@dataclass(frozen=True)
class Comparison:
    """Whether two estimates of one share agree.

    Attributes:
        difference: first less second.
        p: two-sided, by the normal law with both errors as if independent (they share the corpus, so p is a little too
            large).
        message: in one line; empty unless p <= the alarm level.
    """

    difference: float
    p: float
    message: str


@dataclass(frozen=True)
class _Histogram:
    """A sample's bins.

    Attributes:
        share: (K,) float64, sums to 1.
        smooth: (K,) the same with half a document added to each bin, for weights: never 0.
        variance: (K,) of `share`, clusters being independent.
        noise: variance of a share p per p (1 - p).
        boot: (B, K) bootstrap shares.
    """

    share: F64
    smooth: F64
    variance: F64
    noise: float
    boot: F64


def score_share(
    human: ScoredSample,
    machine: ScoredSample,
    seen: ScoredSample,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    n_boot: int = 1000,
    alarm: float = ALARM,
    method: str = "scores",
) -> Prevalence:
    """Return the share of machine text among the documents seen.

    Args:
        human: scores of reference humans, not those any threshold or classifier was fitted on.
        machine: scores of reference machine text, by generators and in domains like the corpus'.
        seen: scores of the corpus.
        rng: of the bootstrap.
        confidence: of the interval.
        n_boot: bootstrap samples.
        alarm: level of the alarm.
        method: name for the record.

    Raises:
        DataError: if a sample has fewer than 20 clusters, or the detector does not tell the references apart.
        ValueError: if confidence is not in (0, 1).
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    for name, sample in (("human reference", human), ("machine reference", machine), ("corpus", seen)):
        if sample.n_clusters < _FEWEST:
            raise DataError(f"the {name} has {sample.n_clusters} independent documents, expected at least {_FEWEST}")
    edges = _edges(human, machine)
    if not len(edges):
        raise DataError(_NO_DIFFERENCE)
    p, q, o = (_histogram(sample, edges, n_boot, rng) for sample in (human, machine, seen))
    solution, signal = _solve(o.share, p, q, o, p.share, q.share)
    if signal < _LEAST_SIGNAL:
        raise DataError(_NO_DIFFERENCE)
    share = float(solution)
    shares = _solve(o.boot, p, q, o, p.boot, q.boot)[0]
    misfit_p = _misfit(o, p, q, share, shares)
    low, high = np.clip(np.quantile(shares, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]), 0.0, 1.0)
    unseen = binomial_interval(0, seen.n_clusters, confidence).high
    single = [sample.scores[one_per_cluster(sample.clusters, rng)] for sample in (human, seen)]
    drift_p = drift(single[0], single[1]).p
    return Prevalence(
        method=method,
        share=min(max(share, 0.0), 1.0),
        low=min(float(low), 1.0 - unseen),
        high=max(float(high), unseen),
        confidence=confidence,
        standard_error=float(shares.std(ddof=1)),
        n=len(seen.scores),
        n_clusters=seen.n_clusters,
        misfit_p=misfit_p,
        drift_p=drift_p,
        message=_message(misfit_p, drift_p, alarm),
    )


def compare(first: Prevalence, second: Prevalence, alarm: float = ALARM) -> Comparison:
    """Return whether two estimates of the share of one corpus agree."""
    difference = first.share - second.share
    error = math.hypot(first.standard_error, second.standard_error)
    p = math.erfc(abs(difference) / error / math.sqrt(2.0)) if error else float(difference == 0.0)
    message = ""
    if p <= alarm:
        message = (
            f"two estimates of the share disagree ({first.method} {first.share:.1%}, {second.method} "
            f"{second.share:.1%}, p = {p:.1g}): at least one reference is not like the corpus; believe neither"
        )
    return Comparison(difference, p, message)


def _edges(human: ScoredSample, machine: ScoredSample) -> F64:
    """Return ascending inner edges of about equally full bins of both references, each counting half."""
    n_bins = min(N_BINS, max(4, min(human.n_clusters, machine.n_clusters) // 8))
    grid = np.linspace(0.0, 1.0, 2001)
    both = np.concatenate([np.quantile(human.scores, grid), np.quantile(machine.scores, grid)])
    edges = np.unique(np.quantile(both, np.linspace(0.0, 1.0, n_bins + 1)[1:-1]))
    return edges[edges > both.min()]


def _histogram(sample: ScoredSample, edges: F64, n_boot: int, rng: np.random.Generator) -> _Histogram:
    bins = np.searchsorted(edges, sample.scores, side="right").astype(np.int64)
    counts = cluster_counts(bins, sample.clusters, len(edges) + 1, rng)
    total, variance = counts.sum(0), share_variance(counts)
    smooth = (total + 0.5) / (total.sum() + 0.5 * len(total))
    noise = float(variance.sum() / (smooth * (1.0 - smooth)).sum())
    boot = resample(counts, n_boot, rng)
    return _Histogram(total / total.sum(), smooth, variance, noise, boot / boot.sum(-1, keepdims=True))


def _solve(seen: F64, p: _Histogram, q: _Histogram, o: _Histogram, human: F64, machine: F64) -> tuple[F64, float]:
    """Return the share for each row of `seen`, `human`, `machine` (..., K), and the least share of signal in them.

    Weights come from the fitted mixture of the smoothed references, the same for all rows, and not from each bin's own
    variance: a bin that happens to be empty would otherwise weigh most, and pull the share down.
    """
    difference = machine - human
    share: F64 = np.full(seen.shape[:-1], 0.5)
    clean = np.inf
    for _ in range(_ROUNDS):
        a = np.clip(share, 0.0, 1.0)[..., None]
        variance = o.noise * ((1 - a) * p.smooth + a * q.smooth)
        variance = variance + p.noise * (1 - a) ** 2 * p.smooth + q.noise * a**2 * q.smooth
        raw = (difference**2 / variance).sum(-1)
        signal = raw - ((p.variance + q.variance) / variance).sum(-1)
        clean = float((signal / raw).min())
        moment = (difference * (seen - human) / variance).sum(-1) - (p.variance / variance).sum(-1)
        share = moment / np.maximum(signal, _LEAST_SIGNAL * raw)
    return share, clean


def _misfit(o: _Histogram, p: _Histogram, q: _Histogram, share: float, shares: F64) -> float:
    """Return the p of the cumulated residual, squares over variance summed, against its own centred bootstrap."""
    residual = np.cumsum(o.share - p.share - share * (q.share - p.share))[:-1]
    boot = np.cumsum(o.boot - p.boot - shares[:, None] * (q.boot - p.boot), axis=-1)[:, :-1]
    weight = 1.0 / (boot.var(axis=0) + 1e-12)
    seen, null = (residual**2 * weight).sum(), ((boot - residual) ** 2 * weight).sum(-1)
    return float((1 + (null >= seen).sum()) / (len(null) + 1))


def _message(misfit_p: float, drift_p: float, alarm: float) -> str:
    if 2.0 * min(misfit_p, drift_p) > alarm:
        return ""
    what = (
        "scores lower than the reference humans allow"
        if drift_p < misfit_p
        else "scores that fit no share of the references"
    )
    return (
        f"the corpus is not a mixture of the reference texts ({what}, p = {2 * min(misfit_p, drift_p):.1g}): "
        "do not believe the share; take reference texts of the corpus' own domain, humans from before 2022"
    )
