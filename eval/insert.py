"""Insert words.

Behind each word, with the strength as probability, comes a copy of a word from anywhere in the same text, in the form it has there: no list of words, so any
language will do, and the text's own frequencies decide. For a mark this is a mild insertion: copies of words bring pairs of tokens that the generator did
not choose, but few new tokens. A text without letters or digits stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import ALONE, Characters, chunks
from .draws import U64, choices, hits
from .replacements import Replacements, replaced


@register_attack("insert")
@dataclass(frozen=True)
class Insert(TextAttack):
    """Behind each word another of the text is inserted with the strength as probability."""

    summary: ClassVar[str] = "insert copies of words of the same text"
    strength_is: ClassVar[str] = "words inserted, as a share of the text's"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with words inserted."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            return replaced(chars, _insertions(chars, strength, seeds))

        return chunks(texts, seeds, attacked)


def _insertions(chars: Characters, strength: float, seeds: U64) -> Replacements:
    words = chars.words
    counts = np.bincount(words.text, minlength=len(chars.starts))
    first = np.cumsum(counts) - counts
    places = chars.tokens.where(hits(seeds, chars.tokens, strength) & (counts[chars.tokens.text] > 0))
    chosen = first[places.text] + choices(seeds, places, counts[places.text])
    # A blank comes first, but not behind a Han or Kana character, where the next word follows at once.
    blank = chars.classes[places.stop - 1] != ALONE
    at = np.repeat(places.stop, 2)
    source = np.stack((np.full(len(places), len(chars.codes)), words.start[chosen]), 1).ravel()
    length = np.stack((blank.astype(np.int64), words.stop[chosen] - words.start[chosen]), 1).ravel()
    return Replacements(at, at, source, length, np.append(chars.codes, np.uint32(32)))
