"""Repetition within texts, and how varied many texts are.

* seq-rep-n (Welleck et al. 2020, arXiv:1908.04319): the share of a text's n-grams that are repeats, 1 - distinct / all.
* log-diversity (Kirchenbauer et al. 2024, arXiv:2306.04634): -log(1 - D) with D = prod over n = 2, 3, 4 of (1 - seq-rep-n), the diversity of Su et al. 2022 (arXiv:2202.06417) and Li
  et al. 2023 (arXiv:2210.15097).
* unrepeated: whether a text repeats no pair, triple or four of words at all, so that its seq-rep-n say no more than how long it is.
* distinct-n (Li et al. 2016, arXiv:1510.03055): distinct n-grams of many texts over all their n-grams. It falls with the number of words, so compare equal amounts.

Words are what white space divides, as in the watermark study's code; Welleck et al. count their model's tokens.

Deviations of log-diversity from the study:

* Of a text that repeats nothing 1 - D is 0, and its logarithm infinite. The study's code takes 1 - D as e**-20 at least. Then a text without a repeat weighs 20 in a mean in which one
  with a single repeat weighs about 5, and the mean says little but how many texts repeat nothing. Here seq-rep-n is (repeats + 1/2) / (n-grams + 1), half a count of what a text of
  that length can show (the prior of Jeffreys), in log-diversity alone. So it rises with the length of texts: compare equal amounts. `unrepeated` stands beside it.
* That code (`metrics/repetition_diversity.py` of lm-watermarking) divides seq-rep-n by 100 although it is a share there, not a percentage, and leaves out each text's last n-gram. So its
  published values are of another quantity, about log 100 = 4.6 higher where little repeats.

`as_published` gives what the code computes, its cap included.

The interval of distinct-n is a jackknife over clusters: bootstrap samples hold texts twice, which lowers it by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ngrams import Ngrams, word_ngrams

F64, I64 = NDArray[np.float64], NDArray[np.int64]

_PUBLISHED_CAP = 20.0
_NORMAL_975 = 1.959963984540054


def repetition(texts: Sequence[str], most: int = 4) -> F64:
    """Return (most - 1, D) seq-rep-n of each text for n from 2 on; NaN for a text of fewer than n words."""
    rows = [_repeated(one) for one in word_ngrams(texts, most)[1:]]
    return np.stack(rows) if rows else np.zeros((0, len(texts)))


def log_diversity(texts: Sequence[str], *, as_published: bool = False) -> F64:
    """Return (D,) log-diversity of each text, from about 0 (it says one thing) up; NaN for a text of fewer than four words.

    A text of N words that repeats nothing has about log(N / 1.5). With `as_published` it is what the study's code computes (five words at least, 20 at most), not what its paper says.
    """
    if as_published:
        return _published(texts)
    diversity = np.prod([1.0 - _resolved(one) for one in word_ngrams(texts, 4)[1:]], axis=0)
    return -np.log(1.0 - diversity)


def unrepeated(texts: Sequence[str]) -> F64:
    """Return (D,) 1 for each text that repeats no pair, triple or four of words, 0 for the others; NaN for a text of fewer than four words."""
    rows = repetition(texts)
    return np.where(np.isnan(rows).any(axis=0), np.nan, (rows == 0.0).all(axis=0))


@dataclass(frozen=True)
class Distinct:
    """distinct-n of many texts.

    Attributes:
        value: the share.
        without: (C,) the same without each cluster in turn.
    """

    value: float
    without: F64


def distinct(texts: Sequence[str], clusters: I64, n_clusters: int, most: int = 3) -> list[Distinct]:
    """Return distinct-n of texts together for n from 1 to `most`.

    Args:
        texts: D texts.
        clusters: (D,) int64 from 0, which cluster each belongs to.
        n_clusters: C.
        most: largest n.
    """
    return [_distinct(one, clusters, n_clusters) for one in word_ngrams(texts, most)]


def jackknife(value: float, without: F64) -> tuple[float, float]:
    """Return the 95 % interval of a value from its values without each cluster: normal, Tukey's variance; NaN for fewer than two clusters."""
    n = len(without)
    if n < 2 or not np.isfinite(without).all():
        return float("nan"), float("nan")
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return value - _NORMAL_975 * error, value + _NORMAL_975 * error


def _repeated(grams: Ngrams) -> F64:
    totals = grams.totals.astype(np.float64)
    return np.where(totals > 0, 1.0 - grams.distinct() / np.maximum(totals, 1.0), np.nan)


def _resolved(grams: Ngrams) -> F64:
    """Return (D,) seq-rep-n with half a repeat more, of one n-gram more: never 0 or 1; NaN without n-grams."""
    totals = grams.totals.astype(np.float64)
    return np.where(totals > 0, (totals - grams.distinct() + 0.5) / (totals + 1.0), np.nan)


def _published(texts: Sequence[str]) -> F64:
    diversity = np.ones(len(texts))
    for grams in word_ngrams(texts, 4)[1:]:
        is_last = np.ones(len(grams.text), np.bool_)
        is_last[:-1] = grams.text[1:] != grams.text[:-1]
        kept = Ngrams(grams.n, grams.text[~is_last], grams.code[~is_last], grams.texts)
        diversity *= 1.0 - _repeated(kept) / 100.0
    return -np.log(np.maximum(1.0 - diversity, np.exp(-_PUBLISHED_CAP)))


def _distinct(grams: Ngrams, clusters: I64, n_clusters: int) -> Distinct:
    cluster = clusters[grams.text]
    total = np.bincount(cluster, minlength=n_clusters).astype(np.float64)
    if not len(cluster):
        return Distinct(float("nan"), np.full(n_clusters, np.nan))
    held = np.unique(np.stack([grams.code, cluster]), axis=1)  # (2, P) which cluster has which n-gram
    holders = np.bincount(held[0])
    alone = np.bincount(held[1], (holders[held[0]] == 1).astype(np.float64), n_clusters)
    kinds = float((holders > 0).sum())
    rest = total.sum() - total
    without = np.where(rest > 0, (kinds - alone) / np.maximum(rest, 1.0), np.nan)
    return Distinct(kinds / float(total.sum()), without)
