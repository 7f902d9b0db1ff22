"""Put look-alikes of other scripts in place of Latin letters: RAID's "homoglyph", at 100 %.

The 22 letters that RAID replaces (Dugan et al. 2024, arXiv:2405.07940; Gagiano et al. 2021) become Cyrillic or Greek letters that look the same in most fonts
(Unicode's confusables, UTS 39); where there are two, a draw decides. Deviation: RAID knows 100 % alone.
`assay.detect.normalise` maps them back and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import U32, Characters, chunks
from .draws import U64, choices, hits

LOOK_ALIKES = {
    "a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "p": "\u0440", "x": "\u0445", "y": "\u0443",
    "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421", "E": "\u0415\u0395", "H": "\u041d\u0397", "I": "\u0406\u0399", "K": "\u041a\u039a",
    "M": "\u041c\u039c", "N": "\u039d", "O": "\u041e\u039f", "P": "\u0420\u03a1", "T": "\u0422\u03a4", "X": "\u0425\u03a7", "Z": "\u0396",
}  # fmt: skip
"""A letter, and what looks like it: Cyrillic first, then Greek."""


@register_attack("homoglyph")
@dataclass(frozen=True)
class Homoglyph(TextAttack):
    """Each Latin letter that has a look-alike becomes one with the strength as probability."""

    summary: ClassVar[str] = "put Cyrillic and Greek look-alikes in place of Latin letters"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of the letters with a look-alike that become one"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.5, 1.0)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with look-alikes."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            first, second = _tables()
            small = np.minimum(chars.codes, np.uint32(127))  # 127 has none
            letters = chars.each(first[small] > 0)
            hit = letters.where(hits(seeds, letters, strength))
            letter = chars.codes[hit.start]
            with_two = second[letter] > 0
            greek = with_two & (choices(seeds, hit, 1 + with_two.astype(np.int64)) == 1)
            codes = chars.codes.copy()
            codes[hit.start] = np.where(greek, second[letter], first[letter])
            return chars.with_codes(codes).texts()

        return chunks(texts, seeds, attacked)


@lru_cache(maxsize=1)
def _tables() -> tuple[U32, U32]:
    """Return the first and the second look-alike of each ASCII code, 0 for none; (128,) each."""
    first, second = np.zeros(128, np.uint32), np.zeros(128, np.uint32)
    for letter, alike in LOOK_ALIKES.items():
        first[ord(letter)] = ord(alike[0])
        second[ord(letter)] = ord(alike[1]) if len(alike) > 1 else 0
    return first, second
