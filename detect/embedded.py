"""The classifier that reads a text with the embedded language model: two linear discriminants over the features of one pass.

The features are those of `document_features.py`, of at most the first `reading.MAX_TOKENS` tokens; the discriminants those of `discriminant.py`: a straight one, and one that
may bend and shuns what differs between domains. Their mean ranks better than either on domains and on generators left out,
on which the settings were chosen too (`docs/quality.md`). It is told in units of its scatter among human texts of that length (`length_spread.py`). Small models know little of what chat models write: what this one is worth, its card says.

It may hold a finder of machine-written stretches (`machine_spans.py`; `classifier_spans.fit_spans` fits one), which reads the same pass and has no say in the
score.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from assay.errors import DataError, ModelError
from numpy.typing import NDArray

from .calibration import Setting
from .classifier import Arrays, ClassifierScores, register_classifier
from .discriminant import Discriminant, Settings, fit_discriminant
from .document_features import VERSION as FEATURES
from .length_spread import LengthSpread, fit_length_spread
from .lm_scores import LMScores
from .machine_spans import MachineSpanFinder
from .normalise import VERSION as NORMALISER
from .plain import VERSION as PLAIN
from .reading import MAX_TOKENS, PREFIXES, Reader, Reading

SETTINGS = (Settings(ridge=0.1), Settings(knots=3, between=1.0, disagreement=1.0, ridge=0.3))

_READ_AS: dict[str, Setting] = {
    "features": FEATURES,
    "plain": PLAIN,
    "normaliser": NORMALISER,
    "max_tokens": MAX_TOKENS,
}


@register_classifier("embedded")
@dataclass(frozen=True)
class EmbeddedClassifier:
    """Discriminants over what the embedded model makes of a text.

    Attributes:
        name: what it is called in records.
        fitted: how it was fitted, for people.
        weights: fingerprint of the language model it was fitted with.
        heads: the discriminants; a score is their mean over
        spread: that of human texts of its length.
        device, dtype: where and how the language model runs; not kept in folders.
        spans: what locates stretches; None if nothing was fitted for it.
    """

    kind: ClassVar[str] = "embedded"
    summary: ClassVar[str] = "linear discriminants over one pass of the embedded language model"
    length_unit: ClassVar[str] = "tokens"
    most: ClassVar[int] = MAX_TOKENS

    name: str
    fitted: dict[str, Any]
    weights: str
    heads: tuple[Discriminant, ...]
    spread: LengthSpread
    device: str = "auto"
    dtype: str = "auto"
    spans: MachineSpanFinder | None = None

    @classmethod
    def prepare(cls, texts: Sequence[str]) -> list[Reading]:
        """Read the texts and their beginnings with the embedded model."""
        return Reader().read(texts, prefixes=True)

    @classmethod
    def fit(
        cls,
        prepared: Sequence[Reading],
        labels: NDArray[np.bool_],
        groups: Sequence[str],
        rng: np.random.Generator,
        name: str = "embedded",
    ) -> "EmbeddedClassifier":
        """Fit on every text whole and on one of its beginnings, which `rng` draws.

        Raises:
            DataError: if one label has too few texts that are long enough.
        """
        used = [d for d, reading in enumerate(prepared) if len(reading.features)]
        if not used:
            raise DataError("none of the texts is long enough to be read; training needs longer ones")
        drawn = [int(rng.integers(len(prepared[d].features))) for d in used]
        parts = [*((d, 0) for d in used), *zip(used, drawn, strict=True)]
        rows = np.array([prepared[d].features[part] for d, part in parts])
        answers, names = np.asarray(labels, np.bool_)[[d for d, _ in parts]], [groups[d] for d, _ in parts]
        heads = tuple(fit_discriminant(rows, answers, names, one) for one in SETTINGS)
        lengths = np.array([PREFIXES[part - 1] if part else prepared[d].n_scored for d, part in parts])
        humans: list[int] = np.flatnonzero(~answers).tolist()
        spread = fit_length_spread(_mean(heads, rows[humans]), lengths[humans], [names[i] for i in humans])
        fitted = {"texts": len(used), "machine": int(answers.sum()) // 2, "groups": len(set(groups))}
        return cls(name, fitted, Reader().signature.weights, heads, spread)

    @property
    def normaliser(self) -> str:
        """Version of the normaliser."""
        return NORMALISER

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """`LMSignature.to_record()`; loads the language model."""
        return self.reader.signature.to_record()

    @cached_property
    def reader(self) -> Reader:
        """What reads texts for it.

        Raises:
            ModelError: if the embedded model is not the one that this was fitted with.
        """
        reader = Reader(self.device, self.dtype)
        found = reader.signature.weights
        if found != self.weights:
            raise ModelError(
                f"classifier {self.name!r} was fitted with weights {self.weights} of the embedded model, this version has {found}; "
                "train it again"
            )
        return reader

    def on(self, device: str, dtype: str) -> "EmbeddedClassifier":
        """Return the same classifier for another device and dtype."""
        return replace(self, device=device, dtype=dtype)

    def with_spans(self, finder: MachineSpanFinder | None) -> "EmbeddedClassifier":
        """Return the same classifier with a finder of stretches, or without.

        Raises:
            ModelError: if the finder was fitted on the fields of another language model, or on texts normalised otherwise.
        """
        if finder is not None:
            for what, theirs, ours in (
                ("weights", finder.scorer["weights"], self.weights),
                ("normaliser", finder.normaliser, self.normaliser),
            ):
                if theirs != ours:
                    raise ModelError(
                        f"the span finder was fitted with {what} {theirs}, classifier {self.name!r} has {ours}; fit it again"
                    )
        return replace(self, spans=finder, fitted=with_spans_fitted(self.fitted, finder))

    def read(self, texts: Sequence[str]) -> Iterator[tuple[Reading, LMScores]]:
        """Yield the reading of each text with the fields that it was made of; characters are those of `plain(normalise(text).text)`."""
        for scores in self.reader.scores(texts):
            yield self.reader.reading(scores), scores

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts; one of fewer than `document_features.FEWEST` tokens has no score."""
        return self.score_prepared(self.reader.read(texts))

    def score_prepared(self, prepared: Sequence[Reading]) -> ClassifierScores:
        """Score readings."""
        scores = np.full(len(prepared), np.nan)
        used = [d for d, reading in enumerate(prepared) if len(reading.features)]
        lengths = np.array([reading.n_scored for reading in prepared], np.int64)
        if used:
            rows = np.array([prepared[d].features[0] for d in used])
            scores[used] = _mean(self.heads, rows) / self.spread.at(lengths[used])
        return ClassifierScores(scores, lengths)

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return plain values and arrays; those of a finder begin with `span`."""
        values: dict[str, Any] = {**_READ_AS, "weights": self.weights, "heads": len(self.heads)}
        values["fitted_lengths"] = [self.spread.low, self.spread.high]
        arrays = {
            f"head{i}_{one.name}": np.asarray(getattr(head, one.name), np.float64)
            for i, head in enumerate(self.heads)
            for one in fields(Discriminant)
        }
        arrays["length_spread"] = self.spread.slopes
        if self.spans is not None:
            values["spans"], theirs = self.spans.parts()
            arrays |= theirs
        return values, arrays

    @classmethod
    def from_parts(
        cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays
    ) -> "EmbeddedClassifier":
        """Make the classifier again.

        Raises:
            ValueError: if it was fitted on texts that were read otherwise than this version reads them.
            ModelError: if its finder is of another language model.
        """
        for part, here in _READ_AS.items():
            if values[part] != here:
                raise ValueError(f"it was fitted with {part} {values[part]!r}, this version has {here!r}")
        heads: list[Discriminant] = []
        for i in range(values["heads"]):
            parts: dict[str, Any] = {one.name: arrays[f"head{i}_{one.name}"] for one in fields(Discriminant)}
            parts["offset"] = float(parts["offset"].item())
            heads.append(Discriminant(**parts))
        low, high = values["fitted_lengths"]
        spread = LengthSpread(low, high, np.asarray(arrays["length_spread"], np.float64))
        made = cls(name, fitted, values["weights"], tuple(heads), spread)
        if "spans" not in values:
            return made
        finder = MachineSpanFinder.from_parts(name, fitted.get("spans", {}), values["spans"], arrays)
        return made.with_spans(finder)


def _mean(heads: Sequence[Discriminant], rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (N,) the mean score of (N, F) features by the heads."""
    return np.mean([head.scores(rows) for head in heads], axis=0)


def with_spans_fitted(fitted: dict[str, Any], finder: MachineSpanFinder | None) -> dict[str, Any]:
    """Return how a classifier was fitted, with how its finder was, if it has one."""
    rest = {what: value for what, value in fitted.items() if what != "spans"}
    return {**rest, "spans": finder.fitted} if finder is not None and finder.fitted else rest
