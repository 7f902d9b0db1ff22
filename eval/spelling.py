"""Spell words as on the other side of the Atlantic: RAID's "alternative spelling", at 100 %.

American spellings become British ones (Dugan et al. 2024, arXiv:2405.07940) or, by an option, the other way round; capitals stay. The list is our own, `spelling.txt`:
endings that change by rule (-our, -re, -ise, -yse, -ogue, doubled l, ae and oe) written out for common stems, and single words; only such as are the same word
on both sides ("practice", "license", "check", "tire", "meter", "story" and "program" are not). Deviations: RAID replaces listed strings anywhere, inside other words too, here
whole words; its list is another; each word by a draw of its own, where RAID takes a fixed share. -ise is the usual but not the only British form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from .attack import TextAttack, register_attack
from .characters import Characters, chunks
from .draws import U64, hits
from .lexicon import Lexicon, list_digest, read_lines
from .replacements import Replacements, replaced

_LIST = "spelling.txt"


@register_attack("spelling")
@dataclass(frozen=True)
class Spelling(TextAttack):
    """Each word that is spelt otherwise on the other side becomes that with the strength as probability.

    Attributes:
        to: `british` or `american`.
    """

    summary: ClassVar[str] = "spell American words as British ones, or the other way round"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of the words with another spelling that get it"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.5, 1.0)

    to: str = "british"

    def __post_init__(self) -> None:
        if self.to not in ("british", "american"):
            raise ValueError(f"to must be british or american, got {self.to!r}")

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts respelt."""
        lexicon = spellings(self.to)

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            return replaced_words(chars, lexicon, strength, seeds)

        return chunks(texts, seeds, attacked)

    def signature(self) -> dict[str, Any]:
        """Return the options and which list it is."""
        return {**super().signature(), "list": list_digest(_LIST)}


def replaced_words(chars: Characters, lexicon: Lexicon, strength: float, seeds: U64) -> list[str]:
    """Return the texts with each word that the lexicon can replace replaced, with the strength as probability."""
    found = lexicon.find(chars, chars.words)
    known = lexicon.replaceable(found)
    words, found = chars.words.where(known), found[known]
    hit = hits(seeds, words, strength)
    words, found = words.where(hit), found[hit]
    source, length = lexicon.draw(chars, words, found, seeds)
    return replaced(chars, Replacements(words.start, words.stop, source, length, lexicon.pool))


@lru_cache(maxsize=2)
def spellings(to: str) -> Lexicon:
    """Return the words of one side with their spelling on the side `to`."""
    entries: dict[str, tuple[str]] = {}
    for american, british in _pairs():
        word, other = (american, british) if to == "british" else (british, american)
        entries.setdefault(word, (other,))
    return Lexicon(entries)


def _pairs() -> list[tuple[str, str]]:
    """Return (American, British) words: each line of the list is two stems and their common endings, `-` for none, `@name` for a group of endings."""
    groups: dict[str, list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for first, *rest in read_lines(_LIST):
        if first.startswith("@"):
            groups[first] = rest
            continue
        british, *endings = rest
        listed = [ending for one in endings or ["-"] for ending in groups.get(one, [one])]
        pairs += [(first + e.replace("-", ""), british + e.replace("-", "")) for e in listed]
    return pairs
