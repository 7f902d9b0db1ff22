"""What a mark's test sees in one text, token by token, for a reader: which tokens, which colour, and p so far.

The running p is the exact binomial tail of the text up to each token. Its last value is the p-value of the text. The values
before it are a picture and no tests: the smallest of them is not a p-value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from assay.detect.evidence import Reason, gather
from assay.detect.exact import binomial_log10_sf_batch
from assay.detect.marks import check_normaliser
from assay.detect.tokens import tokenize
from assay.models import resolve
from assay.watermark.common import common_pairs
from assay.watermark.profile import LoadedMark, check_tokenizer
from assay.watermark.tokenizer import load_tokenizer
from numpy.typing import NDArray

GREEN, RED, OUTSIDE = "green", "red", "outside"


@dataclass(frozen=True)
class Piece:
    """A stretch of text as one token shows it.

    Attributes:
        start, stop: characters, half-open.
        label: `green` or `red`; a `Reason` in lower case where the token is not scored; `outside` where there is none.
    """

    start: int
    stop: int
    label: str


@dataclass(frozen=True)
class Trace:
    """The evidence of a text of T tokens.

    Attributes:
        text: the text.
        chars: (T, 2) int64, where each token starts and stops.
        reason: (T,) uint8, a `Reason`.
        green: (T,) bool; False where the token is not scored.
        log10_p: (T,) float64, the exact p-value of the text up to and with each token.
    """

    text: str
    chars: NDArray[np.int64]
    reason: NDArray[np.uint8]
    green: NDArray[np.bool_]
    log10_p: NDArray[np.float64]

    def pieces(self) -> list[Piece]:
        """Return the text as pieces without gap or overlap.

        A character whose bytes fall into several tokens goes to the first of them.
        """
        found: list[Piece] = []
        cursor = 0
        for (start, stop), reason, green in zip(self.chars.tolist(), self.reason, self.green, strict=True):
            if start > cursor:
                found.append(Piece(cursor, start, OUTSIDE))
            if stop > max(cursor, start):
                found.append(Piece(max(cursor, start), stop, _label(int(reason), bool(green))))
            cursor = max(cursor, stop)
        if cursor < len(self.text):
            found.append(Piece(cursor, len(self.text), OUTSIDE))
        return found

    def token_range(self, start: int, stop: int) -> tuple[int, int]:
        """Return the tokens, half-open, that hold the characters from `start` up to `stop`."""
        first = int(np.searchsorted(self.chars[:, 1], start, side="right"))
        last = int(np.searchsorted(self.chars[:, 0], stop, side="left"))
        return first, max(first, last)


def trace(texts: Sequence[str], loaded: LoadedMark) -> list[Trace]:
    """Return the evidence of each text under a mark; the same evidence that `MarkDetector` tests.

    Where the profile has texts normalised, tokens stand at the characters of the text as given; removed ones are in none.

    Raises:
        TokenizerMismatch, ModelError, BadProfile: if the profile's tokenizer, list or normaliser cannot be had.
    """
    check_normaliser(loaded)
    profile = loaded.profile
    tokenizer = load_tokenizer(resolve(profile.model))
    check_tokenizer(loaded, tokenizer, profile.model)
    tokens = tokenize(texts, tokenizer, with_chars=True, normalised=bool(profile.normaliser))
    batch = gather(tokens, loaded.mark, common_pairs(loaded, tokenizer))
    chars = tokens.chars if tokens.chars is not None else np.empty((0, 2), np.int64)
    found: list[Trace] = []
    for d, text in enumerate(texts):
        evidence = batch.document(d)
        green = evidence.scored & (evidence.values > 0)
        counts = np.cumsum(green, dtype=np.int64), np.cumsum(evidence.scored, dtype=np.int64)
        part = slice(tokens.offsets[d], tokens.offsets[d + 1])
        running = binomial_log10_sf_batch(*counts, batch.law.gamma)
        found.append(Trace(text, chars[part], evidence.reason, green, running))
    return found


def _label(reason: int, green: bool) -> str:
    if reason == Reason.SCORED:
        return GREEN if green else RED
    return Reason(reason).name.lower()
