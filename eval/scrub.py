"""Scrubbing: tokens whose pairs look green by a stolen list are drawn anew, away from what looks green.

Jovanovic, Staab & Vechev 2024 (arXiv:2402.19361), who add the stolen scores to a paraphraser's logits. Deviation: a causal model redraws single tokens given what
stands before them, so the text is damaged more than by a paraphraser and its meaning is not kept; what the list is worth shows against the
same strength with a bias of 0, which redraws the same tokens and steers nothing. How to learn a list: `stealing.py`.

The strength is the share of tokens that may change. Those that look greenest go first, then those of which nothing is known, in an order drawn by lot; a token may be drawn as
it was. Tokens that are part of a character stay.
"""

from dataclasses import dataclass
from typing import ClassVar

from .attack import register_attack
from .stolen_attack import StolenAttack


@register_attack("scrub")
@dataclass(frozen=True)
class Scrub(StolenAttack):
    """Draw the tokens anew that look marked, away from what looks marked; options as in `StolenAttack`."""

    summary: ClassVar[str] = "redraw the tokens that a stolen green list points at, so that a mark goes"
    strength_is: ClassVar[str] = "share of tokens that may be redrawn"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.4, 0.6)
    sign: ClassVar[int] = -1
