"""Delete articles: RAID's "article deletion", at 50 %.

As there (Dugan et al. 2024, arXiv:2405.07940) an article is "a", "an" or "the" in small letters with white space on either side, and one white space goes with it.
Deviations: each is deleted with a probability of its own, where RAID deletes a fixed share of them; any white space counts, there only a blank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .characters import SPACE, Characters, WordSpans, chunks
from .draws import U64, hits
from .replacements import deleted

_ARTICLES = ("a", "an", "the")


@register_attack("delete-articles")
@dataclass(frozen=True)
class DeleteArticles(TextAttack):
    """Each article is deleted with the strength as probability."""

    summary: ClassVar[str] = "delete the English articles a, an, the"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of articles deleted"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.5, 1.0)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts without the articles that are hit."""

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            found = articles(chars)
            hit = found.where(hits(seeds, found, strength))
            return deleted(chars, hit.start, hit.stop + 1)

        return chunks(texts, seeds, attacked)


def articles(chars: Characters) -> WordSpans:
    """Return the articles with white space on either side, in small letters."""
    tokens = chars.tokens
    stop = chars.starts[tokens.text] + chars.lengths[tokens.text]
    # A token ends at white space or a text's end, or where Han or Kana begin.
    near = tokens.where(
        (tokens.stop - tokens.start <= 3) & (tokens.start > chars.starts[tokens.text]) & (tokens.stop < stop)
    )
    spaced = (chars.classes[near.start - 1] == SPACE) & (chars.classes[near.stop] == SPACE)
    is_article = np.zeros(len(near), np.bool_)
    for word in _ARTICLES:
        equal = near.stop - near.start == len(word)
        for i, letter in enumerate(word):
            equal &= chars.codes[np.minimum(near.start + i, near.stop - 1)] == ord(letter)
        is_article |= equal
    return near.where(spaced & is_article)
