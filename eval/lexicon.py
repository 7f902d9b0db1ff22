"""Words and what may stand in their place, looked up for all words of a chunk at once.

A word is found by a 64-bit hash of its letters in lower case: the polynomial in an odd base, of every stretch from one running sum, mixed by SplitMix64's
finaliser. Two words with one hash would need some 2^32 words in the list; these have thousands. A replacement takes the capitals of the word it stands for:
none, the first letter, or all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from assay.watermark.hashing import mix64
from numpy.typing import NDArray

from .characters import I64, U32, Bool, Characters, WordSpans
from .draws import U64, choices

_BASE = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_BASE, -1, 2**64)
_FILTER_BITS = 16


@dataclass(frozen=True)
class Lexicon:
    """What each word may become.

    Attributes:
        entries: replacements of each word, both in lower case; a word without any is known but never replaced.
    """

    entries: Mapping[str, Sequence[str]]

    def find(self, chars: Characters, words: WordSpans) -> I64:
        """Return which entry each word is, (W,) int64, -1 where it is none."""
        hashed = stretch_hashes(chars.codes, words.start, words.stop)
        found = np.full(len(words), -1, np.int64)
        if not len(self._hashes):
            return found
        likely = np.flatnonzero(self._filter[(hashed >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)])
        place = np.minimum(np.searchsorted(self._hashes, hashed[likely]), len(self._hashes) - 1)
        same = self._hashes[place] == hashed[likely]
        found[likely[same]] = self._entry[place[same]]
        return found

    def replaceable(self, found: I64) -> Bool:
        """Return which of the entries found (W,) have a replacement."""
        return (found >= 0) & (self._counts[found] > 0)

    def draw(self, chars: Characters, words: WordSpans, found: I64, seeds: U64) -> tuple[I64, I64]:
        """Return a replacement for each word, which must have one: where it begins in `pool` and its length, (W,) each."""
        which = self._first[found] + choices(seeds, words, self._counts[found])
        capitals = _capitals(chars.codes, words)
        return self._starts[capitals, which], self._lengths[capitals, which]

    @cached_property
    def pool(self) -> U32:
        """Code points of all replacements: in lower case, with a capital, in capitals."""
        return _codes("".join("".join(column) for column in self._forms))

    @cached_property
    def _forms(self) -> tuple[list[str], list[str], list[str]]:
        lower = [word for options in self.entries.values() for word in options]
        return lower, [word[:1].upper() + word[1:] for word in lower], [word.upper() for word in lower]

    @cached_property
    def _lengths(self) -> I64:
        return np.array([[len(word) for word in column] for column in self._forms], np.int64)

    @cached_property
    def _starts(self) -> I64:
        flat = self._lengths.ravel()
        return (np.cumsum(flat) - flat).reshape(self._lengths.shape)

    @cached_property
    def _counts(self) -> I64:
        return np.array([len(options) for options in self.entries.values()] or [0], np.int64)

    @cached_property
    def _first(self) -> I64:
        return np.cumsum(self._counts) - self._counts

    @cached_property
    def _sorted(self) -> tuple[U64, I64]:
        words = Characters.of(list(self.entries))
        hashed = stretch_hashes(words.codes, words.starts, words.starts + words.lengths)
        order = np.argsort(hashed)
        return hashed[order], order

    @property
    def _hashes(self) -> U64:
        return self._sorted[0]

    @property
    def _entry(self) -> I64:
        return self._sorted[1]

    @cached_property
    def _filter(self) -> Bool:
        """Whether any entry's hash begins with these 16 bits: most words are decided by this."""
        seen = np.zeros(1 << _FILTER_BITS, np.bool_)
        seen[(self._hashes >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)] = True
        return seen


def stretch_hashes(codes: U32, start: I64, stop: I64) -> U64:
    """Return the hash of each stretch in lower case (A to Z alone, the typographic apostrophe as the plain one); (W,) uint64."""
    lower = codes.astype(np.uint64)
    lower[(codes - np.uint32(65)) < 26] += np.uint64(32)
    lower[codes == 0x2019] = np.uint64(0x27)
    size = 1 << max(len(codes) - 1, 1).bit_length()
    powers, inverses = _powers(size)
    sums = np.empty(len(codes) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(lower * powers[: len(codes)], out=sums[1:])
    return mix64((sums[stop] - sums[start]) * inverses[start] + (stop - start).astype(np.uint64))


@lru_cache(maxsize=2)
def _powers(size: int) -> tuple[U64, U64]:
    both: list[NDArray[np.uint64]] = []
    for base in (_BASE, _INVERSE):
        factors = np.full(size, base, np.uint64)
        factors[0] = 1
        both.append(np.cumprod(factors, dtype=np.uint64))
    return both[0], both[1]


def _capitals(codes: U32, words: WordSpans) -> I64:
    """Return 0 for a word that begins with a small letter, 1 for one with a capital, 2 for one of capitals; judged by its first, second and last."""
    upper = [(codes[at] - np.uint32(65)) < 26 for at in (words.start, np.minimum(words.start + 1, words.stop - 1))]
    last = (codes[words.stop - 1] - np.uint32(65)) < 26
    all_upper = upper[0] & upper[1] & last & (words.stop - words.start > 1)
    return upper[0].astype(np.int64) + all_upper


def _codes(text: str) -> U32:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32)


def word_list_path(name: str) -> Path:
    """Return the file of a word list shipped beside this module."""
    return Path(__file__).parent / name


def read_lines(name: str) -> list[list[str]]:
    """Return the words of each line of a shipped list; lines that begin with # and empty ones are left out."""
    lines = word_list_path(name).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


@lru_cache(maxsize=8)
def list_digest(name: str) -> str:
    """Return sixteen hexadecimal digits that name the content of a shipped list, for signatures."""
    import hashlib

    return hashlib.sha256(word_list_path(name).read_bytes()).hexdigest()[:16]
