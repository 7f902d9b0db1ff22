"""New words where a recorded paraphrase had some, written by a causal model: as many tokens as those had, of which as many words as those were stay.

A small model writes shorter words than a paraphraser; without the second half texts would come out longer than recorded ones (by a tenth).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .alignment import WORD, Piece
from .causal_text import CausalText
from .redraw import Sampling, redraw
from .redraw_state import DRAW
from .replay import rendered

I64 = NDArray[np.int64]


def filled(
    reader: CausalText,
    texts: Sequence[str],
    programs: Sequence[Sequence[Piece]],
    seeds: Sequence[int],
    sampling: Sampling,
) -> list[str]:
    """Return the texts that the programs make, their new words drawn from the model given all that precedes."""
    plans = [_plan(reader, text, program) for text, program in zip(texts, programs, strict=True)]
    drawn = redraw(reader, plans, seeds, sampling)
    return [
        rendered(text, program, _cut(program, _written(reader, plan, runs)))
        for text, program, plan, runs in zip(texts, programs, plans, drawn, strict=True)
    ]


def _plan(reader: CausalText, text: str, program: Sequence[Piece]) -> I64:
    """Return the tokens of the pieces, `DRAW` for those of new words."""
    read = reader.read(text)
    stops = [match.end() for match in WORD.finditer(text)]
    ends = np.searchsorted(read.ends, np.array([0, *stops], np.int64), side="right") if stops else np.zeros(1, np.int64)
    ends[0] = 0
    parts: list[I64] = [np.empty(0, np.int64)]
    for piece in program:
        if piece.words:
            count = max(len(reader.read(" " + " ".join(piece.words)).ids), 1)
            parts.append(np.full(count, DRAW, np.int64))
        else:
            parts.append(read.ids[ends[piece.start] : ends[piece.stop]])
    return np.concatenate(parts)


def _cut(program: Sequence[Piece], texts: Sequence[str]) -> list[str]:
    """Return the text of each piece of new words without what it has beyond the number of the piece's own words."""
    counts = [len(piece.words) for piece in program if piece.words]
    found = [[match.end() for match in WORD.finditer(text)] for text in texts]
    return [
        text if len(ends) <= count else text[: ends[count - 1]]
        for text, ends, count in zip(texts, found, counts, strict=True)
    ]


def _written(reader: CausalText, plan: I64, runs: Sequence[I64]) -> list[str]:
    """Return the text of each run, given the tokens before it."""
    mask = plan == DRAW
    starts = np.flatnonzero(mask & ~np.concatenate([[False], mask[:-1]]))
    texts: list[str] = []
    before = np.empty(0, np.int64)
    stop = 0
    for start, run in zip(starts.tolist(), runs, strict=True):
        kept = plan[stop:start]
        before = kept if len(kept) else before
        texts.append(reader.write(before, run).rstrip())
        stop = start + int(np.argmin(np.concatenate([mask[start:], [False]])))
        before = run
    return texts
