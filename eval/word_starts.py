"""Where the words of many texts begin, and the numbers that belong to one text: what attacks on whole passages are made of.

A word is a run of characters between white space; a character of a script written without blanks (Han, kana, Thai and its neighbours) is a word of its own.
Texts of a batch are read as one array of code points, so that a text costs no loop over its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from assay.watermark.hashing import GOLDEN, mix64, uniform
from numpy.typing import NDArray

_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip


@dataclass(frozen=True)
class WordStarts:
    """The words of D texts.

    Attributes:
        starts: (W,) int64, first character of each word in its text.
        first: (D + 1,) int64; the words of text d are starts[first[d] : first[d + 1]].
    """

    starts: NDArray[np.int64]
    first: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(D,) int64: words of each text."""
        return np.diff(self.first)

    def of(self, text: int) -> NDArray[np.int64]:
        """Return the starts in one text."""
        return self.starts[self.first[text] : self.first[text + 1]]


def word_starts(texts: Sequence[str]) -> WordStarts:
    """Return where the words of texts begin; any Unicode, lone surrogates included."""
    lengths = np.array([len(text) for text in texts], np.int64)
    begin = np.concatenate([[0], np.cumsum(lengths)])
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    blank, alone = _blank()[points], _alone()[points]
    fresh = np.ones(len(points), np.bool_)  # nothing of its text stands before, or a blank, or a word of one character
    fresh[1:] = blank[:-1] | alone[:-1]
    fresh[begin[:-1][lengths > 0]] = True
    places = np.flatnonzero((fresh | alone) & ~blank)
    first = np.searchsorted(places, begin)
    return WordStarts(places - np.repeat(begin[:-1], np.diff(first)), first)


def draws(seeds: Sequence[int], count: int) -> NDArray[np.float64]:
    """Return (D, count) uniforms in (0, 1), a row for each seed of D texts; more of them begin with the same ones."""
    with np.errstate(over="ignore"):
        return uniform(mix64(np.array(seeds, np.uint64)[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN))


@cache
def _blank() -> NDArray[np.bool_]:
    """Return (1114112,) bool: which code points are white space (none lies beyond the first 2^16)."""
    table = np.zeros(0x110000, np.bool_)
    table[[i for i in range(0x10000) if chr(i).isspace()]] = True
    return table


@cache
def _alone() -> NDArray[np.bool_]:
    """Return (1114112,) bool: which code points are words of their own."""
    table = np.zeros(0x110000, np.bool_)
    for low, high in _UNSPACED:
        table[low : high + 1] = True
    return table
