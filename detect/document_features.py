"""What one forward pass says of a whole text: the numbers that the `embedded` classifier weighs.

All come from the fields of `LMScores`: levels (means, spreads, quantiles of the log-probability, rank, entropy), the published one-pass metrics, how the series of surprises
moves from token to token (autocorrelation; differences as in DivEye, Basani and Chen 2025, arXiv:2509.18880), the same by kind of token (beginnings of words, their
rest, punctuation, digits), windows of 32 tokens (how even the text is), and repetition.

Sums over few tokens are drawn to the text's own mean by `_PRIOR` tokens. The length of a text is no feature, but some know it: repetition over up to 256 tokens rises with it, and the least and most of windows go apart. A calibration by length has to
bear that.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .lm_scores import LMScores

F64 = NDArray[np.float64]

VERSION = "features-1"
FEWEST = 16
"""Fewest scored tokens that have features."""

REST, WORD, CAPITAL, MARK, DIGIT = range(5)
"""Kinds of tokens: inside a word, the beginning of a word in lower case or with a capital, punctuation and other signs, digits."""

_KINDS = ("rest", "word", "capital", "mark", "digit")
_WINDOW, _PRIOR, _REPEATS = 32, 5.0, 256
_RANKS = (1, 3, 10, 100, 1000)


def token_kinds(tokens: Sequence[str], word_start: str) -> NDArray[np.int8]:
    """Return (V,) int8, the kind of each token of a vocabulary in which `word_start` stands for a space before a word."""
    kinds = np.full(len(tokens), MARK, np.int8)
    for i, token in enumerate(tokens):
        word = token.removeprefix(word_start)
        if word[:1].isdigit():
            kinds[i] = DIGIT
        elif word[:1].isalpha():
            kinds[i] = REST if word == token else CAPITAL if word[0].isupper() else WORD
    return kinds


def document_features(scores: LMScores, kinds: NDArray[np.int8], n: int | None = None) -> dict[str, float]:
    """Return the features of a text, or of its first `n` scored tokens, by name; always the same names in the same order.

    Raises:
        ValueError: if fewer than `FEWEST` tokens are scored.
    """
    part = slice(scores.first, None if n is None else scores.first + n)
    x, entropy, variance, top = (
        field[part].astype(np.float64)
        for field in (scores.log_prob, scores.entropy, scores.sigma2, scores.top_log_prob)
    )
    if len(x) < FEWEST:
        raise ValueError(f"features need at least {FEWEST} scored tokens, got {len(x)}")
    ids, log_rank = scores.ids[part], np.log(np.maximum(scores.rank[part], 1).astype(np.float64))
    excess = x + entropy  # of the log-probability over what the model expects; its mean is Fast-DetectGPT's numerator
    z = excess / np.sqrt(variance + 0.1)
    found = {**_levels("log_prob", x, (5, 25, 50, 75, 95)), **_levels("z", z, (5, 25, 50, 75, 95))}
    found |= {**_levels("entropy", entropy, (10, 50, 90)), **_levels("excess", excess, ())}
    found |= {**_levels("log_rank", log_rank, ()), **_levels("top", top, ()), **_levels("gap", top - x, ())}
    found |= {f"rank <= {k}": float((log_rank <= np.log(k) + 1e-9).mean()) for k in _RANKS}
    found |= _published(x, entropy, variance, log_rank, top)
    found |= _movement(x, z, entropy)
    found |= _by_kind(kinds[ids], x, z, entropy)
    return {**found, **_evenness(x, z, entropy), **_repetition(ids)}


def _levels(name: str, values: F64, percentiles: tuple[int, ...]) -> dict[str, float]:
    found = {f"{name} mean": float(values.mean()), f"{name} sd": float(values.std())}
    if not percentiles:
        return found
    cuts = np.quantile(values, np.array(percentiles) / 100.0).tolist()
    return {**found, **{f"{name} {p} %": cut for p, cut in zip(percentiles, cuts, strict=True)}}


def _published(x: F64, entropy: F64, variance: F64, log_rank: F64, top: F64) -> dict[str, float]:
    """Return the published metrics with the text's own model as reference; Fast-DetectGPT without the root of the length."""
    spread = max(float(entropy.mean()), 0.01)
    return {
        "fast_detectgpt": float((x + entropy).mean() / np.sqrt(variance.mean() + 1e-3)),
        "binoculars": float(x.mean()) / spread,
        "dna_detectllm": float(x.mean() + top.mean()) / (2.0 * spread),
        "lrr": float(-x.mean() / (log_rank.mean() + 0.05)),
    }


def _movement(x: F64, z: F64, entropy: F64) -> dict[str, float]:
    """Return how the series goes from token to token."""
    steps = np.diff(x)
    centred = (z - z.mean()) / (z.std() + 1e-6)
    found = {
        "z skewness": float((centred**3).mean()),
        "log_prob kurtosis": float((((x - x.mean()) / (x.std() + 1e-6)) ** 4).mean()),
        "step": float(np.abs(steps).mean()),
        "step sd": float(steps.std()),
        "second step sd": float(np.diff(steps).std()),
        "entropy and log_prob": _correlation(entropy, x),
        "entropy lag 1": _correlation(entropy[1:], entropy[:-1]),
    }
    for lag in (1, 2, 4):
        found[f"z lag {lag}"] = _correlation(z[lag:], z[:-lag])
        found[f"log_prob lag {lag}"] = _correlation(x[lag:], x[:-lag])
    return found


def _correlation(a: F64, b: F64) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean() / (np.sqrt((a * a).mean() * (b * b).mean()) + 1e-6))


def _by_kind(kind: NDArray[np.int8], x: F64, z: F64, entropy: F64) -> dict[str, float]:
    counts = np.bincount(kind, minlength=len(_KINDS))
    found: dict[str, float] = {}
    for name, values, prior in (("z", z, 0.0), ("log_prob", x, x.mean()), ("entropy", entropy, entropy.mean())):
        sums = np.bincount(kind, values, minlength=len(_KINDS))
        means = (sums + _PRIOR * prior) / (counts + _PRIOR)
        found |= {f"{name} of {_KINDS[k]}": float(means[k]) for k in range(len(_KINDS))}
    found |= {f"share of {_KINDS[k]}": float(counts[k] / len(kind)) for k in range(len(_KINDS))}
    return {**found, "tokens a word": len(kind) / max(int(counts[WORD] + counts[CAPITAL]), 1)}


def _evenness(x: F64, z: F64, entropy: F64) -> dict[str, float]:
    """Return spread and extremes of the means of windows."""
    edges = np.linspace(0, len(x), max(len(x) // _WINDOW, 1) + 1).astype(np.int64)
    sizes, at = np.diff(edges), edges[:-1]
    found: dict[str, float] = {}
    for name, values in (("log_prob", x), ("z", z), ("entropy", entropy)):
        means = np.add.reduceat(values, at) / sizes
        found[f"windows' {name} sd"] = float(means.std())
        if name != "entropy":
            found |= {f"windows' {name} least": float(means.min()), f"windows' {name} most": float(means.max())}
    return found


def _repetition(ids: NDArray[np.int32]) -> dict[str, float]:
    """Return which share of the runs of 1, 2 and 3 tokens, of the first 256 tokens, has been there before."""
    tokens = ids[:_REPEATS].astype(np.int64)
    found: dict[str, float] = {}
    runs = tokens
    for length in (1, 2, 3):
        if length > 1:
            runs = np.unique(runs[:-1], return_inverse=True)[1] * 1_000_003 + tokens[length - 1 :]
        found[f"repeats of {length}"] = 1.0 - len(np.unique(runs)) / len(runs)
    return found
