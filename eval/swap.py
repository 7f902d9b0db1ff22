"""Swap neighbouring words.

Words, as `delete` takes them, are paired with their neighbours, from the first or the second word on as the seed has it, and a pair changes places with the
strength as probability: the share of words that stand elsewhere. The white space stays where it was. All words stay; the pairs
of neighbours, which a mark with a context looks at, do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import Characters, WordSpans, chunks
from .draws import U64, hits, words_of_draws
from .replacements import Replacements, replaced


@register_attack("swap")
@dataclass(frozen=True)
class Swap(TextAttack):
    """Each pair of neighbours changes places with the strength as probability."""

    summary: ClassVar[str] = "swap neighbouring words"
    strength_is: ClassVar[str] = "share of words that change places with a neighbour"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with the pairs that are hit swapped."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            left = _left_of_pairs(chars, seeds)
            tokens = chars.tokens
            pairs = tokens.where(left)
            first = np.flatnonzero(left)[hits(seeds, pairs, strength)]
            both = np.stack((first, first + 1), 1)
            other = both[:, ::-1].ravel()
            places = both.ravel()
            source, length = tokens.start[other], tokens.stop[other] - tokens.start[other]
            return replaced(chars, Replacements(tokens.start[places], tokens.stop[places], source, length, chars.codes))

        return chunks(texts, seeds, attacked)


def _left_of_pairs(chars: Characters, seeds: U64) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return which tokens are the left one of a pair; (W,)."""
    tokens: WordSpans = chars.tokens
    texts = np.arange(len(chars.starts))
    parity = words_of_draws(seeds, texts, np.zeros(len(texts), np.int64), stream=1) & np.uint64(1)
    followed = np.zeros(len(tokens), np.bool_)
    followed[:-1] = tokens.text[1:] == tokens.text[:-1]
    return followed & ((tokens.index + parity.astype(np.int64)[tokens.text]) % 2 == 0)
