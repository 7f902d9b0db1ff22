"""The bias of logits rows, compiled by numba: what generation does in one step on the CPU.

Equal bit for bit to `watermark.hashing` (tested). Green candidates gain delta. Candidates that make a pair which is never
scored (`CommonSet`) gain log(1 - gamma + gamma e^delta) whatever their colour, what the others gain in expectation: so the
most predictable words, which would carry no evidence anyway, keep their probability, and the text most of its quality.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from .hashing import HashKey, threshold
from .kernels import F32, GOLDEN, I64, M1, M2, S27, S30, U64, mix
from .pairs import BLOOM_BITS, CommonSet

_MAX = np.uint64(2**64 - 1)
_LOW_33 = np.uint64(2**33 - 1)
_BLOOM_SHIFT = np.uint64(64 - BLOOM_BITS)
_ONE, _SIX, _LOW_SIX = np.uint64(1), np.uint64(6), np.uint64(63)


@njit(cache=True, nogil=True)
def _bias(row: F32, out: F32, state: Any, limit: Any, delta: Any) -> None:
    """Bias one row after the context hash `state`; v * GOLDEN by addition, one multiplication less in the loop."""
    if limit & _LOW_33 == 0:
        # A word's top 31 bits are those of its last product, so this limit (gamma = 1/4, 1/2 ...) is decided without the last xor.
        for v in range(row.shape[0]):
            x = (state ^ (state >> S30)) * M1
            x = (x ^ (x >> S27)) * M2
            out[v] = row[v] + (delta if x < limit else np.float32(0.0))
            state += GOLDEN
    else:
        for v in range(row.shape[0]):
            out[v] = row[v] + (delta if mix(state) < limit else np.float32(0.0))
            state += GOLDEN


@njit(cache=True, nogil=True)
def _bias_salted(
    row: F32,
    out: F32,
    folded: Any,
    factor: Any,
    start: Any,
    finish: Any,
    minhash: bool,
    limit: Any,
    delta: Any,
    neutral: Any,
    bloom: U64,
    common: U64,
    tokens: I64,
) -> None:
    """Bias one row whose contexts end with the candidate; `folded` is the context before the candidate joins it."""
    for v in range(row.shape[0]):
        token = np.uint64(v)
        mixed = min(folded, mix(start + factor * token)) if minhash else mix(folded + factor * token)
        word = mix(mix(mixed ^ finish) + token * GOLDEN)
        out[v] = row[v] + (delta if word < limit else np.float32(0.0))
    for j in range(len(tokens)):  # the loop above stays vector code: these are the few that can make a common pair
        v = tokens[j]
        if v < row.shape[0]:
            token = np.uint64(v)
            mixed = min(folded, mix(start + factor * token)) if minhash else mix(folded + factor * token)
            word = mix(mix(mixed ^ finish) + token * GOLDEN)
            place = word >> _BLOOM_SHIFT
            held = (bloom[place >> _SIX] >> (place & _LOW_SIX)) & _ONE
            if held and common[min(np.searchsorted(common, word), len(common) - 1)] == word:
                out[v] = row[v] + neutral


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
    neutral: Any,
    bloom: U64,
    common: U64,
    contexts: U64,
    starts: I64,
    tokens: I64,
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
            folded = _MAX if (width > 0 or self_salt) else mix(start)
            for lag in range(1, width + 1):
                folded = min(folded, mix(start + multipliers[0] * np.uint64(ids[b, length - lag])))
        else:
            folded = start
            for lag in range(1, width + 1):
                folded += multipliers[lag - 1] * np.uint64(ids[b, length - lag])
        if self_salt:
            factor = multipliers[0] if minhash else multipliers[8]
            _bias_salted(
                scores[b], out[b], folded, factor, start, finish, minhash, limit, delta, neutral, bloom, common, tokens
            )
        else:
            context = mix((folded if minhash else mix(folded)) ^ finish)
            _bias(scores[b], out[b], context, limit, delta)
            s = np.searchsorted(contexts, context)
            if s < len(contexts) and contexts[s] == context:
                for j in range(starts[s], starts[s + 1]):
                    if tokens[j] < scores.shape[1]:
                        out[b, tokens[j]] = scores[b, tokens[j]] + neutral


def neutral_bias(gamma: float, delta: float) -> float:
    """Return what a candidate gains in expectation over keys, in nats of probability: log(1 - gamma + gamma e^delta)."""
    return math.log1p(gamma * math.expm1(delta))


class RowBias:
    """The bias of one mark, with all that does not change from step to step worked out.

    Args:
        key: the mark's key schedule.
        gamma: green share.
        delta: bias in nats.
        common: pairs that are not marked.
    """

    def __init__(self, key: HashKey, gamma: float, delta: float, common: CommonSet) -> None:
        self._settled = (
            key.multipliers, key.start, key.finish, key.width, key.kind == "minhash", key.self_salt, threshold(gamma),
            np.float32(delta), np.float32(neutral_bias(gamma, delta)),
            common.bloom, common.words, common.contexts, common.starts, common.tokens,
        )  # fmt: skip

    def write(self, ids: I64, pad: int, scores: F32, out: F32) -> None:
        """Write the biased scores into `out`.

        Args:
            ids: (B, T) int64, what was read so far; a leading run of `pad` in a row is no context.
            pad: id of the padding, negative if there is none.
            scores: (B, V) float32; -inf stays -inf. A row with fewer than `width` tokens is copied.
            out: (B, V) float32, overwritten.
        """
        _bias_rows(ids, pad, scores, out, *self._settled)
