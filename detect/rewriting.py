"""Rewrites of a text by a causal model, for the metrics that compare a text with what a model makes of it.

DetectGPT and NPR need texts with a few spans replaced (`SpanResampler`), DNA-GPT texts that go on differently after the first half (`Continuation`).
A rewrite is a text like any other: score it with the same `LMScorer`, start token and windows included.

Deviations: DetectGPT fills spans of two words with T5, which sees what follows; here spans of two tokens are drawn from q given what precedes. A
span's first tokens are drawn all at once given the text as it stands, then the second ones given the first: as many passes as a span has tokens, not as
the text has spans.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from assay.watermark.model import CausalModel
from numpy.typing import NDArray

from .dna_gpt import kept_tokens
from .lm import LMScorer, start_token
from .metrics import RewriteMetric


class Rewriter(Protocol):
    """Makes other versions of a text."""

    def rewrite(self, text: str, count: int, generator: torch.Generator) -> list[str]:
        """Return `count` rewrites; the text itself where there is nothing to rewrite. `generator` is of the model's device."""
        ...


@dataclass(frozen=True)
class SpanResampler:
    """Draws spans anew.

    Attributes:
        model: which it draws from.
        share: of the tokens that are replaced (DetectGPT: 15 %).
        span: tokens of a span (DetectGPT: 2 words).
        context: longest stretch the model reads at once; a longer text is taken in stretches that do not overlap.
    """

    model: CausalModel
    share: float = 0.15
    span: int = 2
    context: int = 512

    def rewrite(self, text: str, count: int, generator: torch.Generator) -> list[str]:
        """Return `count` texts with other spans replaced in each."""
        ids = _ids(self.model, text)
        start = start_token(self.model)
        rows = torch.from_numpy(ids).repeat(count, 1)
        for low in range(0, len(ids), self.context):
            self._resample(rows[:, low : low + self.context], start if low == 0 else int(ids[low - 1]), generator)
        return [_text(self.model, row) for row in rows.numpy()]

    def _resample(self, rows: torch.Tensor, before: int | None, generator: torch.Generator) -> None:
        """Replace spans of `rows` (K, L) in place; `before` is the token they follow."""
        model, length = self.model.model, rows.shape[1]
        first = 1 if before is None else 0  # a text that follows nothing keeps its first token
        slots = max(length - first, 0) // self.span
        n_spans = min(max(round(self.share * length / self.span), 1), slots)
        if n_spans < 1:
            return
        keys = torch.rand(len(rows), slots, generator=generator, device=generator.device).cpu()
        begins = first + self.span * keys.argsort(1)[:, :n_spans].sort(1).values  # (K, n_spans), disjoint
        prefix = [] if before is None else [torch.full((len(rows), 1), before)]
        for step in range(self.span):
            inputs = torch.cat([*prefix, rows], 1)[:, :-1].to(model.device)
            with torch.inference_mode():
                logits = model(input_ids=inputs, use_cache=False).logits
                at = (begins + step - first).to(model.device)  # the row that predicts token t stands one before it
                chosen = logits.gather(1, at[..., None].expand(-1, -1, logits.shape[-1]))
                drawn = _draw(chosen.flatten(0, 1), self.model, generator).view(at.shape)
            rows.scatter_(1, begins + step, drawn.to(rows.dtype))


@dataclass(frozen=True)
class Continuation:
    """Keeps the beginning and lets the model write the rest.

    Attributes:
        model: which writes.
        keep: share of the tokens kept, as in `DnaGPT`.
        temperature: of the sampling (DNA-GPT: 0.7).
        context: longest stretch the model reads at once.
    """

    model: CausalModel
    keep: float = 0.5
    temperature: float = 0.7
    context: int = 512

    def rewrite(self, text: str, count: int, generator: torch.Generator) -> list[str]:
        """Return `count` texts of as many tokens as `text`, the first `keep` of them its own."""
        ids, start = _ids(self.model, text), start_token(self.model)
        kept = kept_tokens(len(ids), self.keep)
        before = [] if start is None else [start]
        rows = torch.tensor([[*before, *ids[:kept].tolist()]]).repeat(count, 1)
        if not rows.shape[1]:
            return [text] * count
        model = self.model.model
        for _ in range(len(ids) - kept):
            with torch.inference_mode():
                logits = model(input_ids=rows[:, -self.context :].to(model.device), use_cache=False).logits[:, -1]
                drawn = _draw(logits.float() / self.temperature, self.model, generator)
            rows = torch.cat([rows, drawn[:, None]], 1)
        return [_text(self.model, row) for row in rows[:, len(before) :].numpy()]


def score_with_rewrites(
    texts: list[str], metric: RewriteMetric, scorer: LMScorer, rewriter: Rewriter, count: int, seed: int
) -> Iterator[float]:
    """Yield the metric of each text; text number i is rewritten with the seed `seed` + i, whatever stands around it."""
    device = scorer.device
    for number, text in enumerate(texts):
        generator = torch.Generator(device).manual_seed(seed + number)
        own, *others = scorer.score([text, *rewriter.rewrite(text, count, generator)])
        yield metric.score_rewrites(own, others)


def _draw(logits: torch.Tensor, model: CausalModel, generator: torch.Generator) -> torch.Tensor:
    """Return (R,) ids drawn from (R, V) logits, no control tokens and none beyond the tokenizer."""
    special = model.text_tokenizer.special
    logits = logits[:, : len(special)].float()
    barred = torch.from_numpy(special[: logits.shape[1]]).to(logits.device)
    return torch.multinomial(logits.masked_fill(barred, -torch.inf).softmax(-1), 1, generator=generator)[:, 0].cpu()


def _ids(model: CausalModel, text: str) -> NDArray[np.int64]:
    return np.array(model.text_tokenizer.backend.encode(text, add_special_tokens=False).ids, np.int64)


def _text(model: CausalModel, ids: Any) -> str:
    return model.text_tokenizer.backend.decode(ids.tolist(), skip_special_tokens=False)
