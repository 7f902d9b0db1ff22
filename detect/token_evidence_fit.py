"""Fit `TokenEvidence`: logistic regression on the mean features of windows.

Both labels weigh the same, and within one a domain weighs as the root of its number of windows. Frequent tokens are those of the human texts, by their
mean share over domains, so that no topic of one domain enters the list. Give it human texts of many kinds and layouts: what sets
the collections of machine text apart from those of human text is learned otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from assay.errors import DataError
from assay.watermark.tokenizer import TextTokenizer
from numpy.typing import NDArray

from .fast_fit import balanced_weights
from .lm_scores import LMScores
from .token_evidence import FEATURES, WINDOW, TokenEvidence, counted_places, token_features

F64 = NDArray[np.float64]

SMALLEST = WINDOW // 2
"""Fewest tokens of a window, but for a text that has no more."""

_TOKEN_SCALE = 20.0  # shares of single tokens are small; this makes the penalty on them comparable


def letter_tokens(tokenizer: TextTokenizer) -> NDArray[np.bool_]:
    """Return (V,) bool: which tokens hold a letter, or a part of a character that may be one."""
    texts = (tokenizer.backend.decode([token], skip_special_tokens=True) for token in range(tokenizer.vocab_size))
    return np.array([any(c.isalpha() or c == "\ufffd" for c in text) for text in texts], np.bool_)


def fit_token_evidence(
    scores: Iterable[LMScores],
    machine: NDArray[np.bool_],
    domains: Sequence[str],
    *,
    counted: NDArray[np.bool_],
    n_tokens: int = 1000,
    strength: float = 0.1,
) -> TokenEvidence:
    """Return the evidence fitted on D documents.

    Args:
        scores: their fields, read once; documents without a finite window are left out.
        machine: (D,) bool, True for machine text.
        domains: (D,) names; texts of one domain share their weight.
        counted: (V,) bool, which tokens count: `letter_tokens`.
        n_tokens: how many frequent tokens have a weight of their own.
        strength: inverse of the regularisation (`C` of scikit-learn).

    Raises:
        DataError: if a label is missing altogether, or makes no difference.
        ValueError: if the numbers of documents, labels and domains differ.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    found = _windows(scores, counted)
    if not len(machine) == len(domains) == found.documents:
        raise ValueError(f"got {found.documents} documents, {len(machine)} labels and {len(domains)} domains")
    labels = machine[found.document]
    if labels.all() or not labels.any():
        have = "machine" if labels.any() else "human" if len(labels) else "no"
        raise DataError(f"training needs human and machine texts, got only {have} ones; check the label field")
    names: list[str] = np.array(domains, dtype=np.str_)[found.document].tolist()
    frequent = _frequent(found, labels, names, n_tokens)
    centre, spread = found.means.mean(0), found.means.std(0) + 1e-6
    shares: Any = found.shares[:, frequent] * _TOKEN_SCALE
    design: Any = sparse.hstack([sparse.csr_matrix((found.means - centre) / spread), shares]).tocsr()
    model: Any = LogisticRegression(C=strength, max_iter=300, tol=1e-4)
    weight = balanced_weights(labels, names)
    model.fit(design, labels, sample_weight=weight)
    log_odds: F64 = model.decision_function(design)
    human, ai = (float(np.average(log_odds[labels == one], weights=weight[labels == one])) for one in (False, True))
    if not ai > human:
        raise DataError("the human and machine texts given look alike to the language model; check the label field")
    coefficients: F64 = model.coef_[0]
    dense = coefficients[: len(FEATURES)] / spread
    by_token = np.zeros(len(counted), np.float32)
    by_token[frequent] = coefficients[len(FEATURES) :] * _TOKEN_SCALE / WINDOW
    offset = float(model.intercept_[0]) - float(centre @ dense) - (human + ai) / 2
    return TokenEvidence(dense / WINDOW, by_token, counted, offset / WINDOW, (ai - human) / 2 / WINDOW)


@dataclass(frozen=True)
class _Windows:
    """Windows of all documents.

    Attributes:
        document: (W,) int64, which document each is of.
        means: (W, F) float64, mean features.
        shares: (W, V) sparse, the share of each token among the window's.
        documents: how many documents were read.
    """

    document: NDArray[np.int64]
    means: F64
    shares: Any
    documents: int


def _windows(scores: Iterable[LMScores], counted: NDArray[np.bool_]) -> _Windows:
    from scipy import sparse

    document: list[int] = []
    means: list[F64] = []
    ids: list[NDArray[np.int32]] = []
    documents = 0
    for d, one in enumerate(scores):
        documents += 1
        places = counted_places(one, counted)
        features, tokens = token_features(one, places), one.ids[places]
        for start in range(0, max(len(tokens) - SMALLEST, 0) + 1, WINDOW):
            part = features[start : start + WINDOW]
            if len(part) and np.isfinite(part).all():
                document.append(d)
                means.append(part.mean(0))
                ids.append(tokens[start : start + WINDOW])
    sizes = np.array([len(window) for window in ids], np.int64)
    pointer = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    columns = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    shares: Any = sparse.csr_matrix(
        (np.repeat(1.0 / np.maximum(sizes, 1), sizes), columns, pointer), (len(ids), len(counted))
    )
    shares.sum_duplicates()
    stacked = np.stack(means) if means else np.zeros((0, len(FEATURES)))
    return _Windows(np.array(document, np.int64), stacked, shares, documents)


def _frequent(found: _Windows, labels: NDArray[np.bool_], names: Sequence[str], count: int) -> NDArray[np.int64]:
    """Return the ids of the `count` tokens with the largest mean share over the domains of the human windows, ascending."""
    domain, total = np.asarray(names, dtype=object), np.zeros(found.shares.shape[1])
    for name in sorted(set(names)):
        chosen = np.flatnonzero(~labels & (domain == name))
        if len(chosen):
            total += np.asarray(found.shares[chosen].mean(0)).ravel()
    best = np.argsort(-total, kind="stable")[:count]
    return np.sort(best[total[best] > 0])
