"""The heat map of a text: how far down a language model's list of guesses each token stood (Gehrmann et al. 2019, arXiv:1906.04043).

GLTR colours tokens by rank in four steps: up to 10, 100, 1,000, and beyond. Here the scale is ln(rank) in twelve steps: rank 1, which is the
model's first guess, and eleven equal stretches of ln from 1 to the size of the vocabulary.

The colours run through one warm hue at equal steps of lightness in OKLab (Ottosson 2020), from nearly the colour of the paper to what stands
out most on it: dark on white, bright on black. So their order survives every colour blindness, a grey printout included. On each of them
black or white text has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3).

A heat map is a picture and no test.
"""

import math
from dataclasses import dataclass

import numpy as np
from assay.detect.lm_scores import LMScores
from numpy.typing import NDArray

from .wording import p_text

LIGHT = (
    *("#fcfaf1", "#f0e7cf", "#e5d3ae", "#dbbe8c", "#d3a86a", "#cc9147"),
    *("#bf7c30", "#ad6a2a", "#9b5924", "#88491d", "#753918", "#632a11"),
)
"""The twelve colours on white paper, from rank 1 up."""

DARK = (
    *("#231d19", "#39291e", "#513723", "#6a4526", "#835328", "#9e6228"),
    *("#b37530", "#c28b43", "#d1a257", "#e0b96c", "#eed082", "#fde89a"),
)
"""The twelve colours on black paper, from rank 1 up."""

_STEPS = len(LIGHT) - 1


@dataclass(frozen=True)
class HeatPiece:
    """A stretch of text that shares a colour.

    Attributes:
        start, stop: characters, half-open.
        level: 0 to 11; None where there is no score.
        tooltip: rank and probability in words; empty between tokens.
    """

    start: int
    stop: int
    level: int | None
    tooltip: str


def heat_levels(rank: NDArray[np.int32], vocab_size: int) -> NDArray[np.int64]:
    """Return (T,) int64: the step of the scale, 0 for rank 1 up to 11; -1 for rank 0, which is no rank.

    Args:
        rank: (T,) int32, from 1 to `vocab_size`.
        vocab_size: how many entries the model ranks, at least 2.
    """
    shares = np.log(np.maximum(rank, 1)) / math.log(vocab_size)
    levels = np.minimum(1 + np.floor(_STEPS * shares), _STEPS).astype(np.int64)
    return np.where(rank > 1, levels, rank.astype(np.int64) - 1)


def scale(vocab_size: int) -> list[tuple[int, int]]:
    """Return (level, lowest rank) of each step of the scale that has a rank."""
    levels = heat_levels(np.arange(1, vocab_size + 1, dtype=np.int32), vocab_size)
    first = np.flatnonzero(np.diff(levels, prepend=-1))
    return list(zip(levels[first].tolist(), (first + 1).tolist(), strict=True))


def text_color(background: str) -> str:
    """Return black or white, whichever is easier to read on a colour such as `#d3a86a`."""
    brightness = luminance(background) + 0.05
    return "#000" if brightness / 0.05 > 1.05 / brightness else "#fff"


def luminance(color: str) -> float:
    """Return the relative luminance of an sRGB colour such as `#d3a86a` (WCAG 2.2), from 0 to 1."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def heat_pieces(scores: LMScores, length: int, vocab_size: int) -> list[HeatPiece]:
    """Return the first `length` characters as pieces without gap or overlap.

    Tokens that share a character (its bytes fall into several) make one piece: their probabilities multiply, and the least expected of
    them gives the colour.
    """
    levels = heat_levels(scores.rank, vocab_size).tolist()
    found: list[HeatPiece] = []
    cursor = 0
    for start, stop, first, last in _groups(scores.chars):
        if start > cursor:
            found.append(HeatPiece(cursor, start, None, ""))
        group = levels[first:last]
        level = None if min(group) < 0 else max(group)
        found.append(HeatPiece(start, stop, level, _tooltip(scores, first, last, vocab_size)))
        cursor = stop
    if cursor < length:
        found.append(HeatPiece(cursor, length, None, ""))
    return found


def _groups(chars: NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Return (start, stop, first token, last token + 1) of each run of tokens that overlap; none without a character."""
    groups: list[tuple[int, int, int, int]] = []
    for t, (start, stop) in enumerate(chars.tolist()):
        if groups and start < groups[-1][1]:
            begin, end, first, _ = groups[-1]
            groups[-1] = (begin, max(end, stop), first, t + 1)
        elif stop > start:
            groups.append((start, stop, t, t + 1))
    return groups


def _tooltip(scores: LMScores, first: int, last: int, vocab_size: int) -> str:
    rank = scores.rank[first:last]
    if not rank.all():
        return "not scored"
    chance = p_text(float(scores.log_prob[first:last].sum(dtype=np.float64)) / math.log(10))
    if len(rank) == 1:
        return f"rank {rank[0]:,} of {vocab_size:,}, p = {chance}"
    return f"{len(rank)} tokens, highest rank {rank.max():,} of {vocab_size:,}, together p = {chance}"
