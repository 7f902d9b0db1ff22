"""Draws that belong to a prompt and not to a batch: a text does not depend on which others are generated beside it.

`generate()` draws a whole batch from one stream, so that the fifth text changes when the first does. Here each row has its own
SplitMix64 stream, seeded by BLAKE2b of (seed, prompt id, sample number); one 53-bit uniform a step picks the token by
inverting the cumulative distribution in float64. The processor stands last, after the mark, and leaves one candidate, which
`generate()` then has to take. Rows still share floating-point kernels, whose rounding can depend on the batch: a draw
that falls within about 1e-6 of a boundary may differ between batch sizes (`batch_size` is part of a run's settings for that reason).
"""

from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor

from .hashing import GOLDEN, mix64, uniform


def row_seed(seed: int, prompt_id: str, sample: int) -> int:
    """Return the 64-bit seed of one text."""
    content = f"{seed}\n{sample}\n{prompt_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8, person=b"assay/sampling").digest(), "little")


class RowSampler(LogitsProcessor):
    """Leaves one candidate in each row, drawn from softmax(scores) with the row's own stream.

    Args:
        seeds: (B,) row seeds.
        prompt_length: T of the first call; step = T - prompt_length.
    """

    supports_continuous_batching = False

    def __init__(self, seeds: list[int], prompt_length: int) -> None:
        self._seeds = np.array(seeds, np.uint64)
        self._prompt_length = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return (B, V): 0 for the drawn token, -inf elsewhere."""
        step = np.uint64(input_ids.shape[1] - self._prompt_length + 1)
        with np.errstate(over="ignore"):
            draws = uniform(mix64(self._seeds + step * GOLDEN))
        cumulative = torch.softmax(scores.double(), dim=-1).cumsum(-1)
        target = torch.from_numpy(draws).to(cumulative.device)[:, None] * cumulative[:, -1:]
        token = torch.searchsorted(cumulative, target, right=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, token, 0.0)
