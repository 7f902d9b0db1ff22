"""Marks over many texts as columns, one array a number: what a scan writes, without an object a document.

The numbers are those of `MarkDetector.detect`, to the last bit (tested). Texts are read without characters, which the fast tokenizer does not give; where stretches are
asked for, only texts that have a significant one are read again with them. Warnings are left out: they are for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .detection import Span
from .evidence import BatchEvidence, gather
from .exact import binomial_log10_sf_batch
from .marks import MarkDetector, PreparedMark, abstention, search, spans_of
from .segments import SignificantSegments
from .tokens import Tokens, tokenize


@dataclass
class MarkColumns:
    """What one mark saw in D texts.

    Attributes:
        detector: the detection's name.
        statistic: (D,) int64, green tokens.
        n_scored: (D,) int64, distinct (context, token) pairs.
        log10_p: (D,) float64, of the whole text, also where it abstains.
        abstained: by text, why the mark says nothing.
        best_span_log10_p: (D,) float64, of the best stretch; NaN where none was looked for.
        spans: by text, its significant stretches, where it has any.
    """

    detector: str
    statistic: NDArray[np.int64]
    n_scored: NDArray[np.int64]
    log10_p: NDArray[np.float64]
    abstained: dict[int, str]
    best_span_log10_p: NDArray[np.float64]
    spans: dict[int, tuple[Span, ...]] = field(default_factory=dict[int, tuple[Span, ...]])

    @property
    def smallest(self) -> NDArray[np.float64]:
        """(D,) the smaller of both p-values; infinite where the mark abstains."""
        best = np.fmin(self.log10_p, self.best_span_log10_p)
        best[list(self.abstained)] = np.inf
        return best

    def n_tests(self, spans: bool) -> NDArray[np.int64]:
        """(D,) how many p-values the mark contributes to each text."""
        tests = np.full(len(self.log10_p), 1 + spans, np.int64)
        tests[list(self.abstained)] = 0
        return tests


def mark_columns(
    detector: MarkDetector, texts: Sequence[str], not_covered: Sequence[Mapping[int, str]] | None = None
) -> list[MarkColumns]:
    """Return what each mark sees, in the order the marks were given.

    Args:
        detector: the marks.
        texts: D texts.
        not_covered: for each mark, the texts that it must not judge and why; those that no mark may judge are not read.

    Raises:
        DataError: if a text holds a lone surrogate.
    """
    excluded = not_covered or [{} for _ in detector.prepared]
    nowhere = set(excluded[0]).intersection(*excluded[1:])
    read_texts = ["" if d in nowhere else text for d, text in enumerate(texts)] if nowhere else texts
    read: dict[tuple[str, str], Tokens] = {}
    seen: list[tuple[PreparedMark, Tokens, BatchEvidence, MarkColumns]] = []
    for mark, refused in zip(detector.prepared, excluded, strict=True):
        normaliser = mark.loaded.profile.normaliser
        name = mark.tokenizer.source, normaliser
        if name not in read:
            read[name] = tokenize(read_texts, mark.tokenizer, normalised=bool(normaliser))
        batch = gather(read[name], mark.loaded.mark, mark.common)
        seen.append((mark, read[name], batch, _columns(mark, read[name], batch, refused)))
    columns = [one[-1] for one in seen]
    if detector.spans:
        tested = sum(one.n_tests(spans=False) for one in columns)
        for one in seen:
            _locate(*one, read_texts, detector.threshold.alpha / (2 * np.maximum(tested, 1)))
    return columns


def _columns(mark: PreparedMark, tokens: Tokens, batch: BatchEvidence, refused: Mapping[int, str]) -> MarkColumns:
    log10_p = binomial_log10_sf_batch(batch.n_positive, batch.n_scored, batch.law.gamma)
    short = batch.n_scored < mark.min_tokens if mark.loaded.mark.trusted else np.ones(len(tokens), np.bool_)
    lengths = np.diff(tokens.offsets)
    abstained = {d: abstention(mark, int(batch.n_scored[d]), int(lengths[d])) for d in np.flatnonzero(short).tolist()}
    n_scored, statistic = batch.n_scored, batch.n_positive
    if refused:
        out = list(refused)
        n_scored, statistic = n_scored.copy(), statistic.copy()
        n_scored[out] = statistic[out] = 0
    none = np.full(len(tokens), np.nan)
    return MarkColumns(mark.detector, statistic, n_scored, log10_p, {**abstained, **refused}, none)


def _locate(
    mark: PreparedMark,
    tokens: Tokens,
    batch: BatchEvidence,
    columns: MarkColumns,
    texts: Sequence[str],
    alphas: NDArray[np.float64],
) -> None:
    """Fill in the best stretch of every text that is judged, and the spans of those that have a significant one."""
    with_some: dict[int, tuple[NDArray[np.int64], SignificantSegments]] = {}
    for d in range(len(tokens)):
        if d in columns.abstained:
            continue
        part = slice(int(tokens.offsets[d]), int(tokens.offsets[d + 1]))
        places, found = search(mark, batch, part, float(alphas[d]))
        columns.best_span_log10_p[d] = found.best_log10_p
        if len(found.start):
            with_some[d] = places, found
    if not with_some:
        return
    again = tokenize(
        [texts[d] for d in with_some], mark.tokenizer, with_chars=True, normalised=tokens.normalised is not None
    )
    if again.chars is None:
        raise ValueError("tokenize(..., with_chars=True) gave no characters")
    for number, (d, (places, found)) in enumerate(with_some.items()):
        chars = again.chars[int(again.offsets[number]) : int(again.offsets[number + 1])]
        green = batch.values[places].astype(np.bool_)
        columns.spans[d] = spans_of(places - int(tokens.offsets[d]), found, green, chars)
