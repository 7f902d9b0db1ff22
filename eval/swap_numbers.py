"""Swap numbers for others of the same length: RAID's "number swap", at 50 %.

Of each number that is hit, with the strength as probability, every digit is drawn anew (Dugan et al. 2024, arXiv:2405.07940). Deviations: each number by a draw of its
own, where RAID takes a fixed share; digits joined by a point or comma are one number (there "1,000" is two); a number that begins with another digit than 0 goes on doing so;
and the last digit always becomes another, so that what is hit has changed. Digits of other scripts stay in their script.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import I64, U32, Bool, Characters, WordSpans, chunks
from .draws import U64, choices, hits

_DIGITS = 0x20000  # no decimal digits above plane 1
_NONE = 99


@register_attack("swap-numbers")
@dataclass(frozen=True)
class SwapNumbers(TextAttack):
    """Each number becomes another with the strength as probability."""

    summary: ClassVar[str] = "swap numbers for others of the same length"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of numbers swapped"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.5, 1.0)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with numbers swapped."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            values = digit_values()[np.minimum(chars.codes, np.uint32(_DIGITS - 1))]
            found = numbers(chars, values)
            hit = found.where(hits(seeds, found, strength))
            return chars.with_codes(_redrawn(chars, values, hit, seeds)).texts()

        return chunks(texts, seeds, attacked)


def numbers(chars: Characters, values: I64) -> WordSpans:
    """Return runs of digits with single points and commas inside; `values` (N,) are those of the digits."""
    digit = values != _NONE
    joint = np.zeros(len(digit), np.bool_)
    joint[1:-1] = ((chars.codes[1:-1] == ord(".")) | (chars.codes[1:-1] == ord(","))) & digit[:-2] & digit[2:]
    return chars.runs(digit | joint)


def _redrawn(chars: Characters, values: I64, hit: WordSpans, seeds: U64) -> U32:
    """Return the code points with the digits of these numbers drawn anew."""
    edges = np.zeros(len(values) + 1, np.int64)
    edges[hit.start] = 1
    edges[hit.stop] -= 1
    member: Bool = (np.cumsum(edges)[:-1] > 0) & (values != _NONE)
    digits = chars.each(member)
    old = values[digits.start]
    first, last = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_)
    first[hit.start], last[hit.stop - 1] = True, True
    first, last = first[digits.start] & (old > 0), last[digits.start]
    new = choices(seeds, digits, np.full(len(digits), 10))
    new = np.where(first, 1 + choices(seeds, digits, np.full(len(digits), 9), stream=2), new)
    new = np.where(last, (old + 1 + choices(seeds, digits, np.full(len(digits), 9), stream=3)) % 10, new)
    new = np.where(first & last, (old + choices(seeds, digits, np.full(len(digits), 8), stream=4)) % 9 + 1, new)
    codes = chars.codes.copy()
    codes[digits.start] = (codes[digits.start] + new - old).astype(np.uint32)
    return codes


@lru_cache(maxsize=1)
def digit_values() -> I64:
    """Return the value of each decimal digit below `_DIGITS`, 99 for what is none; (131072,) int64."""
    return np.array([unicodedata.decimal(chr(code), _NONE) for code in range(_DIGITS)], np.int64)
