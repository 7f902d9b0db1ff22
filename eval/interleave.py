"""The interleave attack: a model writes a separator between its words, which is deleted before anybody tests the text.

Goodside 2023 (the "emoji attack"); Kirchenbauer et al. 2023 (arXiv:2301.10226), section 7. It acts while a text is generated, so there is no `apply`: a plan
generates again with what `generation_hook` gives (`assay.watermark.generate.generate(..., interleave=...)`). The model is taken to follow the instruction ideally;
what that means, and how it deviates from a real model, `assay.watermark.interleave` says.

At strength 1 and width 1 every context at generation is the separator, and none is at detection: the mark is gone. A mark without a context (width 0) does not
notice. Of a mark of width w with a separator after every k-th token, the share (k - w) / k of the tokens keeps its contexts whole (none if k <= w).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from assay.errors import DataError

from .attack import TextAttack, check_strength, register_attack

if TYPE_CHECKING:
    from assay.watermark.interleave import Interleave as Hook
    from assay.watermark.tokenizer import TextTokenizer


@register_attack("interleave")
@dataclass(frozen=True)
class Interleave(TextAttack):
    """A separator after every few tokens, while the text is written.

    Attributes:
        separator: what the model is asked to write; all tokens of it.
    """

    separator: str = "\N{GRINNING FACE}"

    summary: ClassVar[str] = "have the model write separators between tokens, and delete them; acts at generation"
    source: ClassVar[str] = "Goodside 2023; Kirchenbauer et al. 2023, arXiv:2301.10226, section 7"
    strength_is: ClassVar[str] = "share of tokens that a separator follows"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 1.0)
    stage: ClassVar[Literal["text", "generation"]] = "generation"

    def __post_init__(self) -> None:
        if not self.separator:
            raise ValueError("separator must not be empty; give a word or a sign")

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Refuse: a text that is there cannot be attacked.

        Raises:
            DataError: always.
        """
        raise DataError(
            "attack 'interleave' acts while a text is generated and cannot change texts that are there; "
            "name it in a plan that generates (assay eval run)"
        )

    def generation_hook(self, strength: float, tokenizer: "TextTokenizer") -> "Hook | None":
        """Return what `generate(..., interleave=...)` takes: a separator after every round(1 / strength)-th token; None at strength 0.

        Args:
            strength: 0 to 1.
            tokenizer: of the model that writes (`CausalModel.text_tokenizer`).

        Raises:
            DataError: if the strength is outside 0 to 1, or the tokenizer has no token for the separator.
        """
        from assay.watermark.interleave import Interleave as Hook

        check_strength("interleave", strength)
        if strength == 0.0:
            return None
        ids: Any = tokenizer.backend.encode(self.separator, add_special_tokens=False).ids
        if not ids:
            raise DataError(f"the tokenizer has no token for the separator {self.separator!r}; choose another")
        return Hook(tuple(ids), round(1.0 / strength))
