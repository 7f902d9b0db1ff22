"""Misspell words: RAID's "misspelling", at 20 %.

Words that people often misspell become one of the ways they do (`misspellings.txt`, our own list of well-documented ones). Other words of four letters or more get one of the
four slips that make most typing errors (Damerau 1964, "A technique for computer detection and correction of spelling errors"): two letters swapped, one left out, one doubled,
one replaced by a neighbour on the keyboard; never in the first letter, as people seldom err there. Deviations from Dugan et al. 2024 (arXiv:2405.07940): RAID knows listed
misspellings alone (`typos=false`), of a longer list; it misspells as many words as 20 % of *all* words make, or as many as are listed, taking the words GPT-2 finds likeliest;
here the strength is a share of the words that can be misspelt, by a draw each, and no model runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import I64, U32, Bool, Characters, WordSpans, chunks
from .draws import U64, choices, hits
from .lexicon import Lexicon, list_digest, read_lines
from .replacements import Replacements, replaced

_LIST = "misspellings.txt"
_SHORTEST = 4
_SWAP, _DROP, _DOUBLE, _KEY = range(4)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Rows of an American keyboard: a key touches its neighbours, two keys above it (same place and one on) and two below (one back and same place)."""


@register_attack("misspell")
@dataclass(frozen=True)
class Misspell(TextAttack):
    """Each word that can be misspelt is with the strength as probability.

    Attributes:
        typos: also slip in words that are not listed; false leaves them.
    """

    summary: ClassVar[str] = "misspell words as people do, and mistype others"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of the words that can be misspelt (listed, or of four letters or more) that are"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5)

    typos: bool = True

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with misspellings."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            return replaced(chars, _misspelt(chars, strength, seeds, self.typos))

        return chunks(texts, seeds, attacked)

    def signature(self) -> dict[str, Any]:
        """Return the options and which list it is."""
        return {**super().signature(), "list": list_digest(_LIST)}


@lru_cache(maxsize=1)
def misspellings() -> Lexicon:
    """Return the listed words with their misspellings."""
    return Lexicon({word: tuple(wrong) for word, *wrong in read_lines(_LIST)})


def _misspelt(chars: Characters, strength: float, seeds: U64, typos: bool) -> Replacements:
    lexicon = misspellings()
    hit = chars.words.where(hits(seeds, chars.words, strength))
    found = lexicon.find(chars, hit)
    listed = found >= 0
    words = hit.where(listed)
    source, length = lexicon.draw(chars, words, found[listed], seeds)
    codes = np.concatenate((chars.codes, lexicon.pool))
    parts = [(words.start, words.stop, source + len(chars.codes), length)]
    if typos:
        slips, pairs = _slips(chars, _all_letters(chars, hit.where(~listed)), seeds, len(codes))
        parts.append(slips)
        codes = np.concatenate((codes, pairs))
    start, stop, source, length = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(start, kind="stable")
    return Replacements(start[order], stop[order], source[order], length[order], codes)


def _all_letters(chars: Characters, words: WordSpans) -> WordSpans:
    """Return the words of four Latin letters or more and nothing else (A to Z, é and the like)."""
    letters = np.concatenate(([0], np.cumsum(_latin(chars.codes))))
    size = words.stop - words.start
    return words.where((size >= _SHORTEST) & (letters[words.stop] - letters[words.start] == size))


def _latin(codes: U32) -> Bool:
    return ((codes | np.uint32(32)) - np.uint32(97) < 26) | (
        (codes >= 0xC0) & (codes < 0x250) & (codes != 0xD7) & (codes != 0xF7)
    )


def _slips(chars: Characters, words: WordSpans, seeds: U64, shift: int) -> tuple[tuple[I64, I64, I64, I64], U32]:
    """Return one slip a word, as stretches with places and lengths of what replaces them, and two more code points a word to take them from, `shift` on."""
    size = words.stop - words.start
    at = words.start + 1 + choices(seeds, words, size - 2, stream=2)  # neither the first letter nor the last
    kind = choices(seeds, words, np.full(len(words), 4), stream=3)
    here, following = chars.codes[at], chars.codes[at + 1]
    wrong = _neighbour_keys(here, choices(seeds, words, np.full(len(words), 12), stream=4))
    kind = np.where((kind == _SWAP) & (here == following), _DROP, kind)
    kind = np.where((kind == _KEY) & (wrong == 0), _DOUBLE, kind)
    pairs = np.stack((np.where(kind == _KEY, wrong, following), here), 1).astype(np.uint32)
    stop = at + np.array([2, 1, 0, 1])[kind]
    source = np.where(kind == _DOUBLE, at, shift + 2 * np.arange(len(words)))
    return (at, stop, source, np.array([2, 0, 1, 1])[kind]), pairs.ravel()


def _neighbour_keys(codes: U32, draw: I64) -> U32:
    """Return a key beside each letter's, in its case, by a draw from 0 to 11; 0 for what is not A to Z."""
    lower = codes | np.uint32(32)
    is_key = lower - np.uint32(97) < 26
    keys = _keys()[np.where(is_key, lower - np.uint32(97), 0).astype(np.int64), draw]
    return np.where(is_key, keys - (lower - codes), np.uint32(0))


@lru_cache(maxsize=1)
def _keys() -> U32:
    """Return the keys beside each letter's, repeated to twelve; (26, 12) uint32."""
    places = {key: (row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
    table = np.zeros((26, 12), np.uint32)
    for key, (row, column) in places.items():
        beside = {
            (row, column - 1),
            (row, column + 1),
            (row - 1, column),
            (row - 1, column + 1),
            (row + 1, column - 1),
            (row + 1, column),
        }
        near = sorted(other for other, place in places.items() if place in beside)
        table[ord(key) - 97] = [ord(near[i % len(near)]) for i in range(12)]
    return table
