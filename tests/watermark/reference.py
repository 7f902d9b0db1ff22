"""The hash contract written from `docs/assay-1.md` alone, in Python integers, to check the library against.

It shares no code with `assay.watermark.hashing` and uses no numpy. `python tests/watermark/reference.py` prints the golden
vectors of `tests/watermark/assay-1.json`; they are frozen, and a test checks that this file still gives them.
"""

import json
import sys
from fractions import Fraction
from hashlib import blake2b

WORD = 2**64
GOLDEN = 0x9E3779B97F4A7C15


def schedule(secret: bytes, scheme: str, kind: str, width: int, salted: bool) -> tuple[dict[int, int], int, int]:
    """Section 1: the multipliers m[1] .. m[9], start and finish."""
    descriptor = f"{scheme}:{kind}:{width}:{'salted' if salted else 'plain'}".encode("ascii")
    person = b"assay-1/context\0"
    blocks = [blake2b(descriptor + bytes([i]), key=secret, digest_size=64, person=person).digest() for i in (0, 1)]
    stream = blocks[0] + blocks[1]
    k = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(16)]
    return {i + 1: k[i] | 1 for i in range(9)}, k[9], k[10]


def mix(x: int) -> int:
    """Section 2."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % WORD
    return x ^ (x >> 31)


def context_hash(secret: bytes, shape: tuple[str, str, int, bool], context: list[int], candidate: int) -> int:
    """Section 3; `context` is (width,), oldest first, so lag 1 is its last entry."""
    scheme, kind, width, salted = shape
    m, start, finish = schedule(secret, scheme, kind, width, salted)
    if kind == "ordered":
        f = start + sum(m[lag] * context[-lag] for lag in range(1, width + 1))
        if salted:
            f += m[9] * candidate
        return mix(mix(f % WORD) ^ finish)
    tokens = [*context, candidate] if salted else context
    f = min((mix((start + m[1] * token) % WORD) for token in tokens), default=mix(start))
    return mix(f ^ finish)


def word(secret: bytes, shape: tuple[str, str, int, bool], context: list[int], candidate: int) -> int:
    """Section 4: the word of a candidate after a context."""
    return mix((context_hash(secret, shape, context, candidate) + candidate * GOLDEN) % WORD)


def words(secret: bytes, shape: tuple[str, str, int, bool], ids: list[int]) -> list[int]:
    """The words of all positions of a text that have a whole context."""
    width = shape[2]
    return [word(secret, shape, ids[t - width : t], ids[t]) for t in range(width, len(ids))]


def threshold(gamma: float) -> int:
    return int(Fraction(gamma) * WORD)


def uniform(w: int) -> float:
    return float(Fraction((w >> 11) | 1, 2**53))


def bits(w: int, depth: int) -> list[int]:
    return [(w >> i) & 1 for i in range(depth)]


KEYS = [bytes(32), bytes(range(32)), b"\xff" * 32, blake2b(b"assay-1 test vectors", digest_size=32).digest()]
TEXTS = [
    [0, 1, 65536, 2**31 - 1, 8191, 0, 1, 65536, 5, 5, 5],
    [2**31 - 1, 2, 3, 151935, 7, 50256, 11, 13, 17, 19, 23, 29],
]
READ = [0, 1, 2**63, WORD - 1, 0x1999999999999A00 - 1, 0x1999999999999A00, 0x0123456789ABCDEF]
GAMMAS = [0.1, 0.25, 0.5, 1 / 3, 0.9, 2.0**-20, 1 - 2.0**-53]


def golden() -> dict[str, list[dict[str, object]]]:
    """The content of assay-1.json."""
    sequences: list[dict[str, object]] = []
    for number, secret in enumerate(KEYS):
        for kind, salted in (("ordered", False), ("ordered", True), ("minhash", False), ("minhash", True)):
            for width in range(9):
                shape = ("greenlist" if number < 3 else "another", kind, width, salted)
                m, start, finish = schedule(secret, *shape)
                ids = TEXTS[(width + number) % 2]
                named = {"key": secret.hex(), "scheme": shape[0], "context": kind, "width": width, "salted": salted}
                hexes = {"start": f"{start:016x}", "finish": f"{finish:016x}"}
                multipliers = [f"{m[i]:016x}" for i in range(1, 10)]
                found = [f"{w:016x}" for w in words(secret, shape, ids)]
                sequences.append({**named, "multipliers": multipliers, **hexes, "ids": ids, "words": found})
    readings: list[dict[str, object]] = [
        {
            "word": f"{w:016x}",
            "green": {repr(gamma): w < threshold(gamma) for gamma in GAMMAS},
            "uniform": uniform(w).hex(),
            "bits": "".join(map(str, bits(w, 64))),
        }
        for w in [*READ, int(str(sequences[1]["words"][0]), 16)]  # type: ignore[index]
    ]
    return {"sequences": sequences, "readings": readings}


if __name__ == "__main__":
    made = golden()
    body = ",\n".join(
        f' "{name}": [\n' + ",\n".join("  " + json.dumps(entry) for entry in made[name]) + "\n ]" for name in made
    )
    sys.stdout.write("{\n" + body + "\n}\n")
