"""Fit the `fast` classifier: logistic regression on style features of crops.

Every text gives one crop of 64, 128 or 256 words (or all of it), so that length says nothing. Within each label, a domain of n texts weighs as the root
of n: large collections count more than small ones, and none rules. The list of frequent words is made from the human texts, by their mean
share over domains.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .fast import FastClassifier
from .style import WordList, style_matrix

CROPS = (64, 128, 256)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def fit_fast(
    texts: Sequence[str],
    labels: NDArray[np.bool_],
    domains: Sequence[str],
    rng: np.random.Generator,
    name: str = "fast",
    n_words: int = 2000,
    bits: int = 18,
    strength: float = 0.5,
) -> FastClassifier:
    """Return a classifier fitted on `texts`.

    Args:
        texts: D documents, normalised.
        labels: (D,) bool, True for machine text.
        domains: D names; texts of one domain share their weight.
        rng: draws the crops.
        name: what to call it.
        n_words: length of the list of frequent words.
        bits: log2 of the number of features.
        strength: inverse of the regularisation (`C` of scikit-learn).

    Raises:
        DataError: if a label is missing altogether.
    """
    from sklearn.linear_model import LogisticRegression

    labels = np.asarray(labels, np.bool_)
    if labels.all() or not labels.any():
        found = "machine" if labels.any() else "human" if len(labels) else "no"
        raise DataError(f"training needs human and machine texts, got only {found} ones; check the label field")
    crops = [crop(text, int(rng.choice(CROPS)), rng) for text in texts]
    words = frequent_words(
        [text for text, machine in zip(crops, labels, strict=True) if not machine],
        [domain for domain, machine in zip(domains, labels, strict=True) if not machine],
        n_words,
    )
    features, _ = style_matrix(crops, WordList.of(words), bits)
    model: Any = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
    model.fit(features, labels, sample_weight=balanced_weights(labels, domains))
    weights = model.coef_[0].astype(np.float16).astype(np.float32)
    fitted: dict[str, Any] = {
        "texts": len(texts),
        "machine": int(labels.sum()),
        "domains": len(set(domains)),
        "crops": list(CROPS),
        "strength": strength,
    }
    return FastClassifier(name, fitted, WordList.of(words), weights, float(model.intercept_[0]))


def crop(text: str, n_words: int, rng: np.random.Generator) -> str:
    """Return `n_words` consecutive words of `text` from a random place, with what is between them; all of it if it is shorter."""
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    if len(starts) <= n_words:
        return text
    first = int(rng.integers(len(starts) - n_words + 1))
    stop = starts[first + n_words] if first + n_words < len(starts) else len(text)
    return text[starts[first] : stop].rstrip()


def frequent_words(texts: Sequence[str], domains: Sequence[str], count: int) -> list[str]:
    """Return the `count` words with the largest mean share over domains, in that order; ties alphabetically."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, domain in zip(texts, domains, strict=True):
        counts[domain].update(word.lower() for word in _WORD.findall(text.replace("\u2019", "'")))
    shares: Counter[str] = Counter()
    for words in counts.values():
        total = words.total()
        for word, n in words.items():
            shares[word] += n / total  # pyright: ignore[reportArgumentType] (a Counter of shares)
    return sorted(shares, key=lambda word: (-shares[word], word))[:count]


def balanced_weights(labels: NDArray[np.bool_], domains: Sequence[str]) -> NDArray[np.float64]:
    """Return (D,) weights of mean 1: both labels weigh the same, and within one a domain weighs as the root of its size."""
    names = np.asarray(domains, dtype=object)
    weights = np.zeros(len(labels))
    for label in (False, True):
        for domain in sorted(set(domains)):
            chosen = (labels == label) & (names == domain)
            if chosen.any():
                weights[chosen] = chosen.sum() ** -0.5
        weights[labels == label] /= weights[labels == label].sum()
    return weights * len(labels) / 2
