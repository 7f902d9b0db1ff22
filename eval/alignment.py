"""What a paraphrase kept of a text, word by word: gaps in the text with what came in their place, moved blocks found again.

Words are what stands between white space; case and punctuation count. Kept words are those of a Levenshtein alignment
(rapidfuzz). It cannot see that a sentence has moved, so a run of at least two inserted words that stands, word for word, in a deleted stretch is a move. Languages
written without spaces have too few words for this to say anything.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WORD = re.compile(r"\S+")
MOVED_WORDS = 2
"""Shortest run of words that counts as moved."""


@dataclass(frozen=True)
class Piece:
    """What stands in a gap: new words, or, where there are none, the words `start` to `stop` of the text, moved here."""

    start: int = 0
    stop: int = 0
    words: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words) or self.stop - self.start


@dataclass(frozen=True)
class Gap:
    """Words `start` to `stop` of the text are gone (none, if the two are equal), and `pieces` stand there."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Survival:
    """What became of a text of `length` words; the words outside the gaps, ordered and without overlap, are kept in place."""

    length: int
    gaps: tuple[Gap, ...]

    @property
    def kept(self) -> int:
        """Words that stayed in place."""
        return self.length - sum(gap.stop - gap.start for gap in self.gaps)

    @property
    def moved(self) -> int:
        """Words that stand elsewhere."""
        return sum(piece.stop - piece.start for gap in self.gaps for piece in gap.pieces)

    @property
    def new(self) -> int:
        """Words that came in."""
        return sum(len(piece.words) for gap in self.gaps for piece in gap.pieces)

    def kept_runs(self) -> list[int]:
        """Return the lengths of the runs of kept words, in order, empty runs left out."""
        edges = [0, *(edge for gap in self.gaps for edge in (gap.start, gap.stop)), self.length]
        return [stop - start for start, stop in zip(edges[::2], edges[1::2], strict=True) if stop > start]


def align(before: Sequence[str], after: Sequence[str]) -> Survival:
    """Return what `after` kept of `before`, both as words."""
    from rapidfuzz.distance import Levenshtein

    codes: Any = Levenshtein.opcodes(before, after)
    edits: list[list[int]] = []
    for code in codes:
        if code.tag == "equal":
            continue
        if edits and edits[-1][1] == code.src_start and edits[-1][3] == code.dest_start:
            edits[-1][1], edits[-1][3] = code.src_end, code.dest_end
        else:
            edits.append([code.src_start, code.src_end, code.dest_start, code.dest_end])
    moves = _Moves(before, [(start, stop) for start, stop, _, _ in edits])
    return Survival(
        len(before),
        tuple(Gap(start, stop, tuple(moves.pieces(after[low:high]))) for start, stop, low, high in edits),
    )


def keep_repeats(record: Survival, before: Sequence[str], after: Sequence[str]) -> Survival:
    """Return the record with deleted words kept whose n-grams `after` has all the same: the text says them more than once.

    A paraphraser drops what is said twice, and no distinct n-gram is lost by it. Done to a text that does not repeat itself, the same deletion would
    cost as much as any other.
    """
    there = {tuple(after[i : i + MOVED_WORDS]) for i in range(len(after) - MOVED_WORDS + 1)}
    moved = {i for gap in record.gaps for piece in gap.pieces for i in range(piece.start, piece.stop)}
    gaps: list[Gap] = []
    for gap in record.gaps:
        stays = [False] * (gap.stop - gap.start)
        for i in range(gap.start, gap.stop - MOVED_WORDS + 1):
            run = range(i, i + MOVED_WORDS)
            if tuple(before[i : i + MOVED_WORDS]) in there and moved.isdisjoint(run):
                stays[i - gap.start : i - gap.start + MOVED_WORDS] = [True] * MOVED_WORDS
        gaps += _parted(gap, stays)
    return Survival(record.length, tuple(gaps))


def _parted(gap: Gap, stays: Sequence[bool]) -> Iterator[Gap]:
    """Yield the parts of a gap that remain one; its pieces go with the first, or stand alone where none remains."""
    pieces = gap.pieces
    start = gap.start
    while start < gap.stop:
        if stays[start - gap.start]:
            start += 1
            continue
        stop = start
        while stop < gap.stop and not stays[stop - gap.start]:
            stop += 1
        yield Gap(start, stop, pieces)
        pieces, start = (), stop
    if pieces:
        yield Gap(gap.start, gap.start, pieces)


class _Moves:
    """Finds runs of inserted words in the deleted stretches; no deleted word is found twice."""

    def __init__(self, words: Sequence[str], deleted: Sequence[tuple[int, int]]) -> None:
        self._words = words
        self._stop_of: dict[int, int] = {i: stop for start, stop in deleted for i in range(start, stop)}
        self._places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for start, stop in deleted:
            for i in range(start, stop - MOVED_WORDS + 1):
                self._places[tuple(words[i : i + MOVED_WORDS])].append(i)
        self._used: set[int] = set()

    def pieces(self, inserted: Sequence[str]) -> Iterator[Piece]:
        """Yield what is inserted as new words and moved ones; the longest move first at each word."""
        new: list[str] = []
        at = 0
        while at < len(inserted):
            start, length = self._longest(inserted, at)
            if not length:
                new.append(inserted[at])
                at += 1
                continue
            if new:
                yield Piece(words=tuple(new))
                new = []
            self._used.update(range(start, start + length))
            yield Piece(start, start + length)
            at += length
        if new:
            yield Piece(words=tuple(new))

    def _longest(self, inserted: Sequence[str], at: int) -> tuple[int, int]:
        best = (0, 0)
        for start in self._places.get(tuple(inserted[at : at + MOVED_WORDS]), ()):
            length, limit = 0, min(self._stop_of[start] - start, len(inserted) - at)
            while length < limit and self._words[start + length] == inserted[at + length]:
                if start + length in self._used:
                    break
                length += 1
            if length >= MOVED_WORDS and length > best[1]:
                best = (start, length)
        return best


def ngram_survival(before: Sequence[str], after: Sequence[str], n: int) -> float:
    """Return the share of the distinct n-grams of `before` that stand in `after`; NaN where it has none."""
    own = {tuple(before[i : i + n]) for i in range(len(before) - n + 1)}
    left = {tuple(after[i : i + n]) for i in range(len(after) - n + 1)}
    return len(own & left) / len(own) if own else float("nan")
