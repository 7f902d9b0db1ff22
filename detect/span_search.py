"""Stretches that a classifier locates: what such a classifier offers, and the search, in the very pass that its score comes from.

The evidence of the tokens is a `MachineSpanFinder`'s (`machine_spans.py`), which is part of the classifier, takes its name and has no say in its score. It has a
calibration of its own: the law of the best stretch of human texts. Both read a text alike, normalised and on one line (`reading.py`); stretches are given in
characters of the text as it came.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self, TypeGuard

import numpy as np
from assay.errors import ModelError
from numpy.typing import NDArray

from .calibration import Calibration, Signature
from .classifier import Classifier, ClassifierScores
from .lm_scores import LMScores
from .machine_spans import MachineSpan, MachineSpanFinder
from .normalise import Normalised
from .plain import plain


class FindsSpans(Classifier, Protocol):
    """A classifier that may hold a finder of stretches."""

    @property
    def spans(self) -> MachineSpanFinder | None:
        """What locates stretches; None if nothing was fitted for it. Loads no model."""
        ...

    def with_spans(self, finder: MachineSpanFinder | None) -> Self:
        """Return the same classifier with a finder, or without; ModelError if that was fitted on another model's fields."""
        ...

    def read(self, texts: Sequence[str]) -> Iterator[tuple[Any, LMScores]]:
        """Yield of each text what `score_prepared` takes, and the fields of the pass, in characters of `plain(normalise(text).text)`."""
        ...

    def score_prepared(self, prepared: Sequence[Any]) -> ClassifierScores:
        """Score prepared texts, as `score` does."""
        ...


def finds_spans(classifier: Classifier) -> TypeGuard[FindsSpans]:
    """Say whether a classifier holds what locates stretches; loads no model."""
    return getattr(classifier, "spans", None) is not None


def cannot_locate(spec: str, classifier: Classifier) -> str:
    """Return why a classifier locates no stretches, or nothing if it does."""
    if finds_spans(classifier):
        return ""
    if hasattr(classifier, "with_spans"):
        return f"classifier {spec!r} was made without what locates stretches"
    return f"classifier {spec!r} scores whole texts and locates no stretches"


def finder_of(classifier: FindsSpans) -> MachineSpanFinder:
    """Return the classifier's finder under its name, for the arithmetic that it runs in; loads the language model.

    What the finder was fitted in does not bind it, as the classifier's heads are not bound: a calibration is of one dtype, and says so.

    Raises:
        ModelError: if it has none, or its language model cannot be loaded.
    """
    if classifier.spans is None:
        raise ModelError(
            f"{cannot_locate(classifier.name, classifier)}; fit it with assay.detect.classifier_spans.fit_spans"
        )
    scorer = {**classifier.spans.scorer, "dtype": classifier.scorer["dtype"]}
    return replace(classifier.spans, name=classifier.name, scorer=scorer)


@dataclass(frozen=True)
class Located:
    """What a search says of one text.

    Attributes:
        spans: the stretches with a family-wise p-value of at most the search's alpha, in characters of the original.
        log10_p: log10 of the family-wise p-value of the best stretch; NaN where the calibration gives none.
        smallest_p: the least p-value that it can give a text of this length; NaN where it gives none.
        said: what a reader must know of it.
    """

    spans: tuple[MachineSpan, ...] = ()
    log10_p: float = math.nan
    smallest_p: float = math.nan
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpanSearch:
    """A classifier with the calibration of its stretches.

    Attributes:
        classifier: one that holds a finder.
        calibration: of that finder's best stretches.
        alpha: which stretches are shown: those with a family-wise p-value of at most this.
    """

    classifier: FindsSpans
    calibration: Calibration
    alpha: float

    @cached_property
    def finder(self) -> MachineSpanFinder:
        """The finder.

        Raises:
            BadCalibration: if the calibration is not of it.
            ModelError: as `finder_of`.
        """
        finder = finder_of(self.classifier)
        self.calibration.fits(finder.signature)
        return finder

    def score(self, texts: Sequence[str], read: Sequence[Normalised]) -> tuple[ClassifierScores, list[Located]]:
        """Return the scores of D texts and what is located in each of them, from one pass over each.

        Args:
            texts: (D,) texts.
            read: (D,) the same, normalised.
        """
        prepared: list[Any] = []
        located: list[Located] = []
        for one, (part, fields) in zip(read, self.classifier.read(texts), strict=True):
            prepared.append(part)
            located.append(self._locate(one, fields))
        return self.classifier.score_prepared(prepared), located

    def _locate(self, read: Normalised, fields: LMScores) -> Located:
        p = self.finder.p_value(fields, self.calibration)
        spans = self.finder.find(fields, self.calibration, self.alpha)
        said = [self.calibration.explain(int(p.reason[0])), self.calibration.group_note]
        said.append(f"only the first {len(fields):,} of {fields.n_tokens:,} tokens were searched" if fields.cut else "")
        return Located(
            _in_original(spans, read),
            float(p.log10_p[0]),
            float(p.smallest_p[0]),
            tuple(f"stretches: {words}" for words in said if words),
        )


@dataclass(frozen=True)
class StretchScorer:
    """Scores texts by their best stretch, as a calibration of stretches needs them."""

    classifier: FindsSpans

    @cached_property
    def finder(self) -> MachineSpanFinder:
        """The classifier's finder (`finder_of`)."""
        return finder_of(self.classifier)

    @property
    def signature(self) -> Signature:
        """What scores must share with those of the calibration."""
        return self.finder.signature

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Return the scores of the best stretches, 0 where no token speaks for a machine, and lengths in tokens."""
        best: list[float] = []
        lengths: list[int] = []
        for _, fields in self.classifier.read(texts):
            best.append(self.finder.best(fields))
            lengths.append(fields.n_scored)
        return ClassifierScores(np.array(best, np.float64), np.array(lengths, np.int64))


def _in_original(spans: Sequence[MachineSpan], read: Normalised) -> tuple[MachineSpan, ...]:
    """Return stretches of the line that was read in characters of the text that it was made from."""
    if not spans:
        return ()
    line = plain(read.text)
    inside = np.array([line.span(one.start, one.stop) for one in spans], np.int64)
    places: NDArray[np.int64] = read.spans_to_original(inside)
    return tuple(
        replace(one, start=start, stop=stop) for one, (start, stop) in zip(spans, places.tolist(), strict=True)
    )
