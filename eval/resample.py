"""`resample`: spans of a text written anew by a causal model, the share of tokens being the strength.

The paraphrase attack that needs nothing but the embedded model. What it does to a mark is what any paraphrase does first: tokens drawn without the
mark take the place of marked ones, in stretches, and the pairs at their edges break. What it does not do is keep the meaning: the model sees what precedes, not
the sense of what it replaces. Strength 1 leaves nothing of the text. Span resampling under a model is DetectGPT's perturbation (Mitchell et al. 2023,
arXiv:2301.11305) with a causal model in T5's place; here spans are about `span` tokens long, whole words, drawn one after another from the model's nucleus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .attack import TextAttack, register_attack
from .attack_model import model_record


@register_attack("resample")
@dataclass(frozen=True)
class Resample(TextAttack):
    """Redraws spans.

    Attributes:
        model: `embedded`, a folder or a hub id of a causal model.
        span: about how many tokens a span has; neighbouring ones run together.
        temperature: of the draws.
        top_p: share of the probability drawn from.
        candidates: versions of each span; of several the one is kept after which the next kept tokens are likeliest.
        lookahead: how many kept tokens decide between versions.
        device: where the model runs: `auto`, `cpu`, `cuda:1` ...
    """

    model: str = "embedded"
    span: int = 8
    temperature: float = 1.0
    top_p: float = 0.95
    candidates: int = 1
    lookahead: int = 8
    device: str = "auto"

    summary: ClassVar[str] = "writes spans anew with a causal model, the embedded one by default"
    source: ClassVar[str] = "after Mitchell et al. 2023, arXiv:2301.11305"
    strength_is: ClassVar[str] = "share of tokens resampled"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5, 0.7)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, ok, expected in (
            ("span", 1 <= self.span <= 1000, "from 1 to 1000"),
            ("temperature", 1e-3 <= self.temperature <= 100, "from 0.001 to 100"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("candidates", 1 <= self.candidates <= 32, "from 1 to 32"),
            ("lookahead", 1 <= self.lookahead <= 1000, "from 1 to 1000"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)}")

    def check(self) -> None:
        """Refuse a model that is not there.

        Raises:
            ModelError: in one line.
        """
        from .attack_model import check_causal

        check_causal(self.model)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with spans drawn anew; a text without tokens stays."""
        from .causal_text import causal_text
        from .redraw import Sampling
        from .rewrite_spans import rewrite_spans
        from .spans_to_rewrite import spans_to_rewrite

        reader = causal_text(self.model, self.device)
        read = [reader.read(text) for text in texts]
        chosen = [spans_to_rewrite(r.begins, self.span, strength, s) for r, s in zip(read, seeds, strict=True)]
        sampling = Sampling(self.temperature, self.top_p, self.candidates, self.lookahead)
        return rewrite_spans(reader, read, chosen, seeds, sampling)

    def signature(self) -> dict[str, Any]:
        """Return options and model."""
        return {**super().signature(), "model": model_record(self.model)}
