"""What a text is written with: its characters beyond ASCII, counted, and the scripts that the rules of the normaliser ask about.

Python knows no Script property; the first word of a letter's Unicode name serves ("CYRILLIC SMALL LETTER A").
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np


def ranges(*bounds: tuple[int, int]) -> frozenset[str]:
    """Return the characters of closed ranges of code points."""
    return frozenset(chr(point) for low, high in bounds for point in range(low, high + 1))


def is_rtl(char: str) -> bool:
    """Say whether a letter is written from right to left (Hebrew, Arabic, Syriac, N'Ko, Adlam, ...)."""
    point = ord(char)
    return (
        0x590 <= point <= 0x8FF or 0xFB1D <= point <= 0xFDFF or 0xFE70 <= point <= 0xFEFC or 0x10800 <= point <= 0x10FFF
    )


def is_cjk(char: str) -> bool:
    """Say whether a character is Han, Kana, Bopomofo or Hangul, whose texts use full-width punctuation."""
    point = ord(char)
    return (
        0x3040 <= point <= 0x9FFF
        or 0xAC00 <= point <= 0xD7A3
        or 0xF900 <= point <= 0xFAFF
        or 0x20000 <= point <= 0x3FFFF
    )


def is_joining(char: str) -> bool:
    """Say whether joiners carry meaning beside a character: Arabic and its kin, the Indic family, South-East Asia, Mongolian."""
    point = ord(char)
    return (
        0x600 <= point <= 0x109F
        or 0x1700 <= point <= 0x1AAF
        or 0x1B00 <= point <= 0x1C4F
        or 0xA800 <= point <= 0xABFF
        or 0xFB50 <= point <= 0xFDFF
        or 0xFE70 <= point <= 0xFEFC
        or 0x10A00 <= point <= 0x11FFF
    )


def is_unspaced(char: str) -> bool:
    """Say whether a character's script sets no spaces between words, so that a zero-width space is its word boundary."""
    point = ord(char)
    return (
        0xE00 <= point <= 0xFFF or 0x1000 <= point <= 0x109F or 0x1780 <= point <= 0x17FF or 0x1950 <= point <= 0x1AAF
    )


@cache
def script(char: str) -> str:
    """Return the first word of a letter's name ("LATIN", "CYRILLIC", ...); empty for what is no letter."""
    return unicodedata.name(char, "?").partition(" ")[0] if char.isalpha() else ""


@dataclass(frozen=True)
class Writing:
    """A text and what its rules look up, each counted once and only when asked for."""

    text: str

    @cached_property
    def _points(self) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
        return np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How often each character beyond ASCII occurs."""
        if self.text.isascii():
            return {}
        points, counts = np.unique(self._points[self._points > 127], return_counts=True)
        return dict(zip(map(chr, points.tolist()), counts.tolist(), strict=True))

    @cached_property
    def latin(self) -> int:
        """Letters of the Latin script."""
        in_ascii = int(((self._points | 32) - 97 < 26).sum())  # unsigned: what lies below "a" wraps around to huge
        return in_ascii + self.total(char for char in self.counts if script(char) == "LATIN")

    @cached_property
    def rtl(self) -> bool:
        """Whether letters written from right to left outnumber the Latin ones."""
        found = self.total(char for char in self.counts if char.isalpha() and is_rtl(char))
        return found > 0 and found > self.latin

    @cached_property
    def cjk(self) -> bool:
        """Whether the text holds any Han, Kana or Hangul."""
        return any(map(is_cjk, self.counts))

    def total(self, chars: Iterable[str]) -> int:
        """Return how often any of the characters beyond ASCII occurs."""
        return sum(self.counts[char] for char in chars)
