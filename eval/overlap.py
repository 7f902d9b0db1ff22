"""How well located stretches cover the true ones, in characters."""

from collections.abc import Iterable

Range = tuple[int, int]
"""Characters from the first up to, not including, the second."""


def character_iou(found: Iterable[Range], truth: Iterable[Range]) -> float:
    """Return the intersection over the union of two sets of characters, from 0 to 1.

    Ranges of one set may overlap: a character counts once. 1.0 where there is nothing to find and nothing is found.

    Raises:
        ValueError: if a range is not 0 <= start <= stop.
    """
    ours, theirs = _merged(found), _merged(truth)
    both = sum(_shared(a, b) for a in ours for b in theirs)
    either = _size(ours) + _size(theirs) - both
    return both / either if either else 1.0


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """Return disjoint ranges in order that hold the same characters."""
    merged: list[Range] = []
    for start, stop in sorted(ranges):
        if not 0 <= start <= stop:
            raise ValueError(f"a range must be 0 <= start <= stop, got {start} to {stop}")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _shared(a: Range, b: Range) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def _size(ranges: list[Range]) -> int:
    return sum(stop - start for start, stop in ranges)
