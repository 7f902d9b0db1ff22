"""Texts cut to a number of tokens, at a token's end, as a plan's tokenizer reads them.

A cut text read again can have a token more or less, where the cut falls inside what the tokenizer joins; lengths are those of the text that was cut. A lone
surrogate is read as the replacement character, which is as long, and stays in the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from assay.detect.tokens import tokenize
from assay.models import resolve
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer
from numpy.typing import NDArray

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class ReadTexts:
    """D texts with the places where their tokens end.

    Attributes:
        texts: as they are.
        n_tokens: (D,) int64.
    """

    texts: Sequence[str]
    n_tokens: NDArray[np.int64]
    _starts: NDArray[np.int64]
    _ends: NDArray[np.int64]

    def place(self, d: int, token: int) -> int:
        """Return how many characters the first `token` tokens of text `d` take."""
        return 0 if token <= 0 else int(self._ends[self._starts[d] + token - 1])

    def cut(self, d: int, length: int) -> str:
        """Return the first `length` tokens of text `d`; all of it for 0."""
        return self.texts[d] if not length else self.texts[d][: self.place(d, length)]

    def long_enough(self, length: int) -> NDArray[np.int64]:
        """Return the texts that have `length` tokens; all of them for 0."""
        return np.flatnonzero(self.n_tokens >= length)


def read_texts(texts: Sequence[str], model: str) -> ReadTexts:
    """Read texts with the tokenizer of a model: folder, hub id or `embedded`."""
    tokens = tokenize(
        [_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text) for text in texts], tokenizer_of(model), with_chars=True
    )
    if tokens.chars is None:
        raise ValueError("tokenize(..., with_chars=True) gave no characters")
    return ReadTexts(texts, np.diff(tokens.offsets), tokens.offsets[:-1], tokens.chars[:, 1])


@lru_cache(maxsize=8)
def tokenizer_of(model: str, revision: str | None = None) -> TextTokenizer:
    """Return a model's tokenizer, loaded once a process."""
    return load_tokenizer(resolve(model), revision)
