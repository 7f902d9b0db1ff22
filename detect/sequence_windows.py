"""Texts through a sequence classifier: windows as its tokenizer cuts them, batches of about equal length, and one number a text.

Windows are padded on the tokenizer's own side and masked. Some models take their answer from a place that padding moves, or know no padding at all; whether
padding changes anything is tried once, and where it does windows go one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .calibration import Setting
from .classifier import ClassifierScores
from .lm import weights_fingerprint
from .sequence_model import SequenceModel, Sides, log_odds, longest
from .windows import Window, batches

MOST = 8192
"""Longest window unless the user says otherwise: longer ones only cost memory, hardly any model was trained on them."""

_GROUP_TEXTS = 256
_BATCH_TOKENS = 8192
_PROBE = (
    "One two three four five six seven.",
    "One two three four five six seven, and then eight, nine and ten of them.",
)


class WindowedModel:
    """A loaded model, its labels taken by sides, and how texts are cut for it."""

    def __init__(self, loaded: SequenceModel, which: Sides, context: int | None, max_tokens: int) -> None:
        """Prepare to score.

        Raises:
            ValueError: if the model cannot read windows of `context`, or max_tokens is below 1.
        """
        limit = longest(loaded.model, loaded.tokenizer, MOST if context is None else 2**31)
        special = int(loaded.tokenizer.num_special_tokens_to_add())
        self._context = limit if context is None else context
        if not special + 2 <= self._context <= limit:
            raise ValueError(f"context must be from {special + 2} to {limit} tokens for this model, got {context}")
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")
        self._loaded, self._which, self._max_tokens = loaded, which, max_tokens
        self._overlap = (self._context - special) // 4
        self._step = self._context - special - self._overlap
        self._pad: int | None = getattr(loaded.model.config.get_text_config(), "pad_token_id", None)
        self._batch_tokens = _BATCH_TOKENS if self._pad is not None and self._padding_is_harmless() else 1

    def record(self) -> dict[str, Setting]:
        """Return what two scores must share to be comparable."""
        model, labels = self._loaded.model, self._loaded.labels
        return {
            "architecture": type(model).__name__,
            "revision": self._loaded.revision,
            "weights": weights_fingerprint(model),
            "dtype": str(model.dtype).removeprefix("torch."),
            "tokenizer": self._loaded.tokenizer_fingerprint,
            "context": self._context,
            "stride": self._step,
            "machine": ", ".join(labels[i] for i in self._which.machine),
            "human": ", ".join(labels[i] for i in self._which.human),
        }

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Return the scores of D texts, and the tokens that were read of each."""
        scores, lengths = np.full(len(texts), np.nan), np.zeros(len(texts), np.int64)
        for begin in range(0, len(texts), _GROUP_TEXTS):
            cut = [self._cut(text) for text in texts[begin : begin + _GROUP_TEXTS]]
            values = iter(self._run([part for one in cut for part in one.inputs], self._batch_tokens).tolist())
            for d, one in enumerate(cut, begin):
                lengths[d] = one.tokens.length
                own = np.array([next(values) for _ in one.inputs])
                if len(own) and np.isfinite(own).all():
                    scores[d] = float(one.tokens.weights @ own)
        return ClassifierScores(scores, lengths)

    def _cut(self, text: str) -> "_Cut":
        """Return the windows of a text."""
        read: Any = self._loaded.tokenizer(
            text,
            truncation=True,
            max_length=self._context,
            stride=self._overlap,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
        )
        counts = [len(mask) - sum(mask) for mask in read["special_tokens_mask"]]
        starts = self._step * np.arange(len(counts))
        kept = max(1, int(np.searchsorted(starts, self._max_tokens)))
        names = [name for name in ("input_ids", "token_type_ids") if name in read]
        inputs = [{name: np.array(read[name][w], np.int64) for name in names} for w in range(kept)]
        if not counts[0]:
            return _Cut([], TokenWeights(np.empty(0), 0))
        return _Cut(inputs, token_weights(starts[:kept], np.array(counts[:kept], np.int64)))

    def _run(self, inputs: Sequence[dict[str, NDArray[np.int64]]], batch_tokens: int) -> NDArray[np.float32]:
        """Return the log-odds of windows, (W,) float32, in their order."""
        found = np.empty(len(inputs), np.float32)
        plan = [Window(w, 0, len(one["input_ids"]), 0) for w, one in enumerate(inputs)]
        for group in batches(plan, batch_tokens):
            members = [window.document for window in group]
            with torch.inference_mode():
                logits = self._loaded.model(**self._padded([inputs[w] for w in members])).logits
                found[members] = log_odds(logits, self._which).cpu().numpy()
        return found

    def _padded(self, inputs: Sequence[dict[str, NDArray[np.int64]]]) -> dict[str, torch.Tensor]:
        """Return the arrays of a batch (B, L), with the mask that says what is padding."""
        width = max(len(one["input_ids"]) for one in inputs)
        left = self._loaded.tokenizer.padding_side == "left"
        names = [*inputs[0], "attention_mask"]
        arrays = {name: np.zeros((len(inputs), width), np.int64) for name in names}
        arrays["input_ids"] += self._pad or 0
        for b, one in enumerate(inputs):
            length = len(one["input_ids"])
            place = slice(width - length, width) if left else slice(0, length)
            for name, values in one.items():
                arrays[name][b, place] = values
            arrays["attention_mask"][b, place] = 1
        return {name: torch.from_numpy(values).to(self._loaded.model.device) for name, values in arrays.items()}

    def _padding_is_harmless(self) -> bool:
        windows = [one for text in _PROBE for one in self._cut(text).inputs[:1]]
        alone = self._run(windows, 1)
        with torch.inference_mode():
            together = log_odds(self._loaded.model(**self._padded(windows)).logits, self._which).cpu().numpy()
        tolerance = 1e-4 if self._loaded.model.dtype == torch.float32 else 5e-2
        return bool((np.abs(alone - together) <= tolerance * np.maximum(1.0, np.abs(alone))).all())


@dataclass(frozen=True)
class _Cut:
    """W windows of a text: inputs for the model, and what each counts; none for a text without a token."""

    inputs: list[dict[str, NDArray[np.int64]]]
    tokens: "TokenWeights"


@dataclass(frozen=True)
class TokenWeights:
    """Weights of windows, (W,) float64 with sum 1, and the number of tokens that they cover."""

    weights: NDArray[np.float64]
    length: int


def token_weights(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> TokenWeights:
    """Return the weight of each window in the mean over tokens, where a token's value is the mean of the windows that hold it.

    Args:
        starts: (W,), first token of each window, ascending.
        counts: (W,), tokens of each, special ones left out; together they leave no gap.
    """
    length = int((starts + counts).max())
    held = np.zeros(length, np.int64)
    spans = [slice(start, start + count) for start, count in zip(starts.tolist(), counts.tolist(), strict=True)]
    for span in spans:
        held[span] += 1
    return TokenWeights(np.array([(1.0 / held[span]).sum() for span in spans]) / length, length)
