"""The classifier that asks two others: `fast` for style and `embedded` for predictability, in units of what each says of groups it has not seen.

Each member scores texts of groups that were left out of its fit; centre and spread of its human scores there are its units. Members fitted on all texts then stand in.
Counted alike: weights learned by a logistic regression on those scores separate the middle of the two classes best and leaned on `embedded` (.79),
whose worst mistake, dense academic prose, then became that of the sum (`docs/quality.md` has what both gave on groups left out).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .calibration import Setting
from .classifier import Arrays, ClassifierScores, register_classifier
from .embedded import EmbeddedClassifier, with_spans_fitted
from .fast import FastClassifier
from .lm_scores import LMScores
from .machine_spans import MachineSpanFinder
from .normalise import VERSION as NORMALISER
from .reading import MAX_TOKENS, Reading

FOLDS = 3
"""Into how many folds the groups are dealt to weigh the members."""

Both = tuple[str, Reading]
F64 = NDArray[np.float64]


@register_classifier("fusion")
@dataclass(frozen=True)
class Fusion:
    """The mean of standardised scores.

    Attributes:
        name: what it is called in records.
        fitted: how it was fitted, for people.
        fast, embedded: the members.
        centres, scales: (2,) float64, mean and spread of their human scores.
    """

    kind: ClassVar[str] = "fusion"
    summary: ClassVar[str] = "mean of fast and embedded in units learned on groups left out"
    length_unit: ClassVar[str] = "tokens"
    most: ClassVar[int] = MAX_TOKENS

    name: str
    fitted: dict[str, Any]
    fast: FastClassifier
    embedded: EmbeddedClassifier
    centres: F64
    scales: F64

    @classmethod
    def prepare(cls, texts: Sequence[str]) -> list[Both]:
        """Prepare texts for both members."""
        return list(zip(FastClassifier.prepare(texts), EmbeddedClassifier.prepare(texts), strict=True))

    @classmethod
    def fit(
        cls,
        prepared: Sequence[Both],
        labels: NDArray[np.bool_],
        groups: Sequence[str],
        rng: np.random.Generator,
        name: str = "fusion",
    ) -> "Fusion":
        """Fit the members, and learn their units on groups left out of them (on texts left out at random if there is one group only).

        Raises:
            DataError: if a label is missing, is in one fold without which there is none, or no human text is long enough.
        """
        labels = np.asarray(labels, np.bool_)
        fold = _folds(labels, groups, rng)
        out = np.full((len(labels), 2), np.nan)
        for k in range(FOLDS):
            out[fold == k] = _columns(
                _members(prepared, labels, groups, fold != k, rng),
                [prepared[d] for d in np.flatnonzero(fold == k).tolist()],
            )
        if not np.isfinite(out[~labels]).all(axis=1).any():
            raise DataError("training needs human texts that are long enough to be read; add longer ones")
        members = _members(prepared, labels, groups, np.ones(len(labels), np.bool_), rng)
        centres, scales = _human_scale(out[~labels])
        fitted: dict[str, Any] = {
            "texts": len(labels),
            "machine": int(labels.sum()),
            "groups": len(set(groups)),
        }
        return cls(name, fitted, *members, centres, scales)

    @property
    def normaliser(self) -> str:
        """Version of the normaliser."""
        return NORMALISER

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """As of `embedded`."""
        return self.embedded.scorer

    def on(self, device: str, dtype: str) -> "Fusion":
        """Return the same classifier for another device and dtype."""
        return replace(self, embedded=self.embedded.on(device, dtype))

    @property
    def spans(self) -> MachineSpanFinder | None:
        """What locates stretches: that of `embedded`."""
        return self.embedded.spans

    def with_spans(self, finder: MachineSpanFinder | None) -> "Fusion":
        """Return the same classifier with a finder of stretches, or without; raises as that of `embedded` does."""
        return replace(self, embedded=self.embedded.with_spans(finder), fitted=with_spans_fitted(self.fitted, finder))

    def read(self, texts: Sequence[str]) -> Iterator[tuple[Both, LMScores]]:
        """Yield of each text what the members take, and the fields of `embedded`'s pass."""
        for text, (reading, fields) in zip(FastClassifier.prepare(texts), self.embedded.read(texts), strict=True):
            yield (text, reading), fields

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts; one that either member cannot score has no score."""
        return self.score_prepared(
            list(zip(FastClassifier.prepare(texts), self.embedded.reader.read(texts), strict=True))
        )

    def score_prepared(self, prepared: Sequence[Both]) -> ClassifierScores:
        """Score prepared texts."""
        columns = _columns((self.fast, self.embedded), prepared)
        lengths = np.array([reading.n_scored for _, reading in prepared], np.int64)
        return ClassifierScores(((columns - self.centres) / self.scales).mean(axis=1), lengths)

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return plain values and arrays; those of the members behind their names."""
        values: dict[str, Any] = {}
        arrays: Arrays = {"centres": self.centres, "scales": self.scales}
        for member in (self.fast, self.embedded):
            values[member.kind], theirs = member.parts()
            arrays |= {f"{member.kind}.{name}": array for name, array in theirs.items()}
        return values, arrays

    @classmethod
    def from_parts(cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays) -> "Fusion":
        """Make the classifier again.

        Raises:
            ValueError: if a member cannot be made.
        """
        fast = FastClassifier.from_parts("fast", {}, values["fast"], _of_member(arrays, "fast"))
        embedded = EmbeddedClassifier.from_parts("embedded", {}, values["embedded"], _of_member(arrays, "embedded"))
        return cls(name, fitted, fast, embedded, arrays["centres"], arrays["scales"])


def _of_member(arrays: Arrays, kind: str) -> Arrays:
    """Return the arrays of a member, by its own names."""
    return {name.removeprefix(f"{kind}."): array for name, array in arrays.items() if name.startswith(f"{kind}.")}


def _members(
    prepared: Sequence[Both],
    labels: NDArray[np.bool_],
    groups: Sequence[str],
    seen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[FastClassifier, EmbeddedClassifier]:
    """Return the members fitted on the texts that are `seen`."""
    chosen: list[int] = np.flatnonzero(seen).tolist()
    names = [groups[d] for d in chosen]
    fast = FastClassifier.fit([prepared[d][0] for d in chosen], labels[chosen], names, rng)
    return fast, EmbeddedClassifier.fit([prepared[d][1] for d in chosen], labels[chosen], names, rng)


def _columns(members: tuple[FastClassifier, EmbeddedClassifier], prepared: Sequence[Both]) -> F64:
    """Return (D, 2) the scores of the members."""
    fast, embedded = members
    texts, readings = [text for text, _ in prepared], [reading for _, reading in prepared]
    return np.column_stack([fast.score_prepared(texts).scores, embedded.score_prepared(readings).scores])


def _folds(labels: NDArray[np.bool_], groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (D,) the fold of each text: by group where groups have both labels in every other fold, else at random.

    Groups are dealt out from the one with most machine texts down, so that every fold has some.
    """
    names = np.asarray(groups, dtype=object)
    order = sorted(set(groups), key=lambda group: (-int(labels[names == group].sum()), group))
    fold = np.array([order.index(group) % FOLDS for group in groups])
    for k in range(FOLDS):
        if len(set(labels[fold != k].tolist())) < 2 or not (fold == k).any():
            return rng.integers(FOLDS, size=len(labels))
    return fold


def _human_scale(rows: F64) -> tuple[F64, F64]:
    """Return mean and standard deviation of human scores, (2,) each."""
    return np.nanmean(rows, axis=0), np.nanstd(rows, axis=0) + 1e-9
