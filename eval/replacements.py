"""Stretches of texts replaced by others, for a whole chunk at once: every attack on words is a list of these.

Assembly is one gather over the output's characters; nothing loops over words.
"""

from dataclasses import dataclass

import numpy as np

from .characters import I64, U32, Characters


@dataclass(frozen=True)
class Replacements:
    """R stretches and what comes in their place.

    Attributes:
        start, stop: (R,) int64, stretches of the code points, in order, none over another; where the two are equal something is inserted, several
            insertions at a place in their order.
        source: (R,) int64, where in `pool` a replacement begins.
        length: (R,) int64, its characters; 0 deletes.
        pool: (P,) uint32, code points that replacements are taken from.
    """

    start: I64
    stop: I64
    source: I64
    length: I64
    pool: U32


def replaced(chars: Characters, edits: Replacements) -> list[str]:
    """Return the texts with the replacements made."""
    if not len(edits.start):
        return chars.texts()
    sources, lengths, codes = _pieces(chars, edits)
    moved = np.cumsum(lengths) - lengths
    index = np.repeat(sources - moved, lengths)
    index += np.arange(len(index))
    grown = np.concatenate(([0], np.cumsum(edits.length - (edits.stop - edits.start))))
    starts = chars.starts + grown[np.searchsorted(edits.start, chars.starts)]
    ends = chars.starts + chars.lengths
    stops = ends + grown[np.searchsorted(edits.start, ends, side="right")]
    return Characters(codes[index], starts, stops - starts).texts()


def _pieces(chars: Characters, edits: Replacements) -> tuple[I64, I64, U32]:
    """Return what the output is made of: kept and replaced stretches in turn, as places and lengths in one array of code points."""
    size = len(chars.codes)
    codes = chars.codes if edits.pool is chars.codes else np.concatenate((chars.codes, edits.pool))
    shift = 0 if edits.pool is chars.codes else size
    count = len(edits.start)
    sources, lengths = np.empty(2 * count + 1, np.int64), np.empty(2 * count + 1, np.int64)
    sources[0], sources[2::2] = 0, edits.stop
    lengths[0::2] = np.append(edits.start, size) - sources[0::2]
    sources[1::2], lengths[1::2] = edits.source + shift, edits.length
    return sources, lengths, codes


def deleted(chars: Characters, start: I64, stop: I64) -> list[str]:
    """Return the texts without these stretches (R,), in order, none over another."""
    nothing = np.zeros(len(start), np.int64)
    return replaced(chars, Replacements(start, stop, nothing, nothing, chars.codes))


def inserted(chars: Characters, at: I64, what: str) -> list[str]:
    """Return the texts with `what` before each of these places (R,), in order."""
    if len(what) == 1:
        return Characters(
            np.insert(chars.codes, at, np.uint32(ord(what))),
            chars.starts + np.searchsorted(at, chars.starts),
            chars.lengths + _within(chars, at),
        ).texts()
    pool = np.frombuffer(what.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
    lengths = np.full(len(at), len(pool), np.int64)
    return replaced(chars, Replacements(at, at, np.zeros(len(at), np.int64), lengths, pool))


def _within(chars: Characters, at: I64) -> I64:
    """Return how many of these places, in order, are in each text or at its end; (D,)."""
    return np.searchsorted(at, chars.starts + chars.lengths, side="right") - np.searchsorted(at, chars.starts)
