"""Write parts of texts anew under a causal model and keep the rest: `redraw`, one left-to-right pass over many texts with a key-value cache.

A plan says, token by token, what is kept and what is drawn. Texts go on in step, one token a step each: a kept token is fed as it is, a drawn one is
sampled given everything new before it. So a row's numbers never meet padding: every row has as many tokens in the cache as its neighbours, and what
becomes of a text depends on the text and its seed alone. To the last bit that holds where a matrix product gives a row the same bits in any
batch of eight rows or more (float32 on the CPU: tested); elsewhere a draw within about 1e-6 of a boundary may differ between batches.

A run of drawn tokens does not join the word before it, and finishes its own last word: after the tokens that were asked for, up to four more are drawn
until the model begins a new word. A causal model sees what precedes and not what follows; with `candidates` above 1 several versions of a run
are drawn beside each other, and the one is kept under which the kept tokens that follow are likeliest (mean log-probability of `lookahead` of them).

Texts longer than the context are read in windows that share half of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from assay.detect.lm import start_token
from numpy.typing import NDArray

from .causal_text import CausalText
from .nucleus import draw
from .redraw_state import DRAW, Rows
from .reserved_cache import reserved_cache

I64 = NDArray[np.int64]

_ROWS = 64
_STEP = 8
"""Rows of a batch are filled up to a multiple of this: below four rows matrix products use other kernels."""


@dataclass(frozen=True)
class Sampling:
    """How runs are drawn.

    Attributes:
        temperature: of the model's distribution.
        top_p: of its probability that is kept; 1 keeps all.
        candidates: versions of each run.
        lookahead: kept tokens by which versions are compared.
        context: longest stretch of tokens that the model reads.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    candidates: int = 1
    lookahead: int = 8
    context: int = 512


def redraw(reader: CausalText, plans: Sequence[I64], seeds: Sequence[int], sampling: Sampling) -> list[list[I64]]:
    """Return the runs drawn for each plan, in order.

    Args:
        reader: the model.
        plans: for each text (T,) token ids, with `DRAW` in place of each token to be drawn.
        seeds: one a text.
        sampling: how.

    Returns:
        For each text one array of ids a run of `DRAW`; up to four tokens longer than the run, to finish a word.
    """
    results: list[list[I64]] = [[] for _ in plans]
    order = sorted((i for i, plan in enumerate(plans) if (plan == DRAW).any()), key=lambda i: (-len(plans[i]), i))
    per_batch = max(_ROWS // sampling.candidates, 1)
    for first in range(0, len(order), per_batch):
        batch = order[first : first + per_batch]
        found = _Batch(reader, [plans[i] for i in batch], [seeds[i] for i in batch], sampling).run()
        for i, runs in zip(batch, found, strict=True):
            results[i] = runs
    return results


class _Batch:
    """Texts that go on in step."""

    def __init__(self, reader: CausalText, plans: Sequence[I64], seeds: Sequence[int], sampling: Sampling) -> None:
        rows = len(plans) * sampling.candidates
        self._state = Rows(plans, seeds, sampling.candidates, rows + -rows % _STEP, sampling.lookahead)
        self._reader, self._sampling = reader, sampling
        self._model: Any = reader.model.model
        limit = reader.model.max_positions
        self._context = min(sampling.context, limit) if limit else sampling.context
        start = start_token(reader.model)
        self._first = 0 if start is None else start
        self._barred = torch.from_numpy(reader.barred).to(reader.model.device)
        self._joins = torch.from_numpy(reader.joins).to(reader.model.device)

    def run(self) -> list[list[I64]]:
        """Go on until every text is at its end."""
        state = self._state
        with torch.inference_mode():
            tokens = torch.full((len(state), 1), self._first, dtype=torch.int64)
            cache = self._new_cache()
            while not state.done:
                if cache.get_seq_length() + tokens.shape[1] > self._context:
                    tokens, cache = torch.from_numpy(state.last(self._context // 2)), self._new_cache()
                hidden = self._logits(tokens, cache)
                self._step(hidden)
                if (moved := state.settle()) is not None:
                    cache.batch_select_indices(torch.from_numpy(moved).to(self._reader.model.device))
                tokens = torch.from_numpy(state.last(1))
        return state.runs()

    def _new_cache(self) -> Any:
        return reserved_cache(self._model.config, self._context)

    def _logits(self, tokens: torch.Tensor, cache: Any) -> torch.Tensor:
        """Return (B, V) logits of what follows `tokens` (B, L)."""
        output = self._model(
            input_ids=tokens.to(self._reader.model.device), past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return output.logits[:, -1]

    def _step(self, logits: torch.Tensor) -> None:
        state = self._state
        width = min(logits.shape[1], len(self._barred))
        drawing = state.drawing()
        drawn = np.zeros(len(drawing), np.int64)
        if len(drawing):
            part = logits[torch.from_numpy(drawing).to(logits.device), :width].float()
            barred = self._barred[:width] | (
                self._joins[:width] & torch.from_numpy(state.opens(drawing)).to(logits.device)[:, None]
            )
            part = part.masked_fill(barred, -torch.inf)
            counters = state.counters(drawing)
            drawn = draw(part, state.seeds[drawing], counters, self._sampling.temperature, self._sampling.top_p)
        if len(watched := state.watched()):
            forced = torch.from_numpy(state.forced(watched)).to(logits.device)
            part = logits[torch.from_numpy(watched).to(logits.device)].float().log_softmax(1)
            state.credit(watched, part.gather(1, forced[:, None])[:, 0].double().cpu().numpy())
        state.advance(drawing, drawn, self._reader.continues)
