"""Stretches of whole sentences, for attacks that work on one after the other; what stands between them stays as it is.

A sentence ends with a full stop, exclamation or question mark before white space (so, wrongly, does "Mr."), with an ideographic one anywhere, or with its line. Blocks do
not cross lines, so that paragraphs stay paragraphs.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from assay.watermark.hashing import GOLDEN, mix64, uniform

_END = re.compile(r"[.!?]+[\"'\u2019\u201d)\]]*(?=\s|$)|[\u3002\uff01\uff1f]+[\u201d\u300d\u300f\uff09]*")
_LINE = re.compile(r"[^\n\r]+")

Range = tuple[int, int]


def sentence_blocks(text: str, most: int) -> list[Range]:
    """Return the characters of blocks of up to `most` sentences of one line each, in order, without white space around them."""
    blocks: list[Range] = []
    for line in _LINE.finditer(text):
        found = _sentences(text, line.start(), line.end())
        blocks += [(part[0][0], part[-1][1]) for i in range(0, len(found), most) if (part := found[i : i + most])]
    return blocks


def chosen_blocks(count: int, share: float, seed: int) -> list[int]:
    """Return which of `count` blocks an attack on a `share` of them takes: that many in expectation, and all of a smaller share's."""
    with np.errstate(over="ignore"):
        words = mix64(np.uint64(seed) ^ mix64(np.arange(1, count + 2, dtype=np.uint64) * GOLDEN))
    draws = uniform(words)
    taken = int(share * count + draws[count]) if share < 1 else count
    return sorted(np.argsort(draws[:count], kind="stable")[:taken].tolist())


def with_blocks(text: str, blocks: Sequence[Range], new: Mapping[int, str]) -> str:
    """Return the text with block i replaced by `new[i]`."""
    parts: list[str] = []
    at = 0
    for i in sorted(new):
        start, stop = blocks[i]
        parts += [text[at:start], new[i]]
        at = stop
    return "".join([*parts, text[at:]])


def part_seed(seed: int, *places: int) -> int:
    """Return the 64-bit seed of a part of a text, such as a block in a round."""
    word = np.array([seed], np.uint64)
    with np.errstate(over="ignore"):
        for place in places:
            word = mix64(word ^ mix64(np.array([place + 1], np.uint64) * GOLDEN))
    return int(word[0])


def _sentences(text: str, start: int, stop: int) -> list[Range]:
    ends = [match.end() for match in _END.finditer(text, start, stop)]
    edges = [start, *ends, stop]
    found: list[Range] = []
    for low, high in pairwise(edges):
        core = text[low:high].strip()
        if core:
            first = low + text[low:high].index(core)
            found.append((first, first + len(core)))
    return found
