"""Edits of a text, and the way back: which characters of the original stand behind those of the edited text.

Two rules make the way back exact. A character that was kept stands for itself, and so do those written in place of as many others; a
character that was written in place of fewer or more stands for all of those. Removed characters belong to no character of the edited text, so a stretch never holds
more of the original than what it was made from (and what lies in between).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["compatibility", "confusable", "invisible", "bidi", "white_space", "markup"]


class Edit(NamedTuple):
    """Characters [start, stop), at least one, become `text`; `tampering` of them are such as ordinary texts do not hold.

    A text of the same length replaces character by character, and `changed` says how many are not the same as before.
    """

    start: int
    stop: int
    text: str
    kind: Kind
    tampering: int = 0
    changed: int | None = None

    @property
    def n_changed(self) -> int:
        """Characters changed or removed."""
        return self.stop - self.start if self.changed is None else self.changed


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return the text after the edits, which are in order and do not overlap."""
    pieces, done = [], 0
    for edit in edits:
        pieces += text[done : edit.start], edit.text
        done = edit.stop
    pieces.append(text[done:])
    return "".join(pieces)


@dataclass(frozen=True)
class Step:
    """Where a list of edits took a text apart.

    Attributes:
        starts, stops: (E,) int64, in the text before.
        sizes: (E,) int64, characters written in their place.
        length: characters of the text before.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    sizes: NDArray[np.int64]
    length: int

    @cached_property
    def by_character(self) -> NDArray[np.bool_]:
        """(E,) bool, whether the replacement is as long as what it replaces."""
        return self.sizes == self.stops - self.starts

    @classmethod
    def of(cls, edits: Sequence[Edit], length: int) -> "Step":
        """Keep what the way back needs of the edits of a text of `length` characters."""
        rows = np.array([(e.start, e.stop, len(e.text)) for e in edits], np.int64).reshape(-1, 3)
        return cls(rows[:, 0].copy(), rows[:, 1].copy(), rows[:, 2].copy(), length)

    @cached_property
    def written(self) -> NDArray[np.int64]:
        """(E,) int64, where each replacement starts in the text after."""
        return self.starts + np.concatenate(([0], np.cumsum(self.sizes - self.stops + self.starts)))[:-1]

    def back(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the characters at `positions` of the text after start and stop in the text before."""
        edit = np.searchsorted(self.written, positions, side="right") - 1
        at = np.maximum(edit, 0)
        into = positions - self.written[at]
        past, first = into - self.sizes[at], edit < 0
        start = np.where(past >= 0, self.stops[at] + past, self.starts[at] + np.where(self.by_character[at], into, 0))
        start = np.where(first, positions, start)
        stop = np.where(first | (past >= 0) | self.by_character[at], start + 1, self.stops[at])
        return start, stop


@dataclass(frozen=True)
class Alignment:
    """The way from a normalised text back to the original, through every step.

    Attributes:
        steps: in the order in which they were taken.
        length: characters of the normalised text.
    """

    steps: tuple[Step, ...]
    length: int

    def back(self, spans: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (N, 2) spans of the original behind (N, 2) half-open spans of the normalised text.

        An empty span becomes the empty span before the character that it stands before.

        Raises:
            ValueError: if a span does not lie in the text.
        """
        if len(spans) and not ((0 <= spans[:, 0]) & (spans[:, 0] <= spans[:, 1]) & (spans[:, 1] <= self.length)).all():
            raise ValueError(f"spans must satisfy 0 <= start <= stop <= {self.length}")
        starts, stops = spans[:, 0], spans[:, 1]
        for step in reversed(self.steps):
            full = stops > starts
            starts, stops = step.back(starts)[0], step.back(stops - full)[1]
            stops = np.where(full, stops, starts)
        return np.stack([starts, stops], axis=1)

    def offsets(self) -> NDArray[np.int64]:
        """Return (length + 1,) int64: where each character starts in the original; the last is the end of the text."""
        positions = np.arange(self.length + 1, dtype=np.int64)
        for step in reversed(self.steps):
            positions = step.back(positions)[0]
        return positions
