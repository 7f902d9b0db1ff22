"""Log-loss of whole documents under a causal model with limited context: overlapping windows, every token counted once.

A document is scored as a start token (``<|endoftext|>`` of the embedded model) followed by its ids. Windows of `context` inputs advance by `stride`; a window counts only
the targets that no earlier one counted, so each is predicted from at least ``context - stride`` ids where the document has as many before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from transformers import PreTrainedModel

from .bpe import END_OF_TEXT_ID

Losses = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """Inputs ``ids[start:end]`` of one document; the targets before `first` (an index into the ids) count elsewhere."""

    document: int
    start: int
    end: int
    first: int


def windows(document: int, n_inputs: int, context: int, stride: int) -> Iterator[Window]:
    """Yield windows that together count each of `n_inputs` targets exactly once.

    Raises:
        ValueError: if not 0 < stride <= context.

    """
    if not 0 < stride <= context:
        raise ValueError(f"stride must be in 1..{context}, got {stride}")
    counted = 0
    while counted < n_inputs:
        end = min(n_inputs, context if counted == 0 else counted + stride)
        yield Window(document, max(0, end - context), end, counted)
        counted = end


def batches(plan: Sequence[Window], tokens_per_batch: int) -> Iterator[list[Window]]:
    """Yield the windows longest first, in groups whose padded size stays within `tokens_per_batch`, at least one each."""
    group: list[Window] = []
    for window in sorted(plan, key=lambda window: window.start - window.end):
        if group and (len(group) + 1) * (group[0].end - group[0].start) > tokens_per_batch:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def document_losses(
    model: PreTrainedModel,
    documents: Sequence[Sequence[int]],
    context: int,
    stride: int,
    tokens_per_batch: int = 4096,
    start_id: int = END_OF_TEXT_ID,
) -> Losses:
    """Return the summed loss of each document in nats, (D,) float64; `documents` are token ids without the start token."""
    plan = [window for number, ids in enumerate(documents) for window in windows(number, len(ids), context, stride)]
    totals = np.zeros(len(documents), dtype=np.float64)
    for group in batches(plan, tokens_per_batch):
        width = group[0].end - group[0].start
        inputs = np.full((len(group), width), start_id, dtype=np.int64)
        targets = np.full((len(group), width), -100, dtype=np.int64)
        for row, window in enumerate(group):
            ids = [start_id, *documents[window.document][window.start : window.end]]
            if window.start > 0:
                ids[0] = documents[window.document][window.start - 1]
            length = window.end - window.start
            inputs[row, :length] = ids[:-1]
            targets[row, window.first - window.start : length] = ids[1 + window.first - window.start :]
        losses = batch_losses(model, torch.from_numpy(inputs), torch.from_numpy(targets))
        np.add.at(totals, [window.document for window in group], losses)
    return totals


def batch_losses(model: PreTrainedModel, inputs: torch.Tensor, targets: torch.Tensor) -> Losses:
    """Return the summed loss per row in nats, (B,) float64, of (B, T) ids; targets of -100 do not count."""
    with torch.inference_mode():
        logits = model(input_ids=inputs.to(model.device), use_cache=False).logits
        losses = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.to(model.device).flatten(), reduction="none", ignore_index=-100
        )
    return losses.view(inputs.shape).sum(dim=1, dtype=torch.float64).cpu().numpy()
