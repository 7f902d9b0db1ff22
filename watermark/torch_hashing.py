"""The contract `assay-1` in torch, on any device: the twin of `watermark.hashing` that generation uses off the CPU.

torch has no unsigned 64-bit arithmetic on CUDA, so words are int64 with the same bits: sums and products wrap alike, a right
shift is masked to be logical, and an unsigned comparison flips the sign bits first. Integers only, so that CPU and CUDA agree bit
for bit; no generator, no device chosen here.
"""

import numpy as np
import torch
from torch import Tensor

from .hashing import U64, HashKey, threshold

_SIGN = -(2**63)


def signed(word: int | np.uint64) -> int:
    """Return the int64 with the bits of an unsigned word."""
    value = int(word)
    return value - 2**64 if value >= 2**63 else value


_GOLDEN, _M1, _M2 = (signed(w) for w in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mix64(x: Tensor) -> Tensor:
    """Return SplitMix64's finaliser of each word (any shape, int64)."""
    x = (x ^ _shift(x, 30)) * _M1
    x = (x ^ _shift(x, 27)) * _M2
    return x ^ _shift(x, 31)


def fold(contexts: Tensor, key: HashKey) -> Tensor:
    """Fold contexts (B, width) int64, oldest first, into one word each before finishing: (B,) int64."""
    start = signed(key.start)
    if key.kind == "ordered":
        folded = torch.full_like(contexts[:, :1].sum(1), start)
        for lag in range(1, key.width + 1):
            folded = folded + contexts[:, key.width - lag] * signed(key.multipliers[lag - 1])
        return folded
    if key.width == 0:
        whole = torch.full_like(contexts.sum(1), start)
        return torch.full_like(whole, -1) if key.self_salt else mix64(whole)
    hashed = mix64(contexts * signed(key.multipliers[0]) + start)
    return (hashed ^ _SIGN).amin(1) ^ _SIGN


def finish(folded: Tensor, key: HashKey) -> Tensor:
    """Finish folded contexts (any shape)."""
    once = mix64(folded) if key.kind == "ordered" else folded
    return mix64(once ^ signed(key.finish))


def candidate_words(contexts: Tensor, vocab_size: int, key: HashKey) -> Tensor:
    """Return the word of every candidate 0..V-1 after each context (B, width): (B, V) int64 bits."""
    tokens = torch.arange(vocab_size, device=contexts.device, dtype=torch.int64)
    folded = fold(contexts, key)[:, None]
    if key.self_salt:
        if key.kind == "ordered":
            folded = folded + tokens * signed(key.multipliers[8])
        else:
            own = mix64(tokens * signed(key.multipliers[0]) + signed(key.start))
            folded = torch.minimum(folded ^ _SIGN, own ^ _SIGN) ^ _SIGN
    return mix64(finish(folded, key) + tokens * _GOLDEN)


def green(words: Tensor, gamma: float) -> Tensor:
    """Return which words (any shape, int64 bits) are green: bool."""
    return (words ^ _SIGN) < (signed(threshold(gamma)) ^ _SIGN)


def contains(held: U64, words: Tensor) -> Tensor:
    """Return which words (any shape, int64 bits) are among `held` (C,) uint64, C at least 1: bool."""
    ordered = torch.from_numpy(np.sort(held.view(np.int64))).to(words.device)
    places = torch.searchsorted(ordered, words).clamp_(max=len(ordered) - 1)
    return ordered[places] == words


def _shift(x: Tensor, n: int) -> Tensor:
    return (x >> n) & ((1 << (64 - n)) - 1)
