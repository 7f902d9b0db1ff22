"""Cropping: a text loses its end, its beginning, both, or all but one stretch.

The simplest thing that happens to text on its way, and what every curve of detection against length assumes. Words are counted, not tokens
(a plan's lengths count tokens). Never more is removed than asked for: of 9 words at strength 0.5, 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attack import TextAttack, register_attack
from .word_starts import draws, word_starts

_WHERE = ("end", "start", "both", "random")


@register_attack("crop")
@dataclass(frozen=True)
class Crop(TextAttack):
    """Remove a share of the words at one end, at both, or around a stretch drawn at random.

    Attributes:
        where: what goes: `end`, `start`, `both` (half at each end), or `random` (all but a stretch anywhere).
    """

    where: str = "end"

    summary: ClassVar[str] = "cut words off the end, the start, or both"
    strength_is: ClassVar[str] = "share of words removed"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75)

    def __post_init__(self) -> None:
        if self.where not in _WHERE:
            raise ValueError(f"where must be one of {', '.join(_WHERE)}, got {self.where!r}")

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return what is left; nothing at strength 1. What separated the words that go from those that stay goes too."""
        words = word_starts(texts)
        removed = np.floor(strength * words.counts + 1e-9).astype(np.int64)  # 0.3 * 10 is 3, not 2.999
        before = self._before(removed, seeds)
        kept = words.counts - removed
        cropped: list[str] = []
        for d, text in enumerate(texts):
            if not removed[d]:
                cropped.append(text)
                continue
            starts, low = words.of(d), int(before[d])
            high = low + int(kept[d])
            part = (
                text[starts[low] if low else 0 : starts[high]]
                if high < len(starts)
                else text[starts[low] :]
                if kept[d]
                else ""
            )
            cropped.append(part if high == len(starts) else part.rstrip())
        return cropped

    def _before(self, removed: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Return how many of the removed words stand before what is kept, (D,) int64."""
        if self.where == "random":
            return np.floor(draws(seeds, 1)[:, 0] * (removed + 1)).astype(np.int64)
        return {"end": np.zeros_like(removed), "start": removed, "both": removed // 2}[self.where]
