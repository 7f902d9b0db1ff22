"""A causal model as attacks use it: which tokens begin words, where a text may be cut, and how drawn tokens become text.

Cuts fall between words, so that what is kept is kept byte for byte and a mark's tokens are hit in whole words, as a writer would. A word ends where a letter
or digit is not followed by another; scripts without spaces (Chinese, Japanese, Thai) may be cut between any two characters.
Models come in when first asked for, once a process.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from assay.models import resolve
from assay.watermark.model import CausalModel, load_model
from numpy.typing import NDArray

from .attack_model import check_causal

__all__ = ["CausalText", "TokenText", "causal_text", "check_causal", "may_cut"]

_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x31FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)
"""Thai and Lao, Burmese, Khmer, Chinese and Japanese: written without spaces between words."""
_FRAGMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ANCHOR = "a"


@dataclass(frozen=True)
class TokenText:
    """A text as tokens.

    Attributes:
        text: as given.
        ids: (T,) int64.
        ends: (T,) int64; token i stands for the characters from the end of token i - 1 to ends[i], spaces before it included.
        begins: (T,) bool, whether a cut may fall before token i: always before the first, never inside a word or a character.
    """

    text: str
    ids: NDArray[np.int64]
    ends: NDArray[np.int64]
    begins: NDArray[np.bool_]

    def slice(self, start: int, stop: int) -> str:
        """Return the characters of the tokens from `start` to `stop`; those after the last token belong to it."""
        first = 0 if start == 0 else int(self.ends[start - 1])
        last = len(self.text) if stop == len(self.ids) else int(self.ends[stop - 1]) if stop else 0
        return self.text[first:last]


@dataclass(frozen=True)
class CausalText:
    """A model that reads and writes text.

    Attributes:
        model: the model.
    """

    model: CausalModel

    def read(self, text: str) -> TokenText:
        """Return the text as tokens; a lone surrogate, which is no character, is read as U+FFFD."""
        readable = _SURROGATE.sub(_FRAGMENT, text)
        encoding = self.model.text_tokenizer.backend.encode(readable, add_special_tokens=False)
        spans = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        ends = np.maximum.accumulate(spans[:, 1]) if len(spans) else np.empty(0, np.int64)
        starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
        whole = spans[:, 0] >= starts  # a token inside a character that an earlier one began shares its range
        begins = np.array(
            [ok and may_cut(readable, at) for ok, at in zip(whole, starts.tolist(), strict=True)], np.bool_
        )
        return TokenText(text, np.array(encoding.ids, np.int64), ends, begins)

    def write(self, before: NDArray[np.int64], ids: NDArray[np.int64]) -> str:
        """Return the text of `ids` after those `before`; bytes that make no whole character are left out."""
        backend = self.model.text_tokenizer.backend
        context = before[-4:].tolist()
        start = backend.decode(context, skip_special_tokens=False) if context else ""
        whole = backend.decode([*context, *ids.tolist()], skip_special_tokens=False)
        own = (
            whole[len(start) :] if whole.startswith(start) else backend.decode(ids.tolist(), skip_special_tokens=False)
        )
        return own.replace(_FRAGMENT, "")

    @cached_property
    def pieces(self) -> list[str]:
        """(V,) what each token adds to a text that ends with a letter."""
        backend = self.model.text_tokenizer.backend
        anchor = backend.token_to_id(_ANCHOR)
        before = [] if anchor is None else [anchor]
        start = backend.decode(before) if before else ""
        texts = backend.decode_batch([[*before, i] for i in range(self.vocab_size)], skip_special_tokens=False)
        return [text.removeprefix(start) for text in texts]

    @cached_property
    def continues(self) -> NDArray[np.bool_]:
        """(V,) whether a token goes on with the word before it; part of a character does."""
        return np.array([not may_cut(f"{_ANCHOR}{piece}", 1) for piece in self.pieces], np.bool_)

    @cached_property
    def joins(self) -> NDArray[np.bool_]:
        """(V,) whether a token would lengthen the word before it; part of a character need not."""
        fragment = np.array([piece.startswith(_FRAGMENT) for piece in self.pieces], np.bool_)
        return self.continues & ~fragment

    @cached_property
    def barred(self) -> NDArray[np.bool_]:
        """(V,) tokens that are never drawn: control tokens, and ids that no token has."""
        special = self.model.text_tokenizer.special
        return np.array(special, np.bool_)

    @property
    def vocab_size(self) -> int:
        """One more than the highest id of the tokenizer."""
        return len(self.model.text_tokenizer.special)


def may_cut(text: str, at: int) -> bool:
    """Return whether a cut before character `at` parts two words and not one; so do the ends of the text."""
    return not (0 < at < len(text)) or not (_in_word(text[at - 1]) and _in_word(text[at]))


@lru_cache(maxsize=4)
def causal_text(model: str, device: str = "auto") -> CausalText:
    """Return a model by name (`embedded`, a folder or a hub id), loaded once a process; float32 on the CPU.

    Raises:
        ModelError: in one line, if it cannot be loaded safely.
    """
    dtype = "float32" if device == "cpu" else "auto"
    return CausalText(load_model(model, resolve(model), device=device, dtype=dtype))


def _in_word(character: str) -> bool:
    if character == _FRAGMENT:
        return True
    code = ord(character)
    return character.isalnum() and not any(low <= code <= high for low, high in _UNSPACED)
