"""The copy-paste edit: a piece of one text set into another, and where in the result it stands.

Pure functions on strings: no model, no randomness, no tokenizer. Ranges are characters, half-open. Kirchenbauer et al. 2024
(arXiv:2306.04634, section 4) call the same edit the copy-paste attack.
"""

import re
from dataclasses import dataclass

_WORD_START = re.compile(r"(?<=\s)(?=\S)")
_SENTENCE_START = re.compile(r"(?<=[.!?])[\"'\u2019\u201d)\]]*\s+(?=\S)")


@dataclass(frozen=True)
class Splice:
    """A text with a pasted part.

    Attributes:
        text: the whole.
        start, stop: the pasted characters; `text[start:stop]` is the piece.
    """

    text: str
    start: int
    stop: int


def splice(host: str, piece: str, at: int) -> Splice:
    """Paste `piece` before character `at` of `host`.

    Where the piece would touch a word of the host a blank goes between them; the blank is not part of the range. An
    empty piece leaves the host as it is.

    Raises:
        ValueError: if `at` is not a place in `host`.
    """
    if not 0 <= at <= len(host):
        raise ValueError(f"at must be from 0 to the host's {len(host)} characters, got {at}")
    if not piece:
        return Splice(host, at, at)
    before, after = host[:at], host[at:]
    left = " " if before and not (before[-1].isspace() or piece[0].isspace()) else ""
    right = " " if after and not (after[0].isspace() or piece[-1].isspace()) else ""
    start = at + len(left)
    return Splice(f"{before}{left}{piece}{right}{after}", start, start + len(piece))


def word_break(text: str, near: int) -> int:
    """Return the start of the word nearest to character `near`; the text's beginning and end count, ties go left."""
    starts = [match.end() for match in _WORD_START.finditer(text)]
    return _nearest([0, *starts, len(text)], near)


def sentence_break(text: str, near: int) -> int:
    """Return the start of the sentence nearest to character `near`, or of the word where there is but one sentence.

    A full stop, an exclamation or a question mark before white space ends a sentence; so, wrongly, does "Mr.".
    """
    starts = [match.end() for match in _SENTENCE_START.finditer(text)]
    return _nearest(starts, near) if starts else word_break(text, near)


def _nearest(places: list[int], near: int) -> int:
    return min(places, key=lambda place: (abs(place - near), place))
