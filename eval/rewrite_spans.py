"""Texts with some of their tokens drawn anew: kept stretches byte for byte, drawn ones decoded in between."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .causal_text import CausalText, TokenText
from .redraw import Sampling, redraw
from .redraw_state import DRAW

Bools = NDArray[np.bool_]


def rewrite_spans(
    reader: CausalText, read: Sequence[TokenText], chosen: Sequence[Bools], seeds: Sequence[int], sampling: Sampling
) -> list[str]:
    """Return each text with the tokens of `chosen` (T,) drawn anew; cuts must fall between words (`TokenText.begins`)."""
    plans = [np.where(mask, DRAW, text.ids) for text, mask in zip(read, chosen, strict=True)]
    drawn = redraw(reader, plans, seeds, sampling)
    return [_joined(reader, text, mask, runs) for text, mask, runs in zip(read, chosen, drawn, strict=True)]


def _joined(reader: CausalText, text: TokenText, mask: Bools, runs: list[NDArray[np.int64]]) -> str:
    if not len(mask):
        return text.text
    edges = [0, *(np.flatnonzero(np.diff(mask)) + 1).tolist(), len(mask)]
    parts: list[str] = []
    before, numbers = np.empty(0, np.int64), iter(runs)
    for start, stop in pairwise(edges):
        ids = next(numbers) if mask[start] else text.ids[start:stop]
        parts.append(reader.write(before, ids) if mask[start] else text.slice(start, stop))
        before = ids
    return "".join(parts)
