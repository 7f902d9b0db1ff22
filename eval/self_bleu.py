"""Self-BLEU (Zhu et al. 2018, Texygen, arXiv:1802.01886): how much texts of one set are like each other; higher is less varied.

Each text is the hypothesis once, all others are its references; the mean over texts is self-BLEU. BLEU-4 (Papineni et al. 2002) with equal weights, clipped counts, the
brevity penalty for the reference nearest in length (the shorter of two), and 0.1 for the matches of an order that has none, which is Texygen's
smoothing (NLTK's method 1) and sacreBLEU's `floor`; a text of which no other has a single word is 0, as in both. Words are what white space divides.

All texts are done together: of each n-gram only the largest count in any text, and the second largest in another, matter, so the cost is that of counting. It grows with the number
of texts, so only sets of one size compare; callers draw a sample.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .ngrams import Ngrams, word_ngrams

F64, I64 = NDArray[np.float64], NDArray[np.int64]

ORDERS = 4
_SMOOTHING = 0.1


def self_bleu(texts: Sequence[str]) -> F64:
    """Return (D,) BLEU of each text against all others, 0 to 1; NaN for a text of fewer than four words, and for one text alone."""
    grams = word_ngrams(texts, ORDERS)
    lengths = grams[0].totals
    if len(texts) < 2:
        return np.full(len(texts), np.nan)
    logs, shares = np.zeros(len(texts)), _matches(grams[0]) > 0
    for one in grams:
        matches = _matches(one).astype(np.float64)
        totals = one.totals.astype(np.float64)
        logs += np.log(np.where(matches > 0, matches, _SMOOTHING) / np.maximum(totals, 1.0))
    nearest = _nearest_lengths(lengths)
    brevity = np.minimum(0.0, 1.0 - nearest / np.maximum(lengths, 1))
    return np.where(lengths >= ORDERS, shares * np.exp(logs / ORDERS + brevity), np.nan)


def _matches(grams: Ngrams) -> I64:
    """Return (D,) n-grams of each text that occur in another, each at most as often as in the other text that has most of it."""
    text, code, count = grams.counts()
    if not len(code):
        return np.zeros(grams.texts, np.int64)
    order = np.lexsort([-count, code])
    ordered = code[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[first, len(ordered)])
    kinds = int(code.max()) + 1
    most, runner_up, owner = (np.zeros(kinds, np.int64) for _ in range(3))
    most[ordered[first]], owner[ordered[first]] = count[order[first]], text[order[first]]
    several = first[sizes > 1]
    runner_up[ordered[several]] = count[order[several + 1]]
    elsewhere = np.where(owner[code] == text, runner_up[code], most[code])
    return np.bincount(text, np.minimum(count, elsewhere), grams.texts).astype(np.int64)


def _nearest_lengths(lengths: I64) -> I64:
    """Return (D,) the length nearest to each among the others, the shorter of two."""
    order = np.argsort(lengths, kind="stable")
    ordered = lengths[order]
    below = np.r_[ordered[:1] - np.iinfo(np.int32).max, ordered[:-1]]
    above = np.r_[ordered[1:], ordered[-1:] + np.iinfo(np.int32).max]
    found = np.empty_like(lengths)
    found[order] = np.where(ordered - below <= above - ordered, below, above)
    return found
