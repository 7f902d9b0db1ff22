"""The classifier for every document of a crawl: a linear function of style features (`style.py`), thousands of texts a second on one core.

It reads no model and knows little: what it is for is to leave few documents to a dearer one. Its scores are log-odds under the mixture that it
was fitted on and mean nothing without a calibration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .calibration import Setting
from .classifier import Arrays, ClassifierScores, register_classifier
from .normalise import VERSION as NORMALISER
from .normalise import normalise
from .style import VERSION as STYLE
from .style import WordList, style_scores

MAX_CHARS = 6000
"""Characters of a normalised text that are read, some 1,000 words; the rest has no say. A calibration need not know longer texts."""


@register_classifier("fast")
@dataclass(frozen=True)
class FastClassifier:
    """Weights of hashed style features.

    Attributes:
        name: what it is called in records.
        fitted: how it was fitted, for people.
        words: the frequent words that features may show.
        weights: (2**bits,) float32.
        bias: added to every score.
    """

    kind: ClassVar[str] = "fast"
    summary: ClassVar[str] = "hashed runs of frequent words, word endings and punctuation; linear; no language model"
    length_unit: ClassVar[str] = "characters"
    most: ClassVar[int] = MAX_CHARS

    name: str
    fitted: dict[str, Any]
    words: WordList
    weights: NDArray[np.float32]
    bias: float

    @classmethod
    def prepare(cls, texts: Sequence[str]) -> list[str]:
        """Return the normalised texts, as far as they are read."""
        return [normalise(text).text[:MAX_CHARS] for text in texts]

    @classmethod
    def fit(
        cls,
        prepared: Sequence[str],
        labels: NDArray[np.bool_],
        groups: Sequence[str],
        rng: np.random.Generator,
        name: str = "fast",
    ) -> "FastClassifier":
        """Fit with the defaults of `fast_fit.fit_fast`, which has the details."""
        from .fast_fit import fit_fast

        return fit_fast(prepared, labels, groups, rng, name)

    @property
    def normaliser(self) -> str:
        """Version of the normaliser."""
        return NORMALISER

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """Empty: no language model reads the text."""
        return {}

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts after normalising them; a text without a word, number or mark has no score."""
        return self.score_prepared(self.prepare(texts))

    def score_prepared(self, prepared: Sequence[str]) -> ClassifierScores:
        """Score normalised texts."""
        scores, tokens = style_scores(list(prepared), self.words, self.weights)
        lengths = np.array([len(text) for text in prepared], np.int64)
        return ClassifierScores(np.where(tokens > 0, scores.astype(np.float64) + self.bias, np.nan), lengths)

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return plain values and arrays; weights keep float16 precision, which training rounds to."""
        values = {
            "style": STYLE,
            "normaliser": NORMALISER,
            "max_chars": MAX_CHARS,
            "bias": self.bias,
            "words": list(self.words.words),
        }
        return values, {"weights": self.weights.astype(np.float16)}

    @classmethod
    def from_parts(cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays) -> "FastClassifier":
        """Make the classifier again.

        Raises:
            ValueError: if it was fitted on other features or another normaliser than this version has.
        """
        for part, here in (("style", STYLE), ("normaliser", NORMALISER), ("max_chars", MAX_CHARS)):
            if values[part] != here:
                raise ValueError(f"it was fitted with {part} {values[part]!r}, this version has {here!r}")
        weights = arrays["weights"].astype(np.float32)
        if weights.ndim != 1 or len(weights) & (len(weights) - 1) or not len(weights):
            raise ValueError(f"weights must be a vector of a power of two, got shape {weights.shape}")
        return cls(name, fitted, WordList.of(values["words"]), weights, float(values["bias"]))
