"""Tokens drawn anew under a causal model whose choice a stolen list steers: what scrubbing and forging share.

Texts go through the model left to right, one token a step, many side by side. A token that is kept is read, one that is to change is drawn from the model's
distribution given everything before it that is new, with `bias` times the stolen score of its pair added to its logit; where the token after it is kept, the
score of that pair counts as well. A negative bias avoids pairs that look green, a positive one seeks them. A pair that stands in the text already gains nothing: detectors
count it once, and a text that could earn by repeating itself would.

What becomes of a text is a function of the text, its seed and the settings: all batches have the same number of rows (filled up where texts run out), texts begin
at the first column and nothing is padded on the left, and the draws are the text's own (`nucleus.py`). A text longer than what the model reads at once is taken in
stretches, each given only the token before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from assay.detect.lm import start_token
from numpy.typing import NDArray

from .causal_text import CausalText
from .nucleus import draw
from .stealing import StolenList

BOOL, F32, I64 = NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]

ROWS = 32
"""Texts side by side, always: with fewer rows a kernel may round otherwise, and a text would depend on its neighbours."""
STRETCH = 512
_FRAGMENT = "\ufffd"


@dataclass(frozen=True)
class Steering:
    """How tokens are drawn.

    Attributes:
        stolen: scores of pairs.
        bias: nats a score of 1 adds to a logit; negative to avoid what looks green.
        temperature: of the model's distribution and the bias together.
        top_p: draw from the nucleus with this much of the steered probability.
    """

    stolen: StolenList
    bias: float
    temperature: float = 1.0
    top_p: float = 0.95

    @cached_property
    def _by_token(self) -> tuple[I64, I64, F32]:
        """Where each token's pairs begin (V + 1,), and the pairs' contexts and scores ordered by token, (P,) each."""
        contexts, tokens = np.divmod(self.stolen.codes, self.stolen.vocab_size)
        order = np.argsort(tokens, kind="stable")
        starts = np.searchsorted(tokens[order], np.arange(self.stolen.vocab_size + 1))
        return starts, contexts[order], self.stolen.scores[order]

    def add(self, logits: F32, before: I64, after: I64, used: Sequence[I64]) -> None:
        """Add the bias to logits, in place.

        Args:
            logits: (R, V) float32.
            before: (R,) the token before each.
            after: (R,) the kept token after each; -1 where none is.
            used: of each row the tokens that followed the same token before; they gain nothing.
        """
        unmoved = [logits[row, tokens] for row, tokens in enumerate(used)]
        self._add_forwards(logits, before)
        if self.stolen.width:
            self._add_backwards(logits, after)
        for row, tokens in enumerate(used):
            logits[row, tokens] = np.minimum(logits[row, tokens], unmoved[row])

    def _add_forwards(self, logits: F32, before: I64) -> None:
        """Add what each candidate's pair with the token before it is worth."""
        stolen, size = self.stolen, self.stolen.vocab_size
        rows = before * (size if stolen.width else 0)
        lows, highs = np.searchsorted(stolen.codes, rows), np.searchsorted(stolen.codes, rows + size)
        for row, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
            logits[row, stolen.codes[low:high] - rows[row]] += self.bias * stolen.scores[low:high]

    def _add_backwards(self, logits: F32, after: I64) -> None:
        """Add what each candidate's pair with the kept token after it is worth."""
        starts, contexts, scores = self._by_token
        for row, token in enumerate(after.tolist()):
            if token >= 0:
                part = slice(int(starts[token]), int(starts[token + 1]))
                logits[row, contexts[part]] += self.bias * scores[part]


@dataclass(frozen=True)
class _Stretch:
    """Tokens of one text that the model reads at once."""

    text: int
    offset: int
    before: int
    ids: I64
    chosen: BOOL


def drawable(reader: CausalText) -> BOOL:
    """Return which ids may be drawn: those that are whole characters by themselves. (V,) bool."""
    whole = np.array([bool(piece) and _FRAGMENT not in piece for piece in reader.pieces], np.bool_)
    return whole & ~reader.barred


def redraw(
    reader: CausalText,
    ids: Sequence[I64],
    chosen: Sequence[BOOL],
    seeds: Sequence[int],
    steering: Steering,
    allowed: BOOL,
) -> list[I64]:
    """Return the texts' tokens with the chosen ones drawn anew.

    Args:
        reader: the model.
        ids: D texts as tokens, (T,) each.
        chosen: (T,) each, which tokens change.
        seeds: (D,) 64-bit.
        steering: how.
        allowed: (V,) which ids may be drawn, `drawable(reader)`.

    Returns:
        D arrays of the same lengths.
    """
    renewed = [own.copy() for own in ids]
    work = [piece for text in range(len(ids)) for piece in _stretches(reader, text, ids[text], chosen[text])]
    work.sort(key=lambda piece: -len(piece.ids))  # rows of a batch should end together
    numbers = np.array(seeds, np.uint64)
    for start in range(0, len(work), ROWS):
        batch = work[start : start + ROWS]
        rows = _redraw_batch(reader, batch, numbers, steering, allowed)
        for piece, row in zip(batch, rows, strict=True):
            renewed[piece.text][piece.offset : piece.offset + len(piece.ids)] = row
    return renewed


def _stretches(reader: CausalText, text: int, ids: I64, chosen: BOOL) -> list[_Stretch]:
    """Return the stretches of a text in which something changes; without a start token its first token stays."""
    most = min(STRETCH, reader.model.max_positions or STRETCH)
    start = start_token(reader.model)
    found: list[_Stretch] = []
    for low in range(0 if start is not None else 1, len(ids), most):
        before = start if low == 0 and start is not None else int(ids[low - 1])
        part = chosen[low : low + most]
        if part.any():
            stop = (
                int(np.flatnonzero(part)[-1]) + 2
            )  # the kept token after the last change, and nothing of what follows
            found.append(_Stretch(text, low, before, ids[low : low + most][:stop], part[:stop]))
    return found


@torch.inference_mode()
def _redraw_batch(
    reader: CausalText, batch: list[_Stretch], seeds: NDArray[np.uint64], steering: Steering, allowed: BOOL
) -> list[I64]:
    """Return the new tokens of each stretch; what is not chosen is as it was."""
    model: Any = reader.model.model
    device, size = reader.model.device, len(allowed)
    longest = max(len(piece.ids) for piece in batch)
    tokens = np.zeros((ROWS, longest + 2), np.int64)  # column 0 is what stands before, the last is never read
    chosen = np.zeros((ROWS, longest + 1), np.bool_)
    for row, piece in enumerate(batch):
        tokens[row, 0] = piece.before
        tokens[row, 1 : len(piece.ids) + 1] = piece.ids
        chosen[row, : len(piece.ids)] = piece.chosen
    own = seeds[[piece.text for piece in batch]]
    lengths = np.array([len(piece.ids) for piece in batch])
    offsets = np.array([piece.offset for piece in batch])
    barred = torch.from_numpy(~allowed)
    cache: Any = None
    for step in range(int(np.flatnonzero(chosen.any(0))[-1]) + 1):
        fed = torch.from_numpy(tokens[:, step : step + 1]).to(device)
        output: Any = model(fed, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        rows = np.flatnonzero(chosen[: len(batch), step])
        if not len(rows):
            continue
        logits = output.logits[torch.from_numpy(rows).to(device), -1, :size].float().cpu()
        kept_after = (step + 1 < lengths[rows]) & ~chosen[rows, step + 1]
        after = np.where(kept_after, tokens[rows, step + 2], -1)
        used = [_followers(tokens[row, : step + 1]) for row in rows.tolist()]
        steering.add(logits.numpy(), tokens[rows, step], after, used)
        logits.masked_fill_(barred[: logits.shape[1]], -torch.inf)
        counters = (offsets[rows] + step).astype(np.uint64)
        tokens[rows, step + 1] = draw(logits, own[rows], counters, steering.temperature, steering.top_p)
    return [tokens[row, 1 : len(piece.ids) + 1] for row, piece in enumerate(batch)]


def _followers(tokens: I64) -> I64:
    """Return the tokens that followed the last one where it stood before."""
    return tokens[1:][tokens[:-1] == tokens[-1]]
