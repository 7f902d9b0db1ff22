"""The hash contract `assay-1`, in plain numpy: the reference that every faster twin must equal bit for bit.

Three steps, all in unsigned 64-bit integers with wrap-around (`docs/assay-1.md` is the specification):

1. key schedule: BLAKE2b, keyed by the 256 secret bits and personalised by purpose, gives sixteen words;
2. context hash: the previous `width` tokens become one keyed word, by a multilinear sum (`ordered`) or a minimum
   (`minhash`), then two mixing rounds;
3. value: one mixing round over context hash and token. From that word come a green bit, a uniform, or 64 tournament bits.

Mixing is the finaliser of SplitMix64 (Steele, Lea & Flood 2014; constants: Stafford's variant 13). Multilinear hashing over
words mod 2^64 is universal for 32-bit inputs (Dietzfelbinger 1996), so two different contexts meet with probability below
2^-32 over keys before any mixing. Nothing here depends on the vocabulary, its padding, a device or a generator's state.
This is a statistical pseudo-random function, not a cryptographic one.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
ContextKind = Literal["ordered", "minhash"]

VERSION = "assay-1"
MAX_WIDTH = 8
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@dataclass(frozen=True, slots=True)
class HashKey:
    """The words of one mark's key schedule, with the shape of its context.

    `multipliers` (9,) uint64, odd: one for each lag 1..8, the last for a self-salting candidate; `start` and `finish`
    whiten before and after the first mixing round. Secret: kept out of `repr`.
    """

    multipliers: U64
    start: np.uint64
    finish: np.uint64
    width: int
    kind: ContextKind
    self_salt: bool

    def __repr__(self) -> str:
        return f"HashKey(width={self.width}, kind={self.kind!r}, self_salt={self.self_salt})"


def derive(secret: bytes, scheme: str, width: int, kind: ContextKind, self_salt: bool) -> HashKey:
    """Return the key schedule of a scheme with this context shape.

    The descriptor enters the hash, so one secret gives unrelated functions to marks of different shape.

    Raises:
        ValueError: if the secret has not 32 bytes, the width is outside 0..8, or the kind is unknown.
    """
    if len(secret) != 32:
        raise ValueError(f"secret must have 32 bytes, got {len(secret)}")
    if not 0 <= width <= MAX_WIDTH:
        raise ValueError(f"context_width must be 0 to {MAX_WIDTH}, got {width}")
    if kind not in ("ordered", "minhash"):
        raise ValueError(f"context must be 'ordered' or 'minhash', got {kind!r}")
    descriptor = f"{scheme}:{kind}:{width}:{'salted' if self_salt else 'plain'}".encode("ascii")
    stream = b"".join(
        blake2b(descriptor + bytes([block]), digest_size=64, key=secret, person=b"assay-1/context").digest()
        for block in range(2)
    )
    words = np.frombuffer(stream, dtype="<u8").astype(np.uint64)
    return HashKey(words[:9] | np.uint64(1), words[9], words[10], width, kind, self_salt)


def mix64(x: U64) -> U64:
    """Return SplitMix64's finaliser of each word (any shape, uint64); a bijection."""
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


def context_hash(ids: NDArray[np.integer], key: HashKey) -> U64:
    """Return the keyed hash of the context before each position and after the last.

    Args:
        ids: (T,) token ids, 0 <= id < 2^32, oldest first.
        key: the mark's key schedule; must not be self-salted (there the context ends with the candidate).

    Returns:
        (max(T - width, -1) + 1,) uint64; entry i is the hash of ids[i : i + width], the context of position i + width.
    """
    if key.self_salt:
        raise ValueError("a self-salted context includes the candidate: use word_of(ids, candidates, key)")
    return _finish(_fold(_as_words(ids), key), key)


def value(context: U64, token: NDArray[np.integer]) -> U64:
    """Return the 64-bit word of each (context hash, token); broadcasts. The ONE function of generator and detector."""
    with np.errstate(over="ignore"):
        return mix64(context + _as_words(token) * GOLDEN)


def words_of(ids: NDArray[np.integer], key: HashKey) -> U64:
    """Return the word of each position that has a whole context: (max(T - width, 0),) uint64, from position `width` on."""
    tokens = _as_words(ids)
    inside = tokens[key.width :]
    if not inside.size:
        return np.empty(0, np.uint64)
    if not key.self_salt:
        return value(context_hash(ids, key)[:-1], inside)
    return value(_finish(_salt(_fold(tokens, key)[:-1], inside, key), key), inside)


def candidate_words(context: NDArray[np.integer], candidates: NDArray[np.integer], key: HashKey) -> U64:
    """Return the word of every candidate after one context.

    Args:
        context: (width,) token ids, oldest first.
        candidates: (V,) token ids.
        key: the mark's key schedule.

    Returns:
        (V,) uint64.
    """
    tokens = _as_words(candidates)
    folded = _fold(_as_words(context), key)
    if key.self_salt:
        folded = _salt(folded, tokens, key)
    return value(_finish(folded, key), tokens)


@lru_cache(maxsize=64)
def threshold(gamma: float) -> np.uint64:
    """Return floor(gamma * 2^64), exactly. A word below it is green.

    Raises:
        ValueError: if not 0 < gamma < 1.
    """
    if not 0.0 < gamma < 1.0:
        raise ValueError(f"gamma must be between 0 and 1, got {gamma}")
    return np.uint64(int(Fraction(gamma) * 2**64))


def green(words: U64, gamma: float) -> NDArray[np.bool_]:
    """Return which words are green: true with probability gamma over keys."""
    return words < threshold(gamma)


def uniform(words: U64) -> NDArray[np.float64]:
    """Return a uniform in (0, 1) for each word: (top 53 bits | 1) / 2^53.

    The lowest of the 53 bits is set so that neither 0 nor 1 can occur (adding one half instead would round up to 1).
    """
    return ((words >> np.uint64(11)) | np.uint64(1)).astype(np.float64) * 2.0**-53


def bits(words: U64, depth: int) -> NDArray[np.uint8]:
    """Return the lowest `depth` bits of each word, least significant first: (..., depth) uint8, depth 1 to 64."""
    if not 1 <= depth <= 64:
        raise ValueError(f"depth must be 1 to 64, got {depth}")
    layers = np.arange(depth, dtype=np.uint64)
    return ((words[..., None] >> layers) & np.uint64(1)).astype(np.uint8)


def _as_words(ids: NDArray[np.integer]) -> U64:
    return np.asarray(ids).astype(np.uint64)


def _fold(tokens: U64, key: HashKey) -> U64:
    """Fold each window of `width` tokens into one word, before the finishing rounds: (T - width + 1,) uint64."""
    count = max(len(tokens) - key.width + 1, 0)
    with np.errstate(over="ignore"):
        if key.kind == "ordered":
            folded = np.full(count, key.start)
            for lag in range(1, key.width + 1):
                folded = folded + key.multipliers[lag - 1] * tokens[key.width - lag :][:count]
            return folded
        hashed = mix64(key.start + key.multipliers[0] * tokens)
        folded = np.full(count, mix64(np.full(1, key.start))[0] if key.width == 0 else np.uint64(2**64 - 1))
    if key.width == 0 and key.self_salt:
        folded[:] = np.uint64(2**64 - 1)
    for lag in range(1, key.width + 1):
        folded = np.minimum(folded, hashed[key.width - lag :][:count])
    return folded


def _salt(folded: U64, candidates: U64, key: HashKey) -> U64:
    """Add each candidate to its folded context; broadcasts."""
    with np.errstate(over="ignore"):
        if key.kind == "ordered":
            return folded + key.multipliers[8] * candidates
        return np.minimum(folded, mix64(key.start + key.multipliers[0] * candidates))


def _finish(folded: U64, key: HashKey) -> U64:
    """Finish a folded context: `ordered` mixes twice, `minhash` (mixed already) once more."""
    once = mix64(folded) if key.kind == "ordered" else folded
    return mix64(once ^ key.finish)
