"""Any metric of one pass as a classifier, with any causal model, or pair of models that share a tokenizer, by folder or hub id.

Roles are those of `lm.py`: the model q scores, the reference p is Binoculars' observer and Fast-DetectGPT's sampling model. For Binoculars q is the
performer: the chat version scores, its base model observes. Nothing is fitted, so nothing is kept but names; weights stay where they are.

Constants published for a metric (`binoculars.THRESHOLDS`, `fast_detectgpt.NORMALS`) are no verdicts here: they belong to one pair, dtype and length, and do not hold
their rates on other text. And no metric's law is the same at all lengths. Means over tokens (log-likelihood, ranks, entropy, Binoculars, DNA-DetectLLM) narrow as one over
the square root of the length; Fast-DetectGPT keeps its width on human text and moves away from it with the root of the length on machine text; Lastde's bins
grow with the length. A calibration by length buckets (`calibrate.py`) is fair to all of them, one cut is to none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import ModelError
from assay.models import resolve

from .calibration import Setting
from .classifier import SOURCES, Arrays, ClassifierScores, register_classifier
from .metrics import Metric, one_pass_metrics
from .normalise import VERSION as NORMALISER
from .normalise import normalise

if TYPE_CHECKING:  # torch and transformers come in when a model is loaded, not when its name is read
    from .lm import LMScorer, Start

MAX_TOKENS = 20_000


@register_classifier("pair")
@dataclass(frozen=True)
class Pair:
    """A metric under a model, or under a pair of them; loaded when first asked for a score or for `scorer`.

    Attributes:
        name: what it is called in records.
        metric_name: in the registry of metrics (`metrics.py`).
        model: q, the scoring model: folder, hub id or `embedded`.
        reference: p, with the same tokenizer; None for p = q.
        start: `none` leaves the first token of a text without score, `auto` does not where the model has a start token (`lm.py`).
        context: longest window in tokens; None is what the models can read, at most 1024.
        max_tokens: tokens of a text that are read; the rest has no say.
        device, dtype: where and how the models run (`load_model`); not kept in folders.
        fitted: empty.

    Raises:
        AssayError: if the metric is unknown or needs rewrites of the text.
        ValueError: if start, context or max_tokens is out of range.
    """

    kind: ClassVar[str] = "pair"
    summary: ClassVar[str] = "any metric of one pass under any causal model or pair of models; nothing to train"
    length_unit: ClassVar[str] = "tokens"

    name: str
    metric_name: str
    model: str
    reference: str | None = None
    start: "Start" = "auto"
    context: int | None = None
    max_tokens: int = MAX_TOKENS
    device: str = "auto"
    dtype: str = "auto"
    fitted: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.start not in ("auto", "none"):
            raise ValueError(f"start must be 'auto' or 'none', got {self.start!r}")
        if self.max_tokens < 1 or (self.context is not None and self.context < 2):
            found = f"max_tokens {self.max_tokens} and context {self.context}"
            raise ValueError(f"max_tokens must be at least 1 and context at least 2, got {found}")
        one_pass_metrics([self.metric_name])

    @property
    def normaliser(self) -> str:
        """Version of the normaliser."""
        return NORMALISER

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """`LMSignature.to_record()`; loads the models."""
        return self._lm.signature.to_record()

    def on(self, device: str, dtype: str) -> "Pair":
        """Return the same classifier for another device and dtype."""
        return replace(self, device=device, dtype=dtype)

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts after normalising them: NaN where the metric is undefined; lengths are the tokens scored.

        Raises:
            ModelError, TokenizerMismatch: if the models cannot be loaded, or not be used together.
        """
        values, lengths = np.empty(len(texts)), np.zeros(len(texts), np.int64)
        for d, scores in enumerate(self._lm.score(normalise(text).text for text in texts)):
            values[d], lengths[d] = self._metric.score(scores), scores.n_scored
        return ClassifierScores(np.where(np.isfinite(values), values, np.nan), lengths)

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return plain values, and no arrays."""
        values: dict[str, Any] = {
            "metric": self.metric_name,
            "normaliser": NORMALISER,
            "start": self.start,
            "context": self.context,
            "max_tokens": self.max_tokens,
            SOURCES: {"model": self.model, "reference": self.reference},
        }
        return values, {}

    @classmethod
    def from_parts(cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays) -> "Pair":
        """Make the classifier again; the models are loaded later.

        Raises:
            ValueError: if it was made with another normaliser than this version has.
        """
        if values["normaliser"] != NORMALISER:
            raise ValueError(f"it was made with normaliser {values['normaliser']!r}, this version has {NORMALISER!r}")
        options = {option: values[option] for option in ("start", "context", "max_tokens")}
        return cls(name, values["metric"], **values[SOURCES], **options, fitted=fitted)

    @cached_property
    def _metric(self) -> Metric:
        return one_pass_metrics([self.metric_name])[0]

    @cached_property
    def _lm(self) -> "LMScorer":
        from assay.watermark.model import load_model

        from .lm import LMScorer

        models = [
            load_model(name, resolve(name), None, self.device, self.dtype)
            for name in (self.model, self.reference)
            if name is not None
        ]
        try:
            return LMScorer(*models, start=self.start, context=self.context, max_tokens=self.max_tokens)
        except ValueError as error:  # a context longer than the models read, known only now
            raise ModelError(f"{self.name!r} cannot be used: {error}") from None


NAMED = {
    "small": ("HuggingFaceTB/SmolLM2-360M-Instruct", "HuggingFaceTB/SmolLM2-360M"),
    "7b": ("tiiuae/falcon-7b-instruct", "tiiuae/falcon-7b"),
}
"""Pairs by name, performer first: one for a CPU with patience or any GPU, and the one that Binoculars was published with (16 GB a model as bfloat16)."""


def named_pair(name: str, device: str = "auto", dtype: str = "auto") -> Pair:
    """Return Binoculars with a pair of `NAMED`, no start token before the text, as its authors read it.

    They cut texts at 512 tokens, which this does not.

    Raises:
        ModelError: if there is no pair of that name.
    """
    if name not in NAMED:
        raise ModelError(f"unknown pair {name!r}; known: {', '.join(f'pair:{known}' for known in NAMED)}")
    performer, observer = NAMED[name]
    return Pair(f"pair:{name}", "binoculars", performer, observer, start="none", device=device, dtype=dtype)
