"""`paraphrase`: texts rewritten by a sequence-to-sequence paraphraser, DIPPER or any model of the T5 kind.

`style="dipper"` speaks DIPPER's language (Krishna et al. 2023, arXiv:2303.13408, and its published code): "lexical = L, order = O", what is written so far, then
three sentences between <sent> and </sent>; L and O are 100 less the diversity wanted, in steps of 20. The strength is the lexical diversity, from 20 to 100, unless `lexical` fixes it; then
it is the share of windows paraphrased. Deviations: of what is written so far the last 256 words are shown (the code shows all, which the model cuts at 512
tokens), and windows do not cross lines, so paragraphs stay; the code joins all of a text to one line.

`style="plain"` puts `prefix` before a window of sentences and takes what comes for it; the strength is the share of windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .attack import TextAttack, register_attack
from .sentence_blocks import chosen_blocks, part_seed, sentence_blocks, with_blocks

_STYLES = ("dipper", "plain")
_BY_STRENGTH = -1
_CONTEXT_WORDS = 256


@register_attack("paraphrase")
@dataclass(frozen=True)
class Paraphrase(TextAttack):
    """Paraphrases sentences.

    Attributes:
        model: folder or hub id (`kalpeshk2011/dipper-paraphraser-xxl` is DIPPER).
        style: `dipper` or `plain`.
        lexical: DIPPER's lexical diversity, 0 to 100 in steps of 20; -1 takes it from the strength.
        order: its order diversity.
        sent_interval: sentences of a window.
        prefix: what a plain model expects before its input.
        temperature: 0 for greedy decoding.
        top_p: share of the probability drawn from (DIPPER's authors: 0.75).
        rounds: the paraphrase is paraphrased again, this often in all.
        max_new_tokens: longest window in tokens.
        device: where the model runs.
    """

    model: str
    style: str = "dipper"
    lexical: int = _BY_STRENGTH
    order: int = 0
    sent_interval: int = 3
    prefix: str = "paraphrase: "
    temperature: float = 1.0
    top_p: float = 0.75
    rounds: int = 1
    max_new_tokens: int = 512
    device: str = "auto"

    summary: ClassVar[str] = "paraphrases with a sequence-to-sequence model: DIPPER with its codes, or T5-like"
    source: ClassVar[str] = "Krishna et al. 2023, arXiv:2303.13408"
    strength_is: ClassVar[str] = "DIPPER: lexical diversity (0.6 is L60); plain: share of windows of sentences"
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.4, 0.6, 0.8)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        codes = range(0, 101, 20)
        for name, ok, expected in (
            ("style", self.style in _STYLES, " or ".join(_STYLES)),
            (
                "lexical",
                self.lexical == _BY_STRENGTH or self.lexical in codes,
                "0, 20, 40 ... 100, or -1 for the strength",
            ),
            ("order", self.order in codes, "0, 20, 40 ... 100"),
            ("sent_interval", self.sent_interval >= 1, "at least 1"),
            (
                "temperature",
                self.temperature == 0 or 1e-3 <= self.temperature <= 100,
                "0 (greedy), or from 0.001 to 100",
            ),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("rounds", 1 <= self.rounds <= 100, "from 1 to 100"),
            ("max_new_tokens", self.max_new_tokens >= 1, "at least 1"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

    def check(self) -> None:
        """Refuse a model that is not there or no sequence-to-sequence model.

        Raises:
            ModelError: in one line.
        """
        from .seq2seq import check_seq2seq

        check_seq2seq(self.model)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the paraphrased texts; what the model leaves empty is empty."""
        written = list(texts)
        for turn in range(self.rounds):
            own = [part_seed(seed, turn) for seed in seeds]
            written = self._in_order(written, strength, own)
        return written

    def signature(self) -> dict[str, Any]:
        """Return options and model."""
        from .attack_model import model_record

        return {**super().signature(), "model": model_record(self.model)}

    def _in_order(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts after one round: the first windows of all, then the second ones, for DIPPER reads what it has written."""
        from .seq2seq import Writing, seq2seq

        model = seq2seq(self.model, self.device)
        blocks = [sentence_blocks(text, self.sent_interval) for text in texts]
        by_strength = self.style == "dipper" and self.lexical == _BY_STRENGTH
        share = 1.0 if by_strength else strength
        chosen = [set(chosen_blocks(len(b), share, seed)) for b, seed in zip(blocks, seeds, strict=True)]
        new: list[dict[int, str]] = [{} for _ in texts]
        code = diversity(strength) if by_strength else self.lexical
        writing = Writing(self.temperature, self.top_p, self.max_new_tokens)
        for place in range(max(map(len, blocks), default=0)):
            at = [i for i in range(len(texts)) if place in chosen[i]]
            inputs = [self._input(texts[i], blocks[i], new[i], place, code) for i in at]
            drawn = model.write(inputs, [part_seed(seeds[i], place) for i in at], writing)
            for i, text in zip(at, drawn, strict=True):
                new[i][place] = text
        return [with_blocks(text, b, n) for text, b, n in zip(texts, blocks, new, strict=True)]

    def _input(self, text: str, blocks: list[tuple[int, int]], new: dict[int, str], place: int, lexical: int) -> str:
        start, stop = blocks[place]
        window = " ".join(text[start:stop].split())
        if self.style == "plain":
            return f"{self.prefix}{window}"
        before = with_blocks(text[:start], blocks[:place], new).split()[-_CONTEXT_WORDS:]
        return dipper_input(window, " ".join(before), lexical, self.order)


def dipper_input(window: str, before: str, lexical: int, order: int) -> str:
    """Return what DIPPER reads: its codes are 100 less the diversities."""
    context = f" {before}" if before else ""
    return f"lexical = {100 - lexical}, order = {100 - order}{context} <sent> {window} </sent>"


def diversity(strength: float) -> int:
    """Return DIPPER's step of lexical diversity nearest to a strength: 20, 40 ... 100."""
    return 20 * min(max(round(5 * strength), 1), 5)
