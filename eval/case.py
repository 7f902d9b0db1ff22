"""Change the case of words' first letters: RAID's "upper-lower swap", at 5 %.

The first letter of a word, if it has case, changes it (Dugan et al. 2024, arXiv:2405.07940). Deviations: each word by a draw of its own, where RAID takes a fixed
share; words are found by letters, there by NLTK's tokenizer; letters whose other case is more than one character stay (ß).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import U32, Characters, chunks
from .draws import U64, hits

_CASED = 0x1F000  # no letters with case above


@register_attack("case")
@dataclass(frozen=True)
class Case(TextAttack):
    """The first letter of each word changes its case with the strength as probability."""

    summary: ClassVar[str] = "change the case of words' first letters"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of words whose first letter changes its case"
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.2)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with cases changed."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            table = other_case()
            words = chars.words
            cased = words.where(_swapped(table, chars.codes[words.start]) != chars.codes[words.start])
            at = cased.start[hits(seeds, cased, strength)]
            codes = chars.codes.copy()
            codes[at] = _swapped(table, codes[at])
            return chars.with_codes(codes).texts()

        return chunks(texts, seeds, attacked)


def _swapped(table: U32, codes: U32) -> U32:
    return np.where(codes < _CASED, table[np.minimum(codes, np.uint32(_CASED - 1))], codes)


@lru_cache(maxsize=1)
def other_case() -> U32:
    """Return the other case of each code point below `_CASED`, itself where there is none of one character; (126976,) uint32."""
    table = np.arange(_CASED, dtype=np.uint32)
    for code in range(_CASED):
        char = chr(code)
        other = char.lower() if char.isupper() else char.upper()
        if len(other) == 1:
            table[code] = ord(other)
    return table
