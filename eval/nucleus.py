"""Draws from a model's distribution, cut to its nucleus, each row with a stream of its own: `draw`.

The nucleus of Holtzman et al. 2020 (arXiv:1904.09751) is the smallest set of most likely tokens with `top_p` of the probability. No row is sorted for it:
a token is drawn from the whole distribution and taken if the tokens likelier than it have less than `top_p` together, else drawn again, which
is exact and reads a row a few times where a sort would read it fifty.

A draw is a function of the row's logits, its seed and its counter, never of the rows beside it. The cumulative sums are float64 over
blocks of float32, so a draw can differ between two machines only where it falls within about 1e-7 of a boundary.
"""

import numpy as np
import torch
from assay.watermark.hashing import GOLDEN, mix64, uniform
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

_BLOCK = 128
_TRIALS = 16
"""Draws before the nucleus is sorted out after all; at top_p .95 one row in 10^20 comes to that."""


def draw(logits: torch.Tensor, seeds: U64, counters: U64, temperature: float, top_p: float) -> NDArray[np.int64]:
    """Return one token a row.

    Args:
        logits: (R, V) float32; -inf for a token that may not come. Each row must have a finite one.
        seeds: (R,) one a text.
        counters: (R,) below 2^48, never the same twice under one seed.
        temperature: above 0.
        top_p: above 0, at most 1.

    Returns:
        (R,) token ids.
    """
    weights = torch.exp((logits - logits.max(1, keepdim=True).values) / temperature)
    if short := -weights.shape[1] % _BLOCK:
        weights = torch.nn.functional.pad(weights, (0, short))
    blocks = weights.view(len(weights), -1, _BLOCK)
    ends = blocks.sum(2).double().cumsum(1)  # (R, blocks)
    tokens = np.zeros(len(weights), np.int64)
    pending = np.arange(len(weights))
    for trial in range(_TRIALS):
        rows = torch.from_numpy(pending).to(weights.device)
        found = _invert(blocks, ends, rows, stream(seeds[pending], counters[pending], trial))
        own = weights[rows, found][:, None]
        part = weights if len(pending) == len(weights) else weights[rows]
        above = torch.where(part > own, part, 0.0).sum(1).double()
        taken = ((above < top_p * ends[rows, -1]) & (own[:, 0] > 0)).cpu().numpy()
        tokens[pending[taken]] = found.cpu().numpy()[taken]
        pending = pending[~taken]
        if not len(pending):
            return tokens
    rows = torch.from_numpy(pending).to(weights.device)
    tokens[pending] = _sorted_draw(weights[rows], stream(seeds[pending], counters[pending], _TRIALS), top_p)
    return tokens


def stream(seeds: U64, counters: U64, trial: int) -> NDArray[np.float64]:
    """Return (R,) uniforms in (0, 1), one for each seed, counter and trial (below 2^16)."""
    with np.errstate(over="ignore"):
        words = mix64((counters * np.uint64(1 << 16) + np.uint64(trial)) * GOLDEN)
        return uniform(mix64(seeds ^ words))


def _invert(blocks: torch.Tensor, ends: torch.Tensor, rows: torch.Tensor, draws: NDArray[np.float64]) -> torch.Tensor:
    """Return the token of each row at which the cumulative weight passes its draw: first the block, then the place in it."""
    cumulative = ends[rows]
    target = torch.from_numpy(draws).to(ends.device)[:, None] * cumulative[:, -1:]
    block = torch.searchsorted(cumulative, target, right=True).clamp(max=ends.shape[1] - 1)
    before = torch.where(block > 0, cumulative.gather(1, (block - 1).clamp(min=0)), 0.0)
    inside = blocks[rows, block[:, 0]].double().cumsum(1)
    place = torch.searchsorted(inside, target - before, right=True).clamp(max=_BLOCK - 1)
    return (block * _BLOCK + place)[:, 0]


def _sorted_draw(weights: torch.Tensor, draws: NDArray[np.float64], top_p: float) -> NDArray[np.int64]:
    """Return one token of each row's nucleus, found by sorting."""
    ordered, order = weights.double().sort(dim=1, descending=True, stable=True)
    cumulative = ordered.cumsum(1)
    kept = cumulative - ordered < top_p * cumulative[:, -1:]
    mass = torch.where(kept, ordered, 0.0).cumsum(1)
    target = torch.from_numpy(draws).to(weights.device)[:, None] * mass[:, -1:]
    place = torch.searchsorted(mass, target, right=True).clamp(max=weights.shape[1] - 1)
    return order.gather(1, place)[:, 0].cpu().numpy()
