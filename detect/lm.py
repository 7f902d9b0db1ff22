"""One forward pass over texts, and from it everything the metrics need: `LMScorer`.

A model q scores; with a reference model p (Fast-DetectGPT's sampling model, Binoculars' observer) mean and variance are taken under p, otherwise under
q itself. Texts are read by groups of bounded size; within a group windows of about equal length share a batch, padded on the right, where causal
attention never looks. So memory is flat in the number of texts, and a text's fields do not depend on its neighbours (to rounding).

The start token is explicit. `start="auto"`: a text follows the model's start token (`<|endoftext|>` for the embedded model) and every
token of it is scored; a model without one is as under `none`. `start="none"`: the text stands alone and its first token is not scored; so do Fast-DetectGPT and
Binoculars with tokenizers that add none (GPT-2, GPT-J, GPT-Neo, Falcon). Where theirs adds one (Llama), `auto` is what they do. A window
that begins inside a long text begins with the token that stands there, not with the start token.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from assay import __version__
from assay.errors import ModelError, TokenizerMismatch
from assay.watermark.model import CausalModel
from numpy.typing import NDArray

from .lm_scores import LMScores, LMSignature
from .logits import LogitRows
from .tokens import Tokens, tokenize
from .vocabulary import reduce_logits
from .vocabulary_kernels import ENTROPY, FIELDS, LOG_PROB, MU, SIGMA2, TOP
from .windows import Window, batches, windows

Start = Literal["auto", "none"]

DEFAULT_CONTEXT = 1024
"""Longest window unless the model reads less or the user says otherwise."""

_GROUP_CHARS = 400_000
_GROUP_TEXTS = 512


class LMScorer:
    """Scores texts under a causal model, and a second one if given.

    Attributes:
        signature: what two scores must share to be comparable.
    """

    def __init__(
        self,
        model: CausalModel,
        reference: CausalModel | None = None,
        *,
        start: Start = "auto",
        context: int | None = None,
        stride: int | None = None,
        batch_tokens: int = 8192,
        max_tokens: int | None = None,
    ) -> None:
        """Prepare to score.

        Args:
            model: q.
            reference: p, with the same tokenizer; None for p = q.
            start: `auto` or `none`, see above.
            context: longest window; default what the models can read, at most 1024.
            stride: how far the next window goes on; default half the context.
            batch_tokens: places of a batch, padding included.
            max_tokens: score no more than this many tokens of a text.

        Raises:
            TokenizerMismatch: if the reference reads text with another tokenizer.
            ModelError: if the tokenizer has ids the model has no logits for.
            ValueError: if an option is out of range.
        """
        models = [model] if reference is None else [model, reference]
        limit = min((m.max_positions for m in models if m.max_positions), default=None)
        context = context or min(DEFAULT_CONTEXT, limit or DEFAULT_CONTEXT)
        stride = stride or (context + 1) // 2
        _check(start, context, stride, limit, batch_tokens, max_tokens)
        _check_tokenizers(models)
        self._model, self._reference = model, reference
        self._rows = [LogitRows(m.model, m.name) for m in models]
        self.vocab_size = min(rows.vocab_size for rows in self._rows)
        if model.text_tokenizer.vocab_size > self.vocab_size:
            found = f"ids up to {model.text_tokenizer.vocab_size - 1}, but {model.name!r} has {self.vocab_size} logits"
            raise ModelError(f"the tokenizer has {found}; use the tokenizer the model was trained with")
        self._start = start_token(model) if start == "auto" else None
        self._batch_tokens, self._max_tokens = batch_tokens, max_tokens
        self._threads = torch.get_num_threads()
        self._executor = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self.signature = _sign(model, reference, start, self._start, context, stride)

    @property
    def device(self) -> torch.device:
        """Where the scoring model runs."""
        return self._model.device

    def score(self, texts: Iterable[str]) -> Iterator[LMScores]:
        """Yield the scores of each text, in order; texts are taken as they are needed, a group at a time."""
        for group in _groups(texts):
            yield from self._score_group(group)

    def _score_group(self, texts: Sequence[str]) -> Iterator[LMScores]:
        tokens = tokenize(texts, self._model.text_tokenizer, with_chars=True)
        plan = _Plan(tokens, self._start, self._max_tokens)
        values = np.full((plan.n_slots, FIELDS), np.nan, np.float32)
        rank = np.zeros(plan.n_slots, np.int32)
        signature = self.signature
        for group in batches(plan.windows(signature.context, signature.stride), self._batch_tokens):
            self._score_batch(plan, group, values, rank)
        columns = np.ascontiguousarray(values.T)
        for d in range(len(tokens)):
            yield plan.view(d, columns, rank, signature)

    def _score_batch(
        self, plan: "_Plan", group: Sequence[Window], values: NDArray[np.float32], rank: NDArray[np.int32]
    ) -> None:
        batch = plan.batch(group)
        ids, places = torch.from_numpy(batch.ids), torch.from_numpy(batch.places)
        rows = min(r.rows for r in self._rows)
        with torch.inference_mode():
            streams = [r.chunks(ids, places, rows) for r in self._rows]
            at = 0
            for q, *p in zip(*streams, strict=True):
                part = slice(at, at + len(q))
                reference = p[0] if p else None
                fields = reduce_logits(q, batch.targets[part], reference, self._executor, self._threads)
                values[batch.slots[part]], rank[batch.slots[part]] = fields.values, fields.rank
                at = part.stop


@dataclass(frozen=True)
class _Batch:
    """B windows padded to L, `ids` (B, L); for each of R counted rows its place in B * L, its target id and its slot."""

    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    targets: NDArray[np.int64]
    slots: NDArray[np.int64]


class _Plan:
    """Where each row of a group of documents comes from and goes to.

    A document of T tokens has T + 1 slots: one for each token, and one for the place after the last. Without a start token its first slot stays empty.
    """

    def __init__(self, tokens: Tokens, start: int | None, max_tokens: int | None) -> None:
        self._tokens, self._start = tokens, start
        lengths = np.diff(tokens.offsets)
        self._lengths = lengths if max_tokens is None else np.minimum(lengths, max_tokens)
        self._slots = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(self._lengths + 1, out=self._slots[1:])
        self.n_slots = int(self._slots[-1])

    def windows(self, context: int, stride: int) -> Iterator[Window]:
        """Yield the windows of all documents; an empty one has none."""
        extra = self._start is not None
        for d, length in enumerate(self._lengths.tolist()):
            if length:
                yield from windows(d, length + extra, context, stride)

    def batch(self, group: Sequence[Window]) -> _Batch:
        """Return the arrays of a batch."""
        width = max(w.stop - w.start for w in group)
        ids = np.zeros((len(group), width), np.int64)
        shift = 1 if self._start is None else 0
        places, targets, slots = [], [], []
        for b, window in enumerate(group):
            own = self._ids(window.document)
            inputs = own if self._start is None else np.concatenate([np.array([self._start]), own])
            length = window.stop - window.start
            ids[b, :length] = inputs[window.start : window.stop]
            counted = np.arange(window.first, window.stop)
            places.append(b * width + counted - window.start)
            slots.append(self._slots[window.document] + counted + shift)
            targets.append(np.append(own, 0)[counted + shift])  # after the last token there is no target: any will do
        return _Batch(ids, np.concatenate(places), np.concatenate(targets).astype(np.int64), np.concatenate(slots))

    def view(self, d: int, columns: NDArray[np.float32], rank: NDArray[np.int32], signature: LMSignature) -> LMScores:
        """Return the scores of document d as views of `columns` (FIELDS, n_slots) and `rank` (n_slots,)."""
        base, length = int(self._slots[d]), int(self._lengths[d])
        begin = int(self._tokens.offsets[d])
        own, chars = slice(base, base + length), self._tokens.chars
        return LMScores(
            ids=self._ids(d),
            chars=np.empty((0, 2), np.int64) if chars is None else chars[begin : begin + length],
            first=0 if self._start is not None else 1,
            log_prob=columns[LOG_PROB, own],
            rank=rank[own],
            entropy=columns[ENTROPY, own],
            mu=columns[MU, own],
            sigma2=columns[SIGMA2, own],
            top_log_prob=columns[TOP, own],
            end_mu=float(columns[MU, base + length]),
            n_tokens=int(self._tokens.offsets[d + 1]) - begin,
            signature=signature,
        )

    def _ids(self, d: int) -> NDArray[np.int32]:
        begin = int(self._tokens.offsets[d])
        return self._tokens.ids[begin : begin + int(self._lengths[d])]


def start_token(model: CausalModel) -> int | None:
    """Return the id of the token that texts follow under `start="auto"`: the tokenizer's own, else the config's, else None."""
    own = getattr(model.tokenizer, "bos_token_id", None)
    given = getattr(model.model.config.get_text_config(), "bos_token_id", None) if own is None else own
    return given if isinstance(given, int) else None


def weights_fingerprint(model: Any) -> str:
    """Return sixteen hexadecimal digits that name a model's weights: 64 numbers of each parameter, as bfloat16, with names and shapes.

    The same weights loaded as float32 or bfloat16 have the same one; training any further changes it. It is no protection against
    somebody who wants two models to look alike.
    """
    digest = hashlib.sha256(b"assay weights 1\n")
    for name, parameter in sorted(model.named_parameters()):
        flat = parameter.detach().flatten()
        chosen = torch.linspace(0, len(flat) - 1, min(64, len(flat)), dtype=torch.float64).long().to(flat.device)
        digest.update(f"{name} {tuple(parameter.shape)}\n".encode())
        digest.update(flat[chosen].to(torch.bfloat16).float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _groups(texts: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    chars = 0
    for text in texts:
        group.append(text)
        chars += len(text)
        if chars >= _GROUP_CHARS or len(group) >= _GROUP_TEXTS:
            yield group
            group, chars = [], 0
    if group:
        yield group


def _check(start: str, context: int, stride: int, limit: int | None, batch_tokens: int, max_tokens: int | None) -> None:
    if start not in ("auto", "none"):
        raise ValueError(f"start must be 'auto' or 'none', got {start!r}")
    if context < 2 or (limit and context > limit):
        raise ValueError(f"context must be from 2 to {limit or 'any number'} tokens for this model, got {context}")
    if not 0 < stride <= context:
        raise ValueError(f"stride must be from 1 to the context ({context}), got {stride}")
    if batch_tokens < 1:
        raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
    if max_tokens is not None and max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")


def _check_tokenizers(models: Sequence[CausalModel]) -> None:
    names = [(m.name, m.text_tokenizer.fingerprint) for m in models]
    if len({fingerprint for _, fingerprint in names}) > 1:
        (first, own), (second, other) = names
        raise TokenizerMismatch(
            f"a pair of models must share one tokenizer: {first!r} has {own}, {second!r} has {other}; choose two models of one family"
        )


def _sign(
    model: CausalModel, reference: CausalModel | None, start: str, start_id: int | None, context: int, stride: int
) -> LMSignature:
    return LMSignature(
        version=__version__,
        model=model.name,
        revision=model.revision,
        weights=weights_fingerprint(model.model),
        dtype=str(model.model.dtype).removeprefix("torch."),
        reference=reference and reference.name,
        reference_revision=reference and reference.revision,
        reference_weights=reference and weights_fingerprint(reference.model),
        reference_dtype=reference and str(reference.model.dtype).removeprefix("torch."),
        tokenizer=model.text_tokenizer.fingerprint,
        start=start,
        start_token=start_id,
        context=context,
        stride=stride,
    )
