"""The floor that a classifier must beat: TF-IDF of words and pairs of words with logistic regression, fitted and judged as the others are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from assay.detect.classifier import ClassifierScores
from assay.detect.fast_fit import balanced_weights
from assay.detect.normalise import normalise
from numpy.typing import NDArray


class Tfidf:
    """Fitted on texts; scores them by log-odds."""

    def __init__(self, vectorizer: Any, model: Any) -> None:
        self._vectorizer, self._model = vectorizer, model

    @classmethod
    def prepare(cls, texts: Sequence[str]) -> list[str]:
        """Return the normalised texts."""
        return [normalise(text).text for text in texts]

    @classmethod
    def fit(
        cls,
        prepared: Sequence[str],
        labels: NDArray[np.bool_],
        groups: Sequence[str],
        rng: np.random.Generator,
        name: str,
    ) -> "Tfidf":
        """Fit with the same weights of texts as `fast` has."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        options: dict[str, Any] = {"ngram_range": (1, 2), "min_df": 3, "sublinear_tf": True, "max_features": 200_000}
        vectorizer: Any = TfidfVectorizer(**options, dtype=np.float32)  # pyright: ignore[reportArgumentType]
        rows = vectorizer.fit_transform(prepared)
        model: Any = LogisticRegression(C=10, max_iter=300, tol=1e-3)
        return cls(vectorizer, model.fit(rows, labels, sample_weight=balanced_weights(labels, groups)))

    def score_prepared(self, prepared: Sequence[str]) -> ClassifierScores:
        """Score normalised texts; lengths are characters."""
        scores = self._model.decision_function(self._vectorizer.transform(prepared))
        return ClassifierScores(np.asarray(scores, np.float64), np.array([len(text) for text in prepared], np.int64))
