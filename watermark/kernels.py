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

SCORED, SHORT_CONTEXT, REPEAT, SPECIAL, COMMON = 0, 1, 2, 3, 4

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_MAX = np.uint64(2**64 - 1)
_ONE, _SIX, _LOW_SIX = np.uint64(1), np.uint64(6), np.uint64(63)
_BLOOM_BITS = 20


@njit(cache=True, inline="always")
def _mix(x: Any) -> Any:
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True)
def _document_words(ids, multipliers, start, finish, width, minhash, self_salt, words, hashed) -> None:
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
    ids,
    offsets,
    special,
    multipliers,
    start,
    finish,
    width,
    minhash,
    self_salt,
    limit,
    bloom,
    common,
    green,
    reason,
    counts,
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
def _bias_rows(scores, contexts, marked, limit, delta, out) -> None:
    for b in range(scores.shape[0]):
        row, target = scores[b], out[b]
        if not marked[b]:
            target[:] = row
            continue
        state = contexts[b]
        for v in range(row.shape[0]):
            target[v] = row[v] + (delta if _mix(state) < limit else np.float32(0.0))
            state += _GOLDEN  # v * GOLDEN by addition: one 64-bit multiplication less in the loop


@njit(cache=True, nogil=True)
def _bias_rows_salted(scores, folded, marked, factor, start, finish, minhash, limit, delta, out) -> None:
    for b in range(scores.shape[0]):
        row, target = scores[b], out[b]
        if not marked[b]:
            target[:] = row
            continue
        context = folded[b]
        for v in range(row.shape[0]):
            token = np.uint64(v)
            if minhash:
                mixed = min(context, _mix(start + factor * token))
            else:
                mixed = _mix(context + factor * token)
            word = _mix(_mix(mixed ^ finish) + token * _GOLDEN)
            target[v] = row[v] + (delta if word < limit else np.float32(0.0))


class CommonSet:
    """Words that are never scored because human text shares them: sorted, behind a one-hash bitmap.

    Attributes:
        words: (C,) uint64, sorted; never empty (an impossible entry stands in when there is none).
        bloom: (2^14,) uint64, a bitmap of 2^20 bits: set where some word has these top 20 bits.
    """

    def __init__(self, words: NDArray[np.uint64] | None = None) -> None:
        given = np.empty(0, np.uint64) if words is None else np.unique(words)
        self.bloom = np.zeros(1 << (_BLOOM_BITS - 6), np.uint64)
        places = given >> np.uint64(64 - _BLOOM_BITS)
        np.bitwise_or.at(self.bloom, (places >> _SIX).astype(np.int64), _ONE << (places & _LOW_SIX))
        self.words = given if given.size else np.zeros(1, np.uint64)
        self.count = int(given.size)


def evidence(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    special: NDArray[np.bool_],
    key: HashKey,
    gamma: float,
    common: CommonSet,
) -> tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.int64]]:
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
    """
    green = np.empty(len(ids), np.bool_)
    reason = np.empty(len(ids), np.uint8)
    counts = np.zeros((len(offsets) - 1, 2), np.int64)
    _evidence(
        ids, offsets, special, key.multipliers, key.start, key.finish, key.width, key.kind == "minhash", key.self_salt,
        threshold(gamma), common.bloom, common.words, green, reason, counts,
    )  # fmt: skip
    return green, reason, counts


def bias_rows(
    scores: NDArray[np.float32],
    contexts: NDArray[np.uint64],
    marked: NDArray[np.bool_],
    key: HashKey,
    gamma: float,
    delta: float,
    out: NDArray[np.float32],
) -> None:
    """Write scores plus delta on green candidates into `out`; scores and out (B, V) float32, contiguous rows.

    Args:
        scores: (B, V) float32; -inf stays -inf.
        contexts: (B,) uint64: context hashes, or folded contexts (before finishing) when self-salted.
        marked: (B,) bool; a row that is not marked is copied.
        key: the mark's key schedule.
        gamma: green share.
        delta: bias in nats.
        out: (B, V) float32, overwritten.
    """
    limit, bias = threshold(gamma), np.float32(delta)
    if not key.self_salt:
        _bias_rows(scores, contexts, marked, limit, bias, out)
        return
    minhash = key.kind == "minhash"
    factor = key.multipliers[0] if minhash else key.multipliers[8]
    _bias_rows_salted(scores, contexts, marked, factor, key.start, key.finish, minhash, limit, bias, out)
