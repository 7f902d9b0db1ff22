"""Texts read by the embedded language model, once, for whatever is to be learned of them.

A text is normalised and laid on one line (`plain.py`), its first `MAX_TOKENS` tokens are scored, and `document_features.py` makes numbers of them: of all that
was read, and for training also of its first 64, 128 and 256 tokens, so that a head can be fitted on texts of every length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from assay.models import EMBEDDED, resolve
from numpy.typing import NDArray

from .document_features import FEWEST, document_features, token_kinds
from .lm_scores import LMScores, LMSignature
from .normalise import normalise
from .plain import plain_text

if TYPE_CHECKING:  # torch and transformers come in when a text is read
    from .lm import LMScorer

MAX_TOKENS = 1024
"""Tokens of a text that are read; the rest has no say."""

PREFIXES = (64, 128, 256)


@dataclass(frozen=True)
class Reading:
    """What is kept of a text.

    Attributes:
        features: (P, F) float32: of the whole text, then of its prefixes that are shorter; P is 0 if it is too short for any.
        n_scored: tokens read and scored.
    """

    features: NDArray[np.float32]
    n_scored: int


class Reader:
    """Reads texts with the embedded model; loaded when first needed.

    Args:
        device, dtype: where and how it runs (`load_model`).
    """

    def __init__(self, device: str = "auto", dtype: str = "auto") -> None:
        self._device, self._dtype = device, dtype

    @property
    def signature(self) -> LMSignature:
        """What decides the scores."""
        return self._lm.signature

    def scores(self, texts: Sequence[str]) -> Iterator[LMScores]:
        """Yield the fields of each text, in order; places in characters are those of `plain(normalise(text).text)`."""
        return self._lm.score(plain_text(normalise(text).text) for text in texts)

    def read(self, texts: Sequence[str], *, prefixes: bool = False) -> list[Reading]:
        """Return a reading of each text."""
        return [self.reading(scores, prefixes=prefixes) for scores in self.scores(texts)]

    def reading(self, scores: LMScores, *, prefixes: bool = False) -> Reading:
        """Return what is kept of a text whose fields are there."""
        n = scores.n_scored
        if n < FEWEST or not np.isfinite(scores.scored("log_prob")).all():
            return Reading(np.zeros((0, 0), np.float32), n)
        shorter = [length for length in PREFIXES if length < n] if prefixes else []
        rows = [list(document_features(scores, self.kinds, length).values()) for length in (n, *shorter)]
        return Reading(np.array(rows, np.float32), n)

    @cached_property
    def kinds(self) -> NDArray[np.int8]:
        """(V,) int8, the kind of each token of the model's vocabulary (`document_features.token_kinds`)."""
        tokenizer: Any = self._model.tokenizer
        return token_kinds(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))), "\u0120")

    @cached_property
    def _model(self) -> Any:
        from assay.watermark.model import load_model

        return load_model(EMBEDDED, resolve(EMBEDDED), None, self._device, self._dtype)

    @cached_property
    def _lm(self) -> "LMScorer":
        from .lm import LMScorer

        return LMScorer(self._model, max_tokens=MAX_TOKENS)
