"""Forging: a text without a mark is drawn anew towards what looks green, until the owner's detector calls it marked.

Jovanovic, Staab & Vechev 2024 (arXiv:2402.19361), "spoofing": a model writes with the stolen scores added to its logits, and whoever trusts the detector takes the text for the
owner's. How to learn a list: `stealing.py`.

The strength is the share of tokens drawn anew, those that look least green first. At 1 all are but the first few: the text is then a forgery that begins as the
given one does, and goes on as the model likes. Forged text detected is a false alarm against somebody, so a plan counts it as one.
"""

from dataclasses import dataclass
from typing import ClassVar

from .attack import register_attack
from .stolen_attack import StolenAttack


@register_attack("forge")
@dataclass(frozen=True)
class Forge(StolenAttack):
    """Draw tokens anew towards what looks marked.

    Attributes:
        keep: tokens at the beginning that are never changed (at most a quarter of the text); other options as in `StolenAttack`.
    """

    keep: int = 4

    summary: ClassVar[str] = "redraw tokens towards a stolen green list, so that an unmarked text is called marked"
    strength_is: ClassVar[str] = "share of tokens redrawn"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 1.0)
    sign: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep < 0:
            raise ValueError(f"keep must be at least 0, got {self.keep}")

    def _first(self, length: int) -> int:
        return min(self.keep, length // 4)
