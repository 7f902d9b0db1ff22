"""Long texts in overlapping windows, and windows in batches of about equal length.

A window of `context` inputs advances by `stride`. It counts only the rows (places after an input) that no earlier window counted, so every
row is counted exactly once, with at least ``context - stride`` inputs before its own where the text has as many.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_SHORTEST = 0.8


class Window(NamedTuple):
    """Inputs ``start:stop`` of one document; rows before `first` are counted by an earlier window."""

    document: int
    start: int
    stop: int
    first: int


def windows(document: int, n_inputs: int, context: int, stride: int) -> Iterator[Window]:
    """Yield the windows that together count each of `n_inputs` rows once.

    Raises:
        ValueError: if not 0 < stride <= context.
    """
    if not 0 < stride <= context:
        raise ValueError(f"stride must be from 1 to the context ({context}), got {stride}")
    counted = 0
    while counted < n_inputs:
        stop = min(n_inputs, counted + stride if counted else context)
        yield Window(document, max(0, stop - context), stop, counted)
        counted = stop


def batches(plan: Iterable[Window], tokens_per_batch: int) -> Iterator[list[Window]]:
    """Yield the windows longest first, in groups of at most `tokens_per_batch` places, padding included; at least one each.

    No window of a group is shorter than 80 % of its longest, so padding costs little.
    """
    group: list[Window] = []
    for window in sorted(plan, key=lambda window: window.start - window.stop):
        longest = group[0].stop - group[0].start if group else 0
        full = (len(group) + 1) * longest > tokens_per_batch or window.stop - window.start < _SHORTEST * longest
        if group and full:
            yield group
            group = []
        group.append(window)
    if group:
        yield group
