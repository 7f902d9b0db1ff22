"""Break paragraphs after sentences: RAID's "paragraph insertion", at 50 %.

Between two sentences of a paragraph, with the strength as probability, come two line feeds before the next one; the blank stays, as there
(Dugan et al. 2024, arXiv:2405.07940). Deviations: each place by a draw of its own, where RAID takes a fixed share; RAID splits by NLTK's punkt, here a sentence ends at
a full stop, exclamation or question mark (Han and Kana ones too) with closing quotes and brackets behind it, if what follows begins with no small letter and the
word is neither an initial nor a common abbreviation; places that are breaks of paragraphs already are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import I64, Bool, Characters, WordSpans, chunks
from .draws import U64, hits
from .lexicon import Lexicon
from .replacements import inserted

_ENDS = ".!?\u2026\u3002\uff01\uff1f"
_CLOSERS = "\"')]}\u2019\u201d\u00bb\u300d\u300f\uff09"
_OPENERS = "\"'([{\u2018\u201c\u00ab\u300c\u300e\uff08"
_ABBREVIATIONS = (
    "adm al approx apr aug ave capt cf cmdr co col corp dec dept dr e.g ed eds eq eqs est etc feb fig figs gen gov hon i.e inc jan jr jul jun lt ltd "
    "maj mar mr mrs ms mt nov oct p pp prof pvt rep rev sec sen sep sept sgt sr st u.k u.n u.s viz vol vols vs"
)


@register_attack("insert-paragraphs")
@dataclass(frozen=True)
class InsertParagraphs(TextAttack):
    """Behind each sentence the paragraph ends with the strength as probability."""

    summary: ClassVar[str] = "break paragraphs after sentences"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of places between two sentences of a paragraph that become breaks"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.5, 1.0)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with breaks of paragraphs."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            found = sentence_starts(chars)
            return inserted(chars, found.start[hits(seeds, found, strength)], "\n\n")

        return chunks(texts, seeds, attacked)


def sentence_starts(chars: Characters) -> WordSpans:
    """Return the tokens that begin a sentence behind another one of their paragraph."""
    tokens = chars.tokens
    if not len(tokens):
        return tokens
    here = np.flatnonzero(tokens.text[1:] == tokens.text[:-1])
    stop = _without(chars, tokens.stop[here] - 1, tokens.start[here], _CLOSERS, -1)
    begin = _without(chars, tokens.start[here + 1], tokens.stop[here + 1] - 1, _OPENERS, 1)
    line_ends = np.concatenate(([0], np.cumsum(chars.codes == 10)))
    breaks = line_ends[tokens.start[here + 1]] - line_ends[tokens.stop[here]]
    starts = (
        _among(chars, stop, _ENDS)
        & ~_small_letters()[np.minimum(chars.codes[begin], np.uint32(0x1EFFF))]
        & (breaks < 2)
    )
    keep = np.zeros(len(tokens), np.bool_)
    likely = np.flatnonzero(starts)
    ending = WordSpans(tokens.start[here[likely]], stop[likely], tokens.text[here[likely]], likely)
    keep[here[likely[~_abbreviated(chars, ending)]] + 1] = True
    return tokens.where(keep)


def _abbreviated(chars: Characters, ending: WordSpans) -> Bool:
    """Return whether what stands before the last point is a single capital or a common abbreviation."""
    begin = _without(chars, ending.start, np.maximum(ending.stop - 1, ending.start), _OPENERS, 1)
    words = WordSpans(begin, np.maximum(ending.stop, begin), ending.text, ending.index)
    point = chars.codes[ending.stop] == ord(".")
    initial = (words.stop - words.start == 1) & ((chars.codes[words.start] - np.uint32(65)) < 26)
    return point & (initial | (_abbreviations().find(chars, words) >= 0))


def _without(chars: Characters, at: I64, limit: I64, what: str, step: int) -> I64:
    """Return places moved by up to three of the characters of `what`, not past `limit`."""
    for _ in range(3):
        at = at + step * (_among(chars, at, what) & (at != limit))
    return at


def _among(chars: Characters, at: I64, what: str) -> Bool:
    return _member(what)[np.minimum(chars.codes[at], np.uint32(0xFFFF))]


@lru_cache(maxsize=4)
def _member(what: str) -> Bool:
    table = np.zeros(0x10000, np.bool_)
    table[[ord(char) for char in what]] = True
    return table


@lru_cache(maxsize=1)
def _abbreviations() -> Lexicon:
    return Lexicon({word: () for word in _ABBREVIATIONS.split()})


@lru_cache(maxsize=1)
def _small_letters() -> Bool:
    return np.array([chr(code).islower() for code in range(0x1F000)], np.bool_)
