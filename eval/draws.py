"""A random number for each unit of each text: a hash of the text's seed and the unit's index, with no generator and no state.

Counter-based (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") with the finaliser of SplitMix64 that the marks use too: whole
arrays at once, and the same whatever stands beside a text. A unit is hit where its number is below the strength, so what is hit at a strength is hit
at every higher one, and the share that is hit is binomial with the strength as its mean.
"""

from fractions import Fraction

import numpy as np
from assay.watermark.hashing import GOLDEN, mix64
from numpy.typing import NDArray

from .characters import I64, WordSpans

U64, F64, Bool = NDArray[np.uint64], NDArray[np.float64], NDArray[np.bool_]


def words_of_draws(seeds: U64, text: I64, index: I64, stream: int = 0) -> U64:
    """Return the 64 bits of each unit.

    Args:
        seeds: (D,) uint64, one a text.
        text: (W,) which text a unit is of.
        index: (W,) which unit of its text it is.
        stream: a draw for another purpose; draws of two streams are unrelated.
    """
    keys = mix64(seeds ^ np.uint64((stream + 1) * 0xD1342543DE82EF95 % 2**64))
    return mix64(keys[text] + (index.astype(np.uint64) + np.uint64(1)) * GOLDEN)


def uniforms(seeds: U64, text: I64, index: I64, stream: int = 0) -> F64:
    """Return a number from 0 to below 1 for each unit; (W,) float64."""
    return (words_of_draws(seeds, text, index, stream) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hits(seeds: U64, units: WordSpans, strength: float, stream: int = 0) -> Bool:
    """Return which units are hit; (W,)."""
    if strength >= 1.0:
        return np.ones(len(units), np.bool_)
    return words_of_draws(seeds, units.text, units.index, stream) < np.uint64(int(Fraction(strength) * 2**64))


def choices(seeds: U64, units: WordSpans, counts: I64, stream: int = 1) -> I64:
    """Return for each unit a number from 0 to below its count (W,), which must be at least 1."""
    drawn = (uniforms(seeds, units.text, units.index, stream) * counts).astype(np.int64)
    return np.minimum(drawn, counts - 1)  # the product of a number just below 1 may round up
