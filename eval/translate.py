"""`translate`: a round trip through another language by two sequence-to-sequence models, sentence by sentence.

Back-translation is one of the oldest paraphrasers; DetectRL (Wu et al., NeurIPS 2024) and He et al. 2024 (arXiv:2402.14007) use it against detectors and marks. Here each chosen sentence
goes there and back, so the strength, the share of sentences, also says how much of a text is left alone. Decoding is greedy by default, as translators are used; there are no
beams. Models that want language codes get what their generation config forces (`forced_bos_token_id`); a T5 wants its prefixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .attack import TextAttack, register_attack
from .sentence_blocks import chosen_blocks, part_seed, sentence_blocks, with_blocks


@register_attack("translate")
@dataclass(frozen=True)
class Translate(TextAttack):
    """Translates sentences there and back.

    Attributes:
        there, back: folders or hub ids (`Helsinki-NLP/opus-mt-en-de` and `Helsinki-NLP/opus-mt-de-en`).
        there_prefix, back_prefix: what they expect before a sentence.
        temperature: 0 for greedy decoding.
        top_p: share of the probability drawn from.
        max_new_tokens: longest sentence in tokens.
        device: where the models run.
    """

    there: str
    back: str
    there_prefix: str = ""
    back_prefix: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    device: str = "auto"

    summary: ClassVar[str] = "translates sentences to another language and back, with two models"
    source: ClassVar[str] = "He et al. 2024, arXiv:2402.14007"
    strength_is: ClassVar[str] = "share of sentences"
    strengths: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (self.temperature == 0 or 1e-3 <= self.temperature <= 100):
            raise ValueError(f"temperature must be 0 (greedy), or from 0.001 to 100, got {self.temperature}")
        if not 0 < self.top_p <= 1 or self.max_new_tokens < 1:
            raise ValueError("top_p must be above 0 and at most 1, and max_new_tokens at least 1")

    def check(self) -> None:
        """Refuse models that are not there or no sequence-to-sequence models.

        Raises:
            ModelError: in one line.
        """
        from .seq2seq import check_seq2seq

        for model in (self.there, self.back):
            check_seq2seq(model)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with a share of their sentences translated there and back."""
        from .seq2seq import Writing, seq2seq

        blocks = [sentence_blocks(text, 1) for text in texts]
        chosen = [chosen_blocks(len(b), strength, seed) for b, seed in zip(blocks, seeds, strict=True)]
        at = [(i, place) for i, places in enumerate(chosen) for place in places]
        sentences = [texts[i][slice(*blocks[i][place])] for i, place in at]
        writing = Writing(self.temperature, self.top_p, self.max_new_tokens)
        for turn, (name, prefix) in enumerate(((self.there, self.there_prefix), (self.back, self.back_prefix))):
            own = [part_seed(seeds[i], turn, place) for i, place in at]
            model = seq2seq(name, self.device)
            sentences = model.write([f"{prefix}{one}" for one in sentences], own, writing)
        new: list[dict[int, str]] = [{} for _ in texts]
        for (i, place), sentence in zip(at, sentences, strict=True):
            new[i][place] = sentence
        return [with_blocks(text, b, n) for text, b, n in zip(texts, blocks, new, strict=True)]

    def signature(self) -> dict[str, Any]:
        """Return options and models."""
        from .attack_model import model_record

        return {**super().signature(), "there": model_record(self.there), "back": model_record(self.back)}
