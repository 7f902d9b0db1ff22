"""Put zero-width spaces between characters: RAID's "zero-width space", at 100 %.

Behind each character, with the strength as probability, comes U+200B, which nothing shows on a page (Dugan et al. 2024, arXiv:2405.07940; Guerrero et al. 2022,
"Mutation-based text generation for adversarial attacks"). Deviation: each character by a draw of its own, where RAID takes a fixed share.
`assay.detect.normalise` takes them out again and says so. At 100 % every tokenizer sees single characters and strange bytes: any detector that does not
normalise is moved, by human text as by a machine's, so attacked humans belong into the comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .attack import TextAttack, register_attack
from .characters import Characters, chunks
from .draws import U64, hits
from .replacements import inserted

_INVISIBLE = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")


@register_attack("zero-width")
@dataclass(frozen=True)
class ZeroWidth(TextAttack):
    """Behind each character a character of no width is put with the strength as probability.

    Attributes:
        character: hexadecimal number of the character: 200b (zero-width space), 200c, 200d (joiners), 2060 (word joiner), feff.
    """

    summary: ClassVar[str] = "put zero-width spaces between characters"
    source: ClassVar[str] = "RAID: Dugan et al. 2024, arXiv:2405.07940"
    strength_is: ClassVar[str] = "share of characters that one is put behind"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.5, 1.0)

    character: str = "200b"

    def __post_init__(self) -> None:
        if self.character.lower() not in [f"{ord(char):04x}" for char in _INVISIBLE]:
            known = ", ".join(f"{ord(char):04x}" for char in _INVISIBLE)
            raise ValueError(f"character must be one of {known}, got {self.character!r}")

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with characters of no width."""
        invisible = chr(int(self.character, 16))

        def attacked(chars: Characters, seeds: U64) -> list[str]:
            each = chars.each(chars.inside)
            return inserted(chars, each.stop[hits(seeds, each, strength)], invisible)

        return chunks(texts, seeds, attacked)
