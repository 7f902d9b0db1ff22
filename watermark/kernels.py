"""The contract `assay-1` compiled by numba: detection over ragged token arrays, and the bias of a logits row.

Equal bit for bit to `watermark.hashing` (tested). Every kernel takes the key schedule as plain arrays and integers, so the
machine code is compiled once for all keys and cached on disk. Loops over tokens or candidates carry no branch, so that
LLVM turns them into vector code; only the set of words already seen is walked one token at a time.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .hashing import HashKey, threshold

I32, I64, U8 = NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]
U64, F32, Bool = NDArray[np.uint64], NDArray[np.float32], NDArray[np.bool_]

SCORED, SHORT_CONTEXT, REPEAT, SPECIAL, COMMON = 0, 1, 2, 3, 4

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_MAX = np.uint64(2**64 - 1)
_LOW_33 = np.uint64(2**33 - 1)
_ONE, _SIX, _LOW_SIX = np.uint64(1), np.uint64(6), np.uint64(63)
_BLOOM_BITS = 20


@njit(cache=True, inline="always")
def _mix(x: Any) -> Any:
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


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
            hashed[t] = _mix(start + multipliers[0] * np.uint64(ids[t]))
        empty = _MAX if (width > 0 or self_salt) else _mix(start)
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
            words[t] = _mix(words[t])
    for t in range(width, length):
        words[t] = _mix(_mix(words[t] ^ finish) + np.uint64(ids[t]) * _GOLDEN)


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
    bloom: U64,
    common: U64,
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
    shift = np.uint64(64 - _BLOOM_BITS)
    for d in range(len(offsets) - 1):
        lo, hi = offsets[d], offsets[d + 1]
        length = hi - lo
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
            if special[ids[i]]:
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
            if (bloom[place >> _SIX] >> (place & _LOW_SIX)) & _ONE and common[
                min(np.searchsorted(common, word), len(common) - 1)
            ] == word:
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


@njit(cache=True, nogil=True)
def _bias(row: F32, out: F32, state: Any, limit: Any, delta: Any) -> None:
    """Bias one row after the context hash `state`; v * GOLDEN by addition, one multiplication less in the loop."""
    if limit & _LOW_33 == 0:
        # A word's top 31 bits are those of its last product, so this limit (gamma = 1/4, 1/2 ...) is decided without the last xor.
        for v in range(row.shape[0]):
            x = (state ^ (state >> _S30)) * _M1
            x = (x ^ (x >> _S27)) * _M2
            out[v] = row[v] + (delta if x < limit else np.float32(0.0))
            state += _GOLDEN
    else:
        for v in range(row.shape[0]):
            out[v] = row[v] + (delta if _mix(state) < limit else np.float32(0.0))
            state += _GOLDEN


@njit(cache=True, nogil=True)
def _bias_salted(
    row: F32, out: F32, folded: Any, factor: Any, start: Any, finish: Any, minhash: bool, limit: Any, delta: Any
) -> None:
    """Bias one row whose contexts end with the candidate; `folded` is the context before the candidate joins it."""
    for v in range(row.shape[0]):
        token = np.uint64(v)
        mixed = min(folded, _mix(start + factor * token)) if minhash else _mix(folded + factor * token)
        word = _mix(_mix(mixed ^ finish) + token * _GOLDEN)
        out[v] = row[v] + (delta if word < limit else np.float32(0.0))


@njit(cache=True, nogil=True)
def _bias_rows(
    ids: I64,
    pad: int,
    scores: F32,
    out: F32,
    multipliers: U64,
    start: Any,
    finish: Any,
    width: int,
    minhash: bool,
    self_salt: bool,
    limit: Any,
    delta: Any,
) -> None:
    length = ids.shape[1]
    for b in range(scores.shape[0]):
        first = 0
        while first < length and ids[b, first] == pad:
            first += 1
        if length - first < width:
            out[b] = scores[b]
            continue
        if minhash:
            folded = _MAX if (width > 0 or self_salt) else _mix(start)
            for lag in range(1, width + 1):
                folded = min(folded, _mix(start + multipliers[0] * np.uint64(ids[b, length - lag])))
        else:
            folded = start
            for lag in range(1, width + 1):
                folded += multipliers[lag - 1] * np.uint64(ids[b, length - lag])
        if self_salt:
            factor = multipliers[0] if minhash else multipliers[8]
            _bias_salted(scores[b], out[b], folded, factor, start, finish, minhash, limit, delta)
        else:
            _bias(scores[b], out[b], _mix((folded if minhash else _mix(folded)) ^ finish), limit, delta)


class CommonSet:
    """Words that are never scored because human text shares them: sorted, behind a one-hash bitmap.

    Attributes:
        words: (C,) uint64, sorted; never empty (an impossible entry stands in when there is none).
        bloom: (2^14,) uint64, a bitmap of 2^20 bits: set where some word has these top 20 bits.
    """

    def __init__(self, words: U64 | None = None) -> None:
        given = np.empty(0, np.uint64) if words is None else np.unique(words)
        self.bloom = np.zeros(1 << (_BLOOM_BITS - 6), np.uint64)
        places = given >> np.uint64(64 - _BLOOM_BITS)
        np.bitwise_or.at(self.bloom, (places >> _SIX).astype(np.int64), _ONE << (places & _LOW_SIX))
        self.words = given if given.size else np.zeros(1, np.uint64)
        self.count = int(given.size)


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
    _evidence(
        ids, offsets, special, key.multipliers, key.start, key.finish, key.width, key.kind == "minhash", key.self_salt,
        threshold(gamma), common.bloom, common.words, green, reason, counts,
    )  # fmt: skip
    return green, reason, counts


def bias_rows(ids: I64, pad: int | None, scores: F32, key: HashKey, gamma: float, delta: float, out: F32) -> None:
    """Write scores plus delta on green candidates into `out`.

    Args:
        ids: (B, T) int64, what was read so far; a leading run of `pad` in a row is no context.
        pad: id of the padding, or None if there is none.
        scores: (B, V) float32; -inf stays -inf. A row with fewer than `width` tokens is copied.
        key: the mark's key schedule.
        gamma: green share.
        delta: bias in nats.
        out: (B, V) float32, overwritten.
    """
    _bias_rows(
        ids, -1 if pad is None else pad, scores, out, key.multipliers, key.start, key.finish, key.width,
        key.kind == "minhash", key.self_salt, threshold(gamma), np.float32(delta),
    )  # fmt: skip
