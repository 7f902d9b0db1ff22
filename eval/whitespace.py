"""Add blanks between words: RAID's "whitespace", at 20 %.

Each stretch of white space between two words gets one more blank with the strength as probability (Dugan et al. 2024, arXiv:2405.07940). Deviation: RAID draws
as many stretches as the share makes *with* replacement, so some get several blanks and fewer than the share get any; and it knows only single blanks as stretches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import Characters, WordSpans, chunks
from .draws import U64, hits
from .replacements import inserted


@register_attack("whitespace")
@dataclass(frozen=True)
class Whitespace(TextAttack):
    """Each stretch of white space between words gets a blank more with the strength as probability."""

    summary: ClassVar[str] = "add blanks between words"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of gaps between words that get one more blank"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with blanks added."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            found = followed_by_space(chars)
            return inserted(chars, found.stop[hits(seeds, found, strength)], " ")

        return chunks(texts, seeds, attacked)


def followed_by_space(chars: Characters) -> WordSpans:
    """Return the tokens that have white space and another token of their text behind them."""
    tokens = chars.tokens
    between = np.zeros(len(tokens), np.bool_)
    between[:-1] = (tokens.text[1:] == tokens.text[:-1]) & (tokens.start[1:] > tokens.stop[:-1])
    return tokens.where(between)
