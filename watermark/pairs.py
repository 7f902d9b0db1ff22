"""Pairs of (context, token) that are left out of a mark: never scored, and biased so that they stay as likely as they were."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from .hashing import U64, value

BLOOM_BITS = 20
BUCKET_BITS = 16
_ONE, _SIX, _LOW_SIX = np.uint64(1), np.uint64(6), np.uint64(63)


class CommonSet:
    """Pairs left out under one key, by their word and, for generation, by their context.

    Attributes:
        words: (C,) uint64, sorted words of the pairs; one impossible entry where there is none.
        bloom: (2^14,) uint64, a bitmap of 2^20 bits: set where some word has these top 20 bits.
        buckets: (2^16 + 1,) int32; the words with top 16 bits b are words[buckets[b] : buckets[b + 1]].
        count: how many pairs there are.
        contexts: (S,) uint64, sorted hashes of the contexts that have such pairs; empty for a self-salted mark, whose contexts
            include the candidate.
        starts: (S + 1,) int64; the tokens after context s are tokens[starts[s] : starts[s + 1]].
        tokens: (P,) int64; for a self-salted mark every token of a pair, once.
    """

    def __init__(self, words: U64 | None = None, tokens: NDArray[np.integer] | None = None) -> None:
        given = np.empty(0, np.uint64) if words is None else np.unique(words)
        self.bloom = np.zeros(1 << (BLOOM_BITS - 6), np.uint64)
        places = given >> np.uint64(64 - BLOOM_BITS)
        np.bitwise_or.at(self.bloom, (places >> _SIX).astype(np.int64), _ONE << (places & _LOW_SIX))
        self.words = given if given.size else np.zeros(1, np.uint64)
        top = (self.words >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
        self.buckets = np.searchsorted(top, np.arange((1 << BUCKET_BITS) + 1)).astype(np.int32)
        self.count = int(given.size)
        self.contexts = np.empty(0, np.uint64)
        self.starts = np.zeros(1, np.int64)
        self.tokens = np.empty(0, np.int64) if tokens is None else np.unique(tokens).astype(np.int64)

    @classmethod
    def of_pairs(cls, contexts: U64, tokens: NDArray[np.integer]) -> Self:
        """Return the set of these pairs; `contexts` (P,) context hashes, `tokens` (P,) ids; pairs may repeat."""
        made = cls(value(contexts, tokens))
        order = np.argsort(contexts, kind="stable")
        made.contexts, starts = np.unique(contexts[order], return_index=True)
        made.starts = np.append(starts, len(order)).astype(np.int64)
        made.tokens = np.asarray(tokens, np.int64)[order]
        return made
