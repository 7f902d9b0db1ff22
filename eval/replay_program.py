"""A recorded survival set upon another text: which of its words stay, in which order, and where new ones stand.

A record within a quarter of the text's length is scaled to it, which moves the ends of its runs by a few words and leaves its moves whole. A text much
longer than its record goes through several, one after the other; of a record much longer than the text a stretch is used, so that runs are not squeezed, and a move
from outside the stretch is left out.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from assay.watermark.hashing import GOLDEN, mix64, uniform

from .alignment import Gap, Piece, Survival

NEAR = 16
"""Records among which one is drawn: those nearest in length."""
SCALED = 1.25
"""Most by which a record is stretched or squeezed."""


class Stream:
    """Uniform draws of one text: a function of its seed and of how many were taken."""

    def __init__(self, seed: int) -> None:
        self._seed = np.uint64(seed)
        self._taken = 0

    def next(self) -> float:
        """Return the next uniform in (0, 1)."""
        self._taken += 1
        with np.errstate(over="ignore"):
            word = mix64(self._seed ^ mix64(np.array([self._taken], np.uint64) * GOLDEN))
        return float(uniform(word)[0])


def replayed(records: Sequence[Survival], length: int, strength: float, seed: int) -> list[Piece]:
    """Return what stands in the text after the attack, in order: `Piece`s of its own words, or of new ones.

    Args:
        records: sorted by length; at least one.
        length: words of the text.
        strength: probability that a gap of the record is made.
        seed: of the text.
    """
    stream = Stream(seed)
    pieces: list[Piece] = []
    done = 0
    while done < length:
        left = length - done
        record = _similar(records, left, stream)
        part = _fitted(record, left, stream)
        pieces += [_shifted(piece, done) for piece in _applied(part, strength, stream)]
        done += part.length
    return _merged(pieces)


def _fitted(record: Survival, length: int, stream: Stream) -> Survival:
    """Return the record for at most `length` words."""
    if 1 / SCALED <= length / record.length <= SCALED:
        return scaled(record, length)
    if record.length <= length:
        return record
    return stretch(record, int(stream.next() * (record.length - length + 1)), length)


def scaled(record: Survival, length: int) -> Survival:
    """Return the record with its places moved to a text of `length` words; what came in stays as it is."""

    def to(place: int) -> int:
        return (2 * place * length + record.length) // (2 * record.length)

    return Survival(
        length,
        tuple(
            Gap(
                to(gap.start),
                to(gap.stop),
                tuple(one if one.words else Piece(to(one.start), to(one.stop)) for one in gap.pieces),
            )
            for gap in record.gaps
        ),
    )


def stretch(record: Survival, first: int, length: int) -> Survival:
    """Return what became of `length` words from the word `first` on; a move from elsewhere is left out."""
    last = first + length
    gaps: list[Gap] = []
    for gap in record.gaps:
        start, stop = max(gap.start, first), min(gap.stop, last)
        if start > stop or (gap.start < first and gap.stop <= first) or (gap.start >= last and last < record.length):
            continue
        kept = [_within(piece, first, last) for piece in gap.pieces]
        share = (stop - start) / (gap.stop - gap.start) if gap.stop > gap.start else 1.0
        pieces = [
            Piece(words=piece.words[: round(share * len(piece.words))]) if piece.words else piece for piece in kept
        ]
        gaps.append(Gap(start - first, stop - first, tuple(piece for piece in pieces if len(piece))))
    return Survival(length, tuple(gaps))


def _within(piece: Piece, first: int, last: int) -> Piece:
    if piece.words:
        return piece
    start, stop = max(piece.start, first), min(piece.stop, last)
    return Piece(start - first, stop - first) if stop > start else Piece()


def _similar(records: Sequence[Survival], length: int, stream: Stream) -> Survival:
    """Draw one of the records nearest in length."""
    low = bisect_left(records, length, key=lambda one: one.length)
    high = bisect_right(records, length, key=lambda one: one.length)
    near = sorted(
        range(max(low - NEAR, 0), min(high + NEAR, len(records))), key=lambda i: (abs(records[i].length - length), i)
    )[:NEAR]
    return records[near[int(stream.next() * len(near))]]


def _applied(record: Survival, strength: float, stream: Stream) -> list[Piece]:
    """Return the pieces of a record of which each gap is made with probability `strength`; words that stay are not moved too."""
    made = [gap for gap in record.gaps if stream.next() < strength]
    gone = {i for gap in made for i in range(gap.start, gap.stop)}
    pieces: list[Piece] = []
    at = 0
    for gap in made:
        pieces.append(Piece(at, gap.start))
        pieces += [piece for piece in gap.pieces if piece.words or piece.start in gone]
        at = gap.stop
    return [*pieces, Piece(at, record.length)]


def _shifted(piece: Piece, by: int) -> Piece:
    return piece if piece.words else Piece(piece.start + by, piece.stop + by)


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Join neighbours that go on from each other, and drop empty ones."""
    merged: list[Piece] = []
    for piece in pieces:
        if not len(piece):
            continue
        last = merged[-1] if merged else None
        if last is not None and last.words and piece.words:
            merged[-1] = Piece(words=last.words + piece.words)
        elif last is not None and not last.words and not piece.words and last.stop == piece.start:
            merged[-1] = Piece(last.start, piece.stop)
        else:
            merged.append(piece)
    return merged
