"""Style features: counts of hashed runs of up to three tokens in which rare words are masked by their shape.

What a text is about sits in its rare words; how it was written shows in frequent words, endings, capitals and punctuation. A classifier that
never sees the former travels better to domains it was not fitted on (`bench/` has the comparison with plain words).

A token is, in order of what is tried:

* a word (letters and bytes above 127, with an apostrophe between letters): itself in lower case if it is on the list of frequent words, else a mask of its
  last three bytes (of words of more than four) and whether it has more than eight; both say whether it began with a capital;
* a number: its count of digits, at most four;
* one byte of punctuation. Curly quotes are straight ones and dashes hyphens, because sources differ in them.

White space, line breaks included, only separates: collections differ in what they kept of it.

Hashes are 64-bit (FNV-1a over bytes, SplitMix64's finaliser over what combines them); a feature is the top bits of a run's hash. Nothing here
depends on Python's hash or on the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

U8, U64, I64, F32 = NDArray[np.uint8], NDArray[np.uint64], NDArray[np.int64], NDArray[np.float32]

VERSION = "style-1"
LONGEST_RUN = 3

_SPACE, _LETTER, _DIGIT, _OTHER = 0, 1, 2, 3
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_CAPITAL, _MASK, _LONG, _NUMBER, _MARK = (np.uint64(k) for k in (0x11, 0x22, 0x44, 0x88, 0x77))
_ZERO = np.uint64(0)
_APOSTROPHE = 0x27


def _classes() -> U8:
    table = np.full(256, _OTHER, np.uint8)
    table[:33] = _SPACE
    table[127] = _SPACE
    table[[*range(65, 91), *range(97, 123), *range(128, 256)]] = _LETTER
    table[48:58] = _DIGIT
    return table


CLASSES = _classes()


def _general_punctuation() -> U8:
    """Return the ASCII byte for each of U+2000 to U+203F: quotes, hyphens, full stops; spaces and invisible ones as a space."""
    table = np.full(64, ord("*"), np.uint8)
    table[[*range(0x10), *range(0x28, 0x30)]] = ord(" ")
    table[0x10:0x16] = ord("-")
    table[0x18:0x1C] = ord("'")
    table[0x1C:0x20] = ord('"')
    table[0x24:0x27] = ord(".")
    return table


GENERAL_PUNCTUATION = _general_punctuation()


@dataclass(frozen=True)
class WordList:
    """Frequent words as an open-addressed table of their hashes.

    Attributes:
        words: lower case, in order.
        table: (2**k,) uint64, at most half full; 0 is empty.
    """

    words: tuple[str, ...]
    table: U64

    @staticmethod
    def of(words: Sequence[str]) -> "WordList":
        """Return the table of `words`, which are lower-cased."""
        lowered = tuple(word.lower() for word in words)
        size = 1 << max(4, (2 * len(lowered) - 1).bit_length())
        table = np.zeros(size, np.uint64)
        for word in lowered:
            raw = np.frombuffer(word.encode(), np.uint8)
            _insert(table, np.uint64(_fnv(raw, 0, len(raw))))  # Python would make an int of it
        return WordList(lowered, table)


@dataclass(frozen=True)
class RaggedBytes:
    """UTF-8 of several texts, one after the other: `data` (N,) uint8, `offsets` (D + 1,) int64."""

    data: U8
    offsets: I64

    @staticmethod
    def of(texts: Sequence[str]) -> "RaggedBytes":
        """Return the bytes of `texts`; a lone surrogate becomes a question mark."""
        parts = [text.encode("utf-8", "replace") for text in texts]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return RaggedBytes(np.frombuffer(b"".join(parts), np.uint8), offsets)


@njit(cache=True, inline="always")
def _mix(x: Any) -> Any:
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, inline="always")
def _lower(byte: Any) -> Any:
    return byte + 32 if 65 <= byte <= 90 else byte


@njit(cache=True)
def _fnv(data: U8, start: int, stop: int) -> Any:
    """Return FNV-1a of data[start:stop] in lower case."""
    value = _BASIS
    for i in range(start, stop):
        value = (value ^ np.uint64(_lower(data[i]))) * _PRIME
    return value


@njit(cache=True)
def _insert(table: U64, value: Any) -> None:
    last = np.uint64(len(table) - 1)
    at = _mix(value) & last
    while table[at] != _ZERO and table[at] != value:
        at = (at + np.uint64(1)) & last
    table[at] = value


@njit(cache=True, inline="always")
def _holds(table: U64, value: Any) -> Any:
    last = np.uint64(len(table) - 1)
    at = _mix(value) & last
    while table[at] != _ZERO and table[at] != value:
        at = (at + np.uint64(1)) & last
    return table[at] == value


@njit(cache=True)
def _word(data: U8, start: int, stop: int, table: U64) -> Any:
    """Return the code of the word data[start:stop]."""
    value = _fnv(data, start, stop)
    capital = _CAPITAL if 65 <= data[start] <= 90 else _ZERO
    if _holds(table, value):
        return _mix(value + capital)
    length = stop - start
    ending = _fnv(data, stop - 3, stop) if length > 4 else _BASIS
    return _mix(ending ^ (_MASK + capital + (_LONG if length > 8 else _ZERO)) * _GOLDEN)


@njit(cache=True)
def _plain(data: U8, start: int, stop: int, general: U8, out: U8) -> int:
    """Copy data[start:stop] with the characters U+2000 to U+203F replaced by the ASCII they stand for; return the length."""
    size, at = 0, start
    while at < stop:
        byte = data[at]
        if byte == 0xE2 and at + 2 < stop and data[at + 1] == 0x80:
            byte = general[data[at + 2] & 0x3F]
            at += 2
        out[size] = byte
        size += 1
        at += 1
    return size


@njit(cache=True)
def _in_word(plain: U8, at: int, size: int, classes: U8) -> Any:
    """Say whether the byte at `at` continues a word: a letter, or an apostrophe before a letter."""
    if at >= size:
        return False
    if classes[plain[at]] == _LETTER:
        return True
    return plain[at] == _APOSTROPHE and at + 1 < size and classes[plain[at + 1]] == _LETTER


@njit(cache=True)
def _tokens(plain: U8, size: int, table: U64, classes: U8, codes: U64) -> int:
    """Fill `codes` with those of the tokens of plain[:size] and return how many they are (at most `size`)."""
    count, at = 0, 0
    while at < size:
        kind = classes[plain[at]]
        end = at + 1
        if kind == _SPACE:
            at = end
            continue
        if kind == _LETTER:
            while _in_word(plain, end, size, classes):
                end += 1
            codes[count] = _word(plain, at, end, table)
        elif kind == _DIGIT:
            while end < size and classes[plain[end]] == _DIGIT:
                end += 1
            codes[count] = _mix(_NUMBER * _GOLDEN + np.uint64(min(end - at, 4)))
        else:
            codes[count] = _mix(_MARK * _GOLDEN + np.uint64(plain[at]))
        count += 1
        at = end
    return count


@njit(cache=True)
def _count(codes: U64, n: int, shift: Any, counts: NDArray[np.int32], touched: I64) -> int:
    """Count the features of n token codes in `counts`, list the distinct ones in `touched`, and return how many those are."""
    distinct = 0
    for i in range(n):
        run = _ZERO
        for length in range(min(LONGEST_RUN, n - i)):
            run = _mix(run + codes[i + length] + _GOLDEN)
            feature = np.int64(run >> shift)
            if counts[feature] == 0:
                touched[distinct] = feature
                distinct += 1
            counts[feature] += 1
    return distinct


@njit(cache=True, nogil=True)
def _linear_scores(
    data: U8, offsets: I64, table: U64, classes: U8, general: U8, weights: F32, bits: int
) -> tuple[F32, I64]:
    documents = len(offsets) - 1
    longest = 0
    for d in range(documents):
        longest = max(longest, offsets[d + 1] - offsets[d])
    plain, codes = np.empty(longest, np.uint8), np.empty(longest, np.uint64)
    touched = np.empty(LONGEST_RUN * longest, np.int64)
    counts = np.zeros(1 << bits, np.int32)
    scores, lengths = np.zeros(documents, np.float32), np.zeros(documents, np.int64)
    shift = np.uint64(64 - bits)
    for d in range(documents):
        size = _plain(data, offsets[d], offsets[d + 1], general, plain)
        n = _tokens(plain, size, table, classes, codes)
        distinct = _count(codes, n, shift, counts, touched)
        total, square = 0.0, 0.0
        for k in range(distinct):
            value = np.log1p(np.float64(counts[touched[k]]))
            total += value * weights[touched[k]]
            square += value * value
            counts[touched[k]] = 0
        scores[d] = total / np.sqrt(square) if square > 0 else 0.0
        lengths[d] = n
    return scores, lengths


def style_codes(text: str, words: WordList) -> U64:
    """Return the codes of the tokens of one text, (n,) uint64."""
    ragged = RaggedBytes.of([text])
    length = len(ragged.data)
    plain, codes = np.empty(length, np.uint8), np.empty(length, np.uint64)
    size = _plain(ragged.data, 0, length, GENERAL_PUNCTUATION, plain)
    return codes[: _tokens(plain, size, words.table, CLASSES, codes)]


def style_scores(texts: Sequence[str], words: WordList, weights: F32) -> tuple[F32, I64]:
    """Return (D,) the weighted style of each text and (D,) its number of tokens, without making the matrix.

    The value of a feature is log(1 + count) over the Euclidean norm of all values; a text without tokens has score 0. `weights` (2**bits,).
    """
    ragged, bits = RaggedBytes.of(texts), len(weights).bit_length() - 1
    return _linear_scores(ragged.data, ragged.offsets, words.table, CLASSES, GENERAL_PUNCTUATION, weights, bits)


@njit(cache=True)
def _document_features(
    data: U8, start: int, stop: int, table: U64, classes: U8, general: U8, bits: int, counts: NDArray[np.int32]
) -> tuple[I64, NDArray[np.int32], int]:
    plain, codes = np.empty(stop - start, np.uint8), np.empty(stop - start, np.uint64)
    n = _tokens(plain, _plain(data, start, stop, general, plain), table, classes, codes)
    touched = np.empty(LONGEST_RUN * n, np.int64)
    distinct = _count(codes, n, np.uint64(64 - bits), counts, touched)
    found = np.sort(touched[:distinct])
    values = np.empty(distinct, np.int32)
    for k in range(distinct):
        values[k] = counts[found[k]]
        counts[found[k]] = 0
    return found, values, n


def style_matrix(texts: Sequence[str], words: WordList, bits: int) -> tuple[Any, I64]:
    """Return the features of `texts` as a (D, 2**bits) float32 `scipy.sparse.csr_array` of unit rows, and (D,) their numbers of tokens."""
    from scipy.sparse import csr_array

    ragged = RaggedBytes.of(texts)
    counts = np.zeros(1 << bits, np.int32)
    indices: list[I64] = []
    values: list[F32] = []
    lengths = np.zeros(len(texts), np.int64)
    for d in range(len(texts)):
        found, count, lengths[d] = _document_features(
            ragged.data,
            ragged.offsets[d],
            ragged.offsets[d + 1],
            words.table,
            CLASSES,
            GENERAL_PUNCTUATION,
            bits,
            counts,
        )
        value = np.log1p(count.astype(np.float64))
        norm = np.sqrt((value**2).sum())
        indices.append(found)
        values.append((value / norm if norm else value).astype(np.float32))
    starts = np.cumsum([0, *map(len, indices)])
    flat = np.concatenate([np.zeros(0, np.int64), *indices]), np.concatenate([np.zeros(0, np.float32), *values])
    return csr_array((flat[1], flat[0], starts), shape=(len(texts), 1 << bits)), lengths
