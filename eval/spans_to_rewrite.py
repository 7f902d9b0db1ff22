"""Which stretches of a text are written anew: chosen uniformly at random, non-overlapping, whole words, a given share of the tokens.

A text is cut into slots of about `span` tokens with a random phase. Slots are taken in a random order that the strength does not change, so what a weak attack
rewrites a stronger one rewrites too; the last slot is taken only as far as brings the count nearest to the share.
"""

import numpy as np
from assay.watermark.hashing import GOLDEN, mix64
from numpy.typing import NDArray

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


def spans_to_rewrite(begins: Bools, span: int, share: float, seed: int) -> Bools:
    """Return (T,) which tokens to rewrite.

    Args:
        begins: (T,) whether a cut may fall before token i.
        span: about how many tokens a slot has; at least that many but for the first and the last one.
        share: of the tokens, above 0, at most 1.
        seed: of the text.
    """
    chosen = np.zeros(len(begins), np.bool_)
    if not len(begins):
        return chosen
    with np.errstate(over="ignore"):
        words = mix64(np.uint64(seed) ^ mix64(np.arange(1, len(begins) + 2, dtype=np.uint64) * GOLDEN))
    edges = _slots(begins, span, 1 + int(words[-1] % np.uint64(span)))
    order = np.argsort(words[: len(edges) - 1], kind="stable")
    left = share * len(begins)
    for slot in order.tolist():
        start, stop = edges[slot], edges[slot + 1]
        if stop - start > left:
            stop = _nearest([*np.flatnonzero(begins[start:stop]).tolist(), stop - start], left) + start
        chosen[start:stop] = True
        left -= stop - start
        if left <= 0:
            break
    return chosen


def _slots(begins: Bools, span: int, first: int) -> list[int]:
    """Return the edges of the slots: 0, then the first cut at least `first` and then `span` tokens on, and T."""
    edges, wanted = [0], first
    for cut in np.flatnonzero(begins).tolist():
        if cut >= wanted and cut > 0:
            edges.append(cut)
            wanted = cut + span
    return [*edges, len(begins)]


def _nearest(cuts: list[int], wanted: float) -> int:
    return min(cuts, key=lambda cut: (abs(cut - wanted), cut))
