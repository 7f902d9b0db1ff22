"""Rows of logits (R, V) to what is known of the token at each: log-prob, rank, entropy, mean, variance, best log-prob.

Two twins, tested equal: compiled kernels on the CPU (`vocabulary_kernels`), torch anywhere else. Both work in float32 from whatever the
model computed in, a chunk of rows at a time; the caller sees to it that a chunk is small. Ranks compare logits, not probabilities: the softmax keeps
the order, and its rounding would make ties.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .vocabulary_kernels import ENTROPY, FIELDS, LOG_PROB, MU, SIGMA2, TOP, reduce_row_pairs, reduce_rows

_ROWS_PER_THREAD = 16


@dataclass(frozen=True)
class RowFields:
    """What R rows say: `values` (R, FIELDS) float32, columns as in `vocabulary_kernels`; `rank` (R,) int32."""

    values: NDArray[np.float32]
    rank: NDArray[np.int32]


def reduce_logits(
    logits: torch.Tensor,
    targets: NDArray[np.int64],
    reference: torch.Tensor | None = None,
    executor: Executor | None = None,
    threads: int = 1,
) -> RowFields:
    """Return the fields of `logits` (R, V) at the ids `targets` (R,); `reference` (R, V') are those of p.

    The wider vocabulary is cut to the narrower one before the softmax, as Fast-DetectGPT does: what is cut is padding that stands
    for no token. `executor` with `threads` above 1 shares the rows of the CPU's kernels out.
    """
    if reference is not None:
        width = min(logits.shape[1], reference.shape[1])
        logits, reference = logits[:, :width], reference[:, :width]
    if logits.device.type != "cpu":
        return reduce_with_torch(logits, targets, None if reference is None else reference.to(logits.device))
    q = logits.float().numpy()
    p = None if reference is None else reference.float().cpu().numpy()
    fields = RowFields(np.empty((len(q), FIELDS), np.float32), np.empty(len(q), np.int32))
    parts = min(threads, len(q) // _ROWS_PER_THREAD) if executor else 1
    if executor is None or parts <= 1:
        _run(q, p, targets, fields, slice(0, len(q)))
    else:
        bounds = np.linspace(0, len(q), parts + 1).astype(int).tolist()
        jobs = [executor.submit(_run, q, p, targets, fields, slice(*b)) for b in pairwise(bounds)]
        for job in jobs:
            job.result()
    return fields


def _run(q: Any, p: Any, targets: NDArray[np.int64], fields: RowFields, rows: slice) -> None:
    if p is None:
        reduce_rows(q[rows], targets[rows], fields.values[rows], fields.rank[rows])
    else:
        reduce_row_pairs(q[rows], p[rows], targets[rows], fields.values[rows], fields.rank[rows])


def reduce_with_torch(
    logits: torch.Tensor, targets: NDArray[np.int64], reference: torch.Tensor | None = None
) -> RowFields:
    """Return the same by torch, on the logits' own device; `logits` and `reference` are equally wide."""
    ids = torch.from_numpy(targets).to(logits.device)[:, None]
    own = logits.gather(1, ids)
    rank = (logits > own).sum(1, dtype=torch.int32) + 1
    log_q = torch.log_softmax(logits, -1, dtype=torch.float32).clamp_(min=-1e4)  # 0 times minus infinity is NaN
    q = log_q.exp()
    negative_entropy = (q * log_q).sum(1)
    if reference is None:
        p, mu = q, negative_entropy
    else:
        p = torch.softmax(reference, -1, dtype=torch.float32)
        mu = (p * log_q).sum(1)
    columns = {
        LOG_PROB: log_q.gather(1, ids)[:, 0],
        ENTROPY: -negative_entropy,
        MU: mu,
        SIGMA2: ((log_q - mu[:, None]).square_().mul_(p)).sum(1),
        TOP: log_q.amax(1),
    }
    values = torch.stack([columns[c] for c in range(FIELDS)], 1)
    rank = torch.where(values[:, LOG_PROB].isnan(), 0, rank)
    return RowFields(values.cpu().numpy(), rank.to(torch.int32).cpu().numpy())
