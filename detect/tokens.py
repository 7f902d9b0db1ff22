"""Texts as ragged token arrays: all ids in one array, document boundaries in another, character offsets when asked for.

No special tokens are added. Control tokens that are spelt out in a text ("<|endoftext|>") come back as their ids and are
recorded as such by the evidence. Texts may be normalised first; character offsets are those of the original all the same.

Without characters a large batch is read by `fast_tokens.py`, a small one by `tokenizers`; the ids are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from assay.errors import DataError
from assay.watermark.tokenizer import TextTokenizer
from numpy.typing import NDArray

from .fast_tokens import WORTH_CHARS, fast_tokens, is_ready, slow_ragged

if TYPE_CHECKING:  # imported where a text is to be normalised, for most marks do not ask for it
    from .normalise import Normalised


@dataclass(frozen=True)
class Tokens:
    """A batch of D tokenised documents with N tokens in all.

    Attributes:
        ids: (N,) int32.
        offsets: (D + 1,) int64; document d is ids[offsets[d] : offsets[d + 1]].
        special: (V,) bool, which ids are control tokens.
        chars: (N, 2) int64, where each token starts and stops in its document's text as given, in characters; None if not
            asked for.
        normalised: (D,) the texts as they were read; None if they were read as they are.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    special: NDArray[np.bool_]
    chars: NDArray[np.int64] | None = None
    normalised: "tuple[Normalised, ...] | None" = None

    def __len__(self) -> int:
        return len(self.offsets) - 1


def tokenize(
    texts: Sequence[str], tokenizer: TextTokenizer, *, with_chars: bool = False, normalised: bool = False
) -> Tokens:
    """Read texts with a tokenizer; `with_chars` keeps each token's place in its text, `normalised` normalises texts first.

    Bytes of one character that fall into several tokens give each of them the character's whole range. Where a text was
    normalised a token's range is that of the original characters behind it; removed ones are in no token.

    Raises:
        DataError: if a text holds a lone surrogate, which is no character.
    """
    read = _normalise(texts) if normalised else None
    strings = list(texts) if read is None else [one.text for one in read]
    try:
        if not with_chars:
            return Tokens(*_ragged(strings, tokenizer), tokenizer.special, None, read)
        encodings = tokenizer.backend.encode_batch(strings, add_special_tokens=False)
    except TypeError:  # what the tokenizer says of a string that is not Unicode
        _refuse_surrogates(texts)
        raise
    offsets = np.zeros(len(encodings) + 1, np.int64)
    per_document = [np.array(e.ids, np.int32) for e in encodings]
    np.cumsum([len(ids) for ids in per_document], out=offsets[1:])
    ids = np.concatenate(per_document) if per_document else np.empty(0, np.int32)
    pieces = [np.array(e.offsets, np.int64).reshape(-1, 2) for e in encodings]
    if read is not None:
        pieces = [one.spans_to_original(piece) for one, piece in zip(read, pieces, strict=True)]
    chars = np.concatenate(pieces) if pieces else np.empty((0, 2), np.int64)
    return Tokens(ids, offsets, tokenizer.special, chars, read)


def _ragged(texts: Sequence[str], tokenizer: TextTokenizer) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return ids and offsets by whichever of the two tokenizers is the quicker for so much text."""
    if is_ready(tokenizer) or sum(map(len, texts)) >= WORTH_CHARS:
        return fast_tokens(tokenizer).ragged(texts)
    return slow_ragged(texts, tokenizer)


def _normalise(texts: Sequence[str]) -> "tuple[Normalised, ...]":
    from .normalise import normalise

    return tuple(normalise(text) for text in texts)


def _refuse_surrogates(texts: Sequence[str]) -> None:
    for number, text in enumerate(texts):
        try:
            str.encode(text, "utf-8")
        except UnicodeEncodeError as error:
            found = f"holds the lone surrogate \\u{ord(text[error.start]):04x} at character {error.start}"
            raise DataError(f"{found}; remove it", place=f"text {number}") from None
