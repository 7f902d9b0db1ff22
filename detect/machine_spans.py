"""Where in a document the machine-written stretches are: the segments whose evidence adds up to more than that of human documents does.

Each token has a value (`token_evidence.py`), below zero for most human and above for most machine text. There are two searches for maximal scoring segments
(`segments.py`). Cores are those of the values less `CORE` times the half gap: short of strong evidence, a core is not there. The best core's score is the
statistic of the document. Its null law is that of the best core of human documents of like length: a `Calibration` by `calibrate_spans`, whose null takes in how
human texts differ from each other, which no law of independent tokens does. A span is the maximal segment of the values themselves around a significant core:
every core lies in just one, for all that it begins or ends with adds to it, and would do so with more.

Every core's p-value is conformal against the best cores of whole human documents, so it is family-wise over all stretches of the document: a human
document like the calibration's has a false span with probability at most alpha. The human part of a mixed document is like a shorter human
document of the same range of lengths. What is tested is that a span holds machine text, not its bounds: they are the likeliest ones, and reach into the
surroundings where these happen to look alike.

No p-value goes below 1/(n + 1) of n human documents. Text of other kinds than calibrated has no guarantee: calibrate by domain (`groups`) and leave the
label out where it is not known, and the least favourable domain decides.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from assay.errors import ModelError
from numpy.typing import NDArray

from .calibrate import N_MIN, fit
from .calibration import CalibratedP, Calibration, Setting, Signature
from .classifier import Arrays
from .lm_scores import LMScores
from .normalise import VERSION as NORMALISER
from .segments import Segments, maximal_segments
from .token_evidence import VERSION, TokenEvidence, counted_places
from .token_evidence_fit import fit_token_evidence

F64 = NDArray[np.float64]

CORE = 0.5
"""How far above the middle between human and machine means the tokens of a core must be on average, in half gaps."""

_LATTICE = float(2**20)
"""Values are rounded to multiples of its inverse, for `maximal_segments` counts in integers."""


@dataclass(frozen=True)
class MachineSpan:
    """A stretch of text that is likely machine-written.

    Attributes:
        start, stop: characters, half-open.
        start_token, stop_token: tokens, half-open.
        n_scored: tokens inside that are scored and count.
        score: that of its best core.
        log10_p: of that core, family-wise over all stretches of the document; never below the smallest the calibration can give.
    """

    start: int
    stop: int
    start_token: int
    stop_token: int
    n_scored: int
    score: float
    log10_p: float


@dataclass(frozen=True)
class MachineSpanFinder:
    """Finds machine-written stretches from the fields of one pass.

    Attributes:
        name: what it is called in records.
        fitted: how it was fitted, for people.
        normaliser: version of the normaliser that texts go through before they are scored.
        scorer: how the language model read the texts of the fit (`LMSignature.to_record()`).
        tokens: the evidence of each token.
    """

    length_unit: ClassVar[str] = "tokens"

    name: str
    fitted: dict[str, Any]
    normaliser: str
    scorer: Mapping[str, Setting]
    tokens: TokenEvidence

    @classmethod
    def fit(
        cls,
        scores: Iterable[LMScores],
        labels: Sequence[bool] | NDArray[np.bool_],
        domains: Sequence[str],
        *,
        counted: NDArray[np.bool_],
        name: str = "embedded",
        normaliser: str = NORMALISER,
    ) -> "MachineSpanFinder":
        """Return a finder fitted on D documents of one author each, (D,) labels (True is machine) and (D,) domains.

        Args:
            scores: the documents' fields, all of one signature; read once.
            labels: (D,) bool.
            domains: (D,) names; texts of one domain share their weight.
            counted: (V,) bool, which tokens count, by id: `letter_tokens` of the tokenizer.
            name: what to call it.
            normaliser: version of the normaliser the texts went through.

        Raises:
            DataError: if a label is missing altogether.
            ModelError: if the documents were not all scored alike.
            ValueError: if the numbers of documents, labels and domains differ.
        """
        machine = np.asarray(labels, np.bool_)
        seen: dict[str, Setting] = {}

        def checked() -> Iterable[LMScores]:
            for one in scores:
                if not seen:
                    seen.update(one.signature.to_record())
                _check_scorer(seen, one)
                yield one

        tokens = fit_token_evidence(checked(), machine, domains, counted=counted)
        fitted = {"texts": len(machine), "machine": int(machine.sum()), "domains": len(set(domains))}
        return cls(name, fitted, normaliser, seen, tokens)

    @property
    def signature(self) -> Signature:
        """What a calibration of best cores shares with scores of this finder."""
        evidence = self.tokens
        numbers = [VERSION, evidence.offset, evidence.half_gap, CORE]
        digest = hashlib.sha256(json.dumps(numbers).encode())
        for array in (evidence.weights, evidence.by_token, evidence.counted):
            digest.update(np.ascontiguousarray(array).tobytes())
        version = digest.hexdigest()[:16]
        return Signature(f"{self.name}/spans", version, self.normaliser, self.length_unit, self.scorer)

    def evidence(self, scores: LMScores) -> F64:
        """Return (T,) float64: what each token adds; 0 for one that is not scored or does not count, NaN where a field is not finite.

        Raises:
            ModelError: if the text was scored by another model, or otherwise, than those of the fit.
        """
        _check_scorer(self.scorer, scores)
        return self.tokens.values(scores)

    def best(self, scores: LMScores) -> float:
        """Return the score of the best core, 0.0 if no token speaks so clearly for a machine; NaN where nothing can be scored."""
        found = self._search(scores)
        return float("nan") if found is None else found.best

    def p_value(self, scores: LMScores, calibration: Calibration, label: str | None = None) -> CalibratedP:
        """Return the p-value of the document's best core, or why there is none (`Calibration.explain`).

        Raises:
            BadCalibration: if the calibration is not of this finder.
            ModelError: if the text was scored otherwise than those of the fit.
        """
        return self._p_values(np.array([self.best(scores)]), scores, calibration, label)

    def find(
        self, scores: LMScores, calibration: Calibration, alpha: float, label: str | None = None
    ) -> tuple[MachineSpan, ...]:
        """Return the stretches with a family-wise p-value of at most `alpha`, in order.

        None for a document that abstains; `p_value` says why.

        Args:
            scores: fields of the document.
            calibration: by `calibrate_spans`, of this finder.
            alpha: chance that a human document has a span at all.
            label: the document's domain or language, for a calibration that has these.

        Raises:
            BadCalibration: if the calibration is not of this finder.
            ModelError: if the text was scored otherwise than those of the fit.
            ValueError: if alpha is not between 0 and 1.
        """
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
        found = self._search(scores)
        if found is None:
            return ()
        p = self._p_values(found.cores.score / _LATTICE, scores, calibration, label).p
        within = np.searchsorted(found.spans.start, found.cores.start, side="right") - 1
        spans: list[MachineSpan] = []
        for k in np.unique(within[p <= alpha]).tolist():
            core = int(np.flatnonzero(within == k)[np.argmax(found.cores.score[within == k])])
            size = int(found.spans.stop[k] - found.spans.start[k])
            start, stop = int(found.places[found.spans.start[k]]), int(found.places[found.spans.stop[k] - 1]) + 1
            chars = int(scores.chars[start, 0]), int(scores.chars[stop - 1, 1])
            score = float(found.cores.score[core]) / _LATTICE
            spans.append(MachineSpan(*chars, start, stop, size, score, float(np.log10(p[core]))))
        return tuple(spans)

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return what `from_parts` makes the same finder from: plain values, and arrays."""
        values: dict[str, Any] = {"normaliser": self.normaliser, "scorer": dict(self.scorer), "evidence": VERSION}
        values |= {"offset": self.tokens.offset, "half_gap": self.tokens.half_gap, "core": CORE}
        return values, {
            "span_weights": self.tokens.weights,
            "span_by_token": self.tokens.by_token,
            "span_counted": self.tokens.counted,
        }

    @classmethod
    def from_parts(
        cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays
    ) -> "MachineSpanFinder":
        """Make a finder from its parts; KeyError, TypeError or ValueError where they do not fit."""
        for part, here in (("core", CORE), ("evidence", VERSION)):
            if values[part] != here:
                raise ValueError(f"it was fitted with {part} {values[part]!r}, this version has {here!r}")
        weights, by_token = arrays["span_weights"].astype(np.float64), arrays["span_by_token"].astype(np.float32)
        evidence = TokenEvidence(
            weights,
            by_token,
            arrays["span_counted"].astype(np.bool_),
            float(values["offset"]),
            float(values["half_gap"]),
        )
        return cls(name, fitted, str(values["normaliser"]), dict(values["scorer"]), evidence)

    def _search(self, scores: LMScores) -> "_Found | None":
        """Return cores and spans; None where nothing is scored, or a value is not finite."""
        evidence = self.evidence(scores)
        places = counted_places(scores, self.tokens.counted)
        values = evidence[places]
        if not len(values) or not np.isfinite(values).all():
            return None
        counts = np.rint(values * _LATTICE).astype(np.int64)
        least = round(CORE * self.tokens.half_gap * _LATTICE)
        return _Found(places, maximal_segments(counts - least), maximal_segments(counts))

    def _p_values(self, values: F64, scores: LMScores, calibration: Calibration, label: str | None) -> CalibratedP:
        lengths = np.full(len(values), scores.n_scored)
        labels = None if label is None else [label] * len(values)
        return calibration.p_values(self.signature, values, lengths, labels)


@dataclass(frozen=True)
class _Found:
    """Maximal segments of one document, in the tokens at `places`, with scores on the lattice."""

    places: NDArray[np.int64]
    cores: Segments
    spans: Segments

    @property
    def best(self) -> float:
        return float(self.cores.score.max(initial=0)) / _LATTICE


def calibrate_spans(
    finder: MachineSpanFinder,
    scores: Iterable[LMScores],
    *,
    data: str,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    folds: Sequence[str] | None = None,
    edges: Sequence[int] | None = None,
    n_min: int = N_MIN,
    seed: int = 0,
) -> Calibration:
    """Return the calibration of the best cores of human documents; the arguments are those of `calibrate.fit`.

    Raises:
        BadCalibration: if there are too few documents.
        ModelError: if they were not scored as the finder was fitted.
    """
    best: list[float] = []
    lengths: list[int] = []
    for one in scores:
        best.append(finder.best(one))
        lengths.append(one.n_scored)
    return fit(
        finder.signature,
        best,
        lengths,
        data=data,
        groups=groups,
        clusters=clusters,
        folds=folds,
        edges=edges,
        n_min=n_min,
        seed=seed,
    )


def _check_scorer(expected: Mapping[str, Setting], scores: LMScores) -> None:
    """Refuse a text that was scored otherwise than those of the fit."""
    ours, theirs = (Signature("", "", "", scorer=one) for one in (expected, scores.signature.to_record()))
    wrong = ours.differences(theirs)
    if wrong:
        raise ModelError(
            f"the span finder does not fit these scores: {'; '.join(wrong)}; score the text as it was fitted"
        )
