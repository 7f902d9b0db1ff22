"""Delete words.

The plainest edit of the field: each word is deleted with a probability (word deletion in Pan et al. 2024, MarkLLM, arXiv:2405.10051, at 30 %). Words are what stands
between white space, with their punctuation. Of the white space around deleted words one piece stays, the one with most line ends, else the longest, so
that paragraphs and their breaks outlive their words; MarkLLM joins what is left by single blanks. A text that loses all its words is empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import I64, Bool, Characters, chunks
from .draws import U64, hits
from .replacements import deleted


@register_attack("delete")
@dataclass(frozen=True)
class Delete(TextAttack):
    """Each word is deleted with the strength as probability."""

    summary: ClassVar[str] = "delete words"
    source: ClassVar[str] = "Pan et al. 2024, arXiv:2405.10051"
    strength_is: ClassVar[str] = "share of words deleted"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts without the words that are hit."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            return without_tokens(chars, hits(seeds, chars.tokens, strength))

        return chunks(texts, seeds, attacked)


def without_tokens(chars: Characters, hit: Bool) -> list[str]:
    """Return the texts without the tokens where `hit` (W,) is true, and with one piece of white space where each run of them stood."""
    tokens = chars.tokens
    same = np.zeros(len(tokens) + 1, np.bool_)  # whether a token is of the same text as the one before
    same[1:-1] = tokens.text[1:] == tokens.text[:-1]
    linked = np.zeros(len(tokens), np.bool_)  # whether a token goes on with the run of the one before
    linked[1:] = hit[1:] & hit[:-1] & same[1:-1]
    first = np.flatnonzero(hit & ~linked)
    last = np.flatnonzero(hit & ~np.append(linked[1:], False))
    if not len(first):
        return chars.texts()
    text_start = chars.starts[tokens.text]
    text_stop = text_start + chars.lengths[tokens.text]
    gap_start = np.where(same[:-1], np.concatenate((text_start[:1], tokens.stop[:-1])), text_start)
    opens, closes = ~same[first], ~same[last + 1]
    after = np.minimum(last + 1, len(tokens) - 1)
    kept = _best_gaps(chars, gap_start, tokens.start, first, after)
    cases = [
        opens & closes,
        opens,
        closes,
    ]  # a whole text; its beginning keeps what it begins with, its end what it ends with
    keep_start = np.select(cases, [text_stop[last], gap_start[first], tokens.stop[last]], gap_start[kept])
    keep_stop = np.select(cases, [text_stop[last], tokens.start[first], text_stop[last]], tokens.start[kept])
    region_stop = np.where(closes, text_stop[last], tokens.start[after])
    starts = np.stack((gap_start[first], keep_stop), 1).ravel()
    stops = np.stack((keep_start, region_stop), 1).ravel()
    return deleted(chars, starts, stops)


def _best_gaps(chars: Characters, gap_start: I64, gap_stop: I64, first: I64, after: I64) -> I64:
    """Return for each run of tokens from `first` up to `after` the token before which the gap to be kept stands."""
    line_ends = np.concatenate(([0], np.cumsum(chars.codes == 10)))
    ends = np.minimum(line_ends[gap_stop] - line_ends[gap_start], 255)
    size = np.minimum(gap_stop - gap_start, 2**15)
    order = 2**32 - 1 - np.arange(len(gap_start))  # the first of equals
    keys = (ends << 48) | (size << 32) | order
    bounds = np.stack((first, after), 1).ravel()
    best = np.maximum(np.maximum.reduceat(keys, bounds)[::2], keys[after])
    return 2**32 - 1 - (best & (2**32 - 1))
