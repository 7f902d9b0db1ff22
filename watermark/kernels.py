"""The contract `assay-1` compiled by numba: detection over ragged token arrays.

Equal bit for bit to `watermark.hashing` (tested). Every kernel takes the key schedule as plain arrays and integers, so the
machine code is compiled once for all keys and cached on disk. Loops over tokens or candidates carry no branch, so that
LLVM turns them into vector code; only the set of words already seen is walked one token at a time.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .hashing import HashKey, threshold
from .pairs import BLOOM_BITS, BUCKET_BITS, CommonSet

I32, I64, U8 = NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]
U64, F32, Bool = NDArray[np.uint64], NDArray[np.float32], NDArray[np.bool_]

SCORED, SHORT_CONTEXT, REPEAT, SPECIAL, COMMON = 0, 1, 2, 3, 4

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
M1 = np.uint64(0xBF58476D1CE4E5B9)
M2 = np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_MAX = np.uint64(2**64 - 1)
_WORTH_A_TABLE = 4  # so many ids for each of the vocabulary: five of the eight products of a word are then looked up
_ONE, _SIX, _LOW_SIX = np.uint64(1), np.uint64(6), np.uint64(63)


@njit(cache=True, inline="always")
def mix(x: Any) -> Any:
    """Return SplitMix64's finaliser of one word."""
    x = (x ^ (x >> S30)) * M1
    x = (x ^ (x >> S27)) * M2
    return x ^ (x >> S31)


@njit(cache=True, nogil=True)
def _document_words(
    ids: I32,
    multipliers: U64,
    start: Any,
    finish: Any,
    width: int,
    minhash: bool,
    self_salt: bool,
    words: U64,
    hashed: U64,
) -> None:
    """Fill words[t] for every t >= width of one document; `hashed` (>= T,) is scratch for the min-hash."""
    length = len(ids)
    if minhash:
        for t in range(length):
            hashed[t] = mix(start + multipliers[0] * np.uint64(ids[t]))
        empty = _MAX if (width > 0 or self_salt) else mix(start)
        for t in range(width, length):
            words[t] = empty
        for lag in range(1, width + 1):
            for t in range(width, length):
                words[t] = min(words[t], hashed[t - lag])
        if self_salt:
            for t in range(width, length):
                words[t] = min(words[t], hashed[t])
    else:
        for t in range(width, length):
            words[t] = start
        for lag in range(1, width + 1):
            factor = multipliers[lag - 1]
            for t in range(width, length):
                words[t] += factor * np.uint64(ids[t - lag])
        if self_salt:
            factor = multipliers[8]
            for t in range(width, length):
                words[t] += factor * np.uint64(ids[t])
        for t in range(width, length):
            words[t] = mix(words[t])
    for t in range(width, length):
        words[t] = mix(mix(words[t] ^ finish) + np.uint64(ids[t]) * GOLDEN)


@njit(cache=True, nogil=True)
def _context_words(multiplier: Any, start: Any, finish: Any, prefixes: U64) -> None:
    """Fill prefixes[v], (V,), with all of the word after the context v that does not depend on the token."""
    for v in range(len(prefixes)):
        prefixes[v] = mix(mix(start + multiplier * np.uint64(v)) ^ finish)


@njit(cache=True, nogil=True)
def _words_after(ids: I32, prefixes: U64, words: U64) -> None:
    """Fill words[t] for every t >= 1 of one document under a context of one token, as `_document_words` does."""
    for t in range(1, len(ids)):  # an unsigned index cannot be negative, which spares a test
        words[t] = mix(prefixes[np.uint64(ids[t - 1])] + np.uint64(ids[t]) * GOLDEN)


@njit(cache=True, nogil=True)
def _evidence(
    ids: I32,
    offsets: I64,
    special: Bool,
    multipliers: U64,
    start: Any,
    finish: Any,
    width: int,
    minhash: bool,
    self_salt: bool,
    limit: Any,
    prefixes: U64,
    bloom: U64,
    common: U64,
    buckets: I32,
    green: Bool,
    reason: U8,
    counts: I64,
) -> None:
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    words = np.empty(longest, np.uint64)
    hashed = np.empty(longest if minhash else 0, np.uint64)
    slots = 16
    while slots < 2 * longest:
        slots *= 2
    table = np.zeros(slots, np.uint64)
    shift = np.uint64(64 - BLOOM_BITS)
    bucket_shift = np.uint64(64 - BUCKET_BITS)
    for d in range(len(offsets) - 1):
        lo, hi = offsets[d], offsets[d + 1]
        length = hi - lo
        if len(prefixes):
            _words_after(ids[lo:hi], prefixes, words)
        else:
            _document_words(ids[lo:hi], multipliers, start, finish, width, minhash, self_salt, words, hashed)
        size = 16
        while size < 2 * length:
            size *= 2
        table[:size] = 0
        mask = np.uint64(size - 1)
        n_scored, n_green, last_special = 0, 0, -width - 1
        for t in range(length):
            i = lo + t
            green[i] = False
            if special[np.uint64(ids[i])]:
                last_special = t
            if t < width:
                reason[i] = SHORT_CONTEXT
                continue
            if t - last_special <= width:
                reason[i] = SPECIAL
                continue
            word = words[t]
            green[i] = word < limit
            place = word >> shift
            if (bloom[place >> _SIX] >> (place & _LOW_SIX)) & _ONE:
                bucket = (
                    word >> bucket_shift
                )  # words are uniform: a bucket holds few, where a search would jump about all
                k, stop = buckets[bucket], buckets[bucket + _ONE]
                while k < stop and common[k] < word:
                    k += 1
                if k < stop and common[k] == word:
                    reason[i] = COMMON
                    continue
            entry = word | _ONE  # 0 marks an empty slot; words that differ in this bit alone count as one (2^-63)
            slot = (word >> np.uint64(7)) & mask
            while table[slot] != 0 and table[slot] != entry:
                slot = (slot + _ONE) & mask
            if table[slot] == entry:
                reason[i] = REPEAT
                continue
            table[slot] = entry
            reason[i] = SCORED
            n_scored += 1
            n_green += green[i]
        counts[d, 0] = n_scored
        counts[d, 1] = n_green


def evidence(
    ids: I32,
    offsets: I64,
    special: Bool,
    key: HashKey,
    gamma: float,
    common: CommonSet,
) -> tuple[Bool, U8, I64]:
    """Return green bits, reasons and counts of a ragged batch of documents.

    Args:
        ids: (N,) token ids of all documents, one after the other.
        offsets: (D + 1,) document d is ids[offsets[d] : offsets[d + 1]].
        special: (V,) true for ids that are control tokens, V greater than any id.
        key: the mark's key schedule.
        gamma: green share.
        common: words left out because human text shares them.

    Returns:
        green (N,) bool; reason (N,) uint8 (`SCORED` or why not); counts (D, 2) int64: scored, green among them.

    Raises:
        ValueError: if an id lies outside `special`.
    """
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(special):  # compiled code would read past the mask
        raise ValueError(f"ids must be in 0..{len(special) - 1}, got {ids.min()} to {ids.max()}")
    green = np.empty(len(ids), np.bool_)
    reason = np.empty(len(ids), np.uint8)
    counts = np.zeros((len(offsets) - 1, 2), np.int64)
    single = key.width == 1 and not key.self_salt and len(ids) >= _WORTH_A_TABLE * len(special)
    prefixes = np.empty(len(special) if single else 0, np.uint64)
    _context_words(key.multipliers[0], key.start, key.finish, prefixes)
    _evidence(
        ids, offsets, special, key.multipliers, key.start, key.finish, key.width, key.kind == "minhash", key.self_salt,
        threshold(gamma), prefixes, common.bloom, common.words, common.buckets, green, reason, counts,
    )  # fmt: skip
    return green, reason, counts
