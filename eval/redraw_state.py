"""Where each row of a redraw stands: its place in the plan, the run it draws, the versions it is compared with. Plain numpy, no model.

A text has K neighbouring rows, one for each version of the run at hand. Outside a run they are equal. After a run each row goes on with the tokens that are
kept, and their log-probabilities decide; then the best row's state becomes that of all K (`settle`). Rows that only fill up the batch
are finished from the start.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

DRAW = -1
"""In a plan: draw a token here."""

_FINISH = 4
"""Tokens that a run may take beyond its own to finish a word."""
_KEPT = -1


class Rows:
    """The state of B rows."""

    def __init__(self, plans: Sequence[I64], seeds: Sequence[int], candidates: int, rows: int, lookahead: int) -> None:
        self._n_texts, self._k, self._lookahead = len(plans), candidates, lookahead
        used = len(plans) * candidates
        width = max(map(len, plans))
        self._plan = np.zeros((rows, width + 1), np.int64)
        self._length = np.zeros(rows, np.int64)
        self.seeds = np.zeros(rows, np.uint64)
        for text, (plan, seed) in enumerate(zip(plans, seeds, strict=True)):
            mine = slice(text * candidates, (text + 1) * candidates)
            self._plan[mine, : len(plan)], self._length[mine], self.seeds[mine] = plan, len(plan), seed
        room = width + _FINISH * (width // 2 + 2) + 1
        self._tokens = np.zeros((rows, room), np.int64)
        self._run_of = np.full((rows, room), _KEPT, np.int64)
        self._written = 0  # tokens of every row, for they go on in step
        self._at = np.zeros(rows, np.int64)  # next entry of the plan
        self._run = np.zeros(rows, np.int64)  # runs begun
        self._in_run = np.zeros(rows, np.bool_)  # drawing, or finishing a word
        self._extra = np.zeros(rows, np.int64)
        self._finished = np.arange(rows) >= used
        self._open = np.zeros(rows, np.bool_)  # versions of this row's run are being compared
        self._credit = np.zeros(rows)
        self._seen = np.zeros(rows, np.int64)

    def __len__(self) -> int:
        return len(self._at)

    @property
    def done(self) -> bool:
        """Whether all texts are at their ends."""
        return bool(self._finished.all())

    def last(self, count: int) -> I64:
        """Return (B, count) the tokens written last."""
        return self._tokens[:, self._written - count : self._written].copy()

    def drawing(self) -> I64:
        """Return the rows whose next token is to be drawn: within a run, or after one whose last word may go on."""
        wanted = self._next() == DRAW
        finishing = self._in_run & ~wanted & (self._extra < _FINISH)
        return np.flatnonzero((wanted | finishing) & ~self._finished)

    def opens(self, rows: I64) -> Bools:
        """Return which of `rows` stand at the first token of a run with a word before it."""
        return ~self._in_run[rows] & (self._at[rows] > 0)

    def counters(self, rows: I64) -> NDArray[np.uint64]:
        """Return a number that no other draw of the text has: the place of the token, and the version."""
        return (self._written * self._k + rows % self._k).astype(np.uint64)

    def watched(self) -> I64:
        """Return the rows whose next token is kept and counts in the comparison of versions."""
        if self._k == 1:
            return np.empty(0, np.int64)
        kept = (self._next() != DRAW) & (self._at < self._length) & ~self._in_run
        return np.flatnonzero(self._open & kept & (self._seen < self._lookahead) & ~self._finished)

    def forced(self, rows: I64) -> I64:
        """Return the kept tokens that come next in `rows`."""
        return self._next()[rows]

    def credit(self, rows: I64, log_probs: NDArray[np.float64]) -> None:
        """Count the log-probabilities of the kept tokens that come next in `rows`."""
        self._credit[rows] += log_probs
        self._seen[rows] += 1

    def advance(self, drawing: I64, drawn: I64, continues: Bools) -> None:
        """Write the next token of every row: the drawn one, unless a word is finished and it begins another; else the kept one."""
        plan = self._next()
        wanted = plan == DRAW
        tokens, written = plan.copy(), np.zeros(len(self), np.bool_)
        within = wanted[drawing]
        takes = within | continues[drawn]
        rows = drawing[takes]
        tokens[rows], written[rows] = drawn[takes], True
        beginning = drawing[within & ~self._in_run[drawing]]
        self._run[beginning] += 1
        self._open[beginning] = self._k > 1
        self._credit[beginning], self._seen[beginning], self._extra[beginning] = 0.0, 0, 0
        self._in_run[drawing[within]] = True
        self._extra[drawing[takes & ~within]] += 1
        self._at[drawing[within]] += 1
        kept = ~written & ~self._finished
        self._in_run[kept] = False
        self._finished |= kept & (self._at >= self._length)
        self._at[kept & ~self._finished] += 1
        self._tokens[:, self._written] = np.where(self._finished | (tokens == DRAW), 0, tokens)
        self._run_of[:, self._written] = np.where(written, self._run - 1, _KEPT)
        self._written += 1

    def settle(self) -> I64 | None:
        """Decide between versions where all of them can be compared; return (B,) whose state each row takes, None if no row moves."""
        if self._k == 1 or not self._open.any():
            return None
        used = self._n_texts * self._k
        grid = (self._n_texts, self._k)
        after = ~self._in_run[:used]
        ends = (
            self._finished[:used] | (after & (self._next()[:used] == DRAW)) | (self._at >= self._length)[:used] & after
        )
        heard = after & ((self._seen[:used] >= self._lookahead) | ends)
        # a version that would begin its next run cannot wait for the others
        ready = self._open[:used].reshape(grid)[:, 0] & (
            heard.reshape(grid).all(1) | (ends & after).reshape(grid).any(1)
        )
        if not ready.any():
            return None
        seen = self._seen[:used]
        mean = np.where(seen > 0, self._credit[:used] / np.maximum(seen, 1), -np.inf).reshape(grid)
        best = mean.argmax(1)  # the first one where nothing was heard of any
        source = np.arange(len(self))
        for text in np.flatnonzero(ready).tolist():
            source[text * self._k : (text + 1) * self._k] = text * self._k + best[text]
        self._take(source)
        self._open[:used] &= ~np.repeat(ready, self._k)
        return source

    def runs(self) -> list[list[I64]]:
        """Return for each text the ids of its runs, in order."""
        found: list[list[I64]] = []
        for text in range(self._n_texts):
            tags = self._run_of[text * self._k, : self._written]
            ids = self._tokens[text * self._k, : self._written]
            found.append([ids[tags == run] for run in range(int(self._run[text * self._k]))])
        return found

    def _next(self) -> I64:
        """Return (B,) the entries of the plans that come next; 0 at the end."""
        return self._plan[np.arange(len(self)), self._at]

    def _take(self, source: I64) -> None:
        for name in ("_tokens", "_run_of", "_at", "_run", "_in_run", "_extra", "_finished"):
            values = getattr(self, name)
            setattr(self, name, values[source])
