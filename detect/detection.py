"""What is said of a document: detections without a verdict, a threshold, and the decision it leads to.

A `Detection` is what one mark saw; it holds no boolean. A `Threshold` turns the detections of one document into `detected`,
`not_detected` or `abstain`. Several tests (marks, and for each its span search) mean a corrected p: Bonferroni's, because the
tests of one text are dependent; the corrected one decides, and the output says how many were tried.

Marks alone: the p-value of a mark holds for every single text, over its key, so marks that abstain on a text need no share of the error
rate. With a classifier among them: its p-value holds on average over human texts and not for those on which another detector happens to
speak, so every detector given has an equal share of alpha, whether it abstains or not (one whose spans were searched halves its own
share, whether or not the search could say anything). Summed over the detectors this is at most alpha under any dependence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # marks alone import nothing of classifiers
    from .machine_spans import MachineSpan

Verdict = Literal["detected", "not_detected", "abstain"]

_TIE = 1e-12  # of log10 p: a conformal p-value is k / (n + 1) and meets a round alpha exactly, but for rounding


@dataclass(frozen=True)
class Span:
    """A stretch of text that carries the mark.

    Attributes:
        start, stop: characters, half-open.
        start_token, stop_token: tokens, half-open.
        green: green tokens among the scored ones.
        n_scored: scored tokens inside.
        log10_p: family-wise over all stretches of this document, for this mark.
    """

    start: int
    stop: int
    start_token: int
    stop_token: int
    green: int
    n_scored: int
    log10_p: float


@dataclass(frozen=True)
class CalibratedScore:
    """What the p-value of a classifier rests on; the score itself is the detection's `statistic`, the length its `n_tokens`.

    Attributes:
        smallest_p: the least p-value that the calibration can give a text of this length; NaN where it gives none.
        length_unit: what the length counts.
        calibration: the first 16 hex digits of the calibration's SHA-256.
        tampering: the hidden and look-alike characters of the text, as a record; None if there are none.
        smallest_span_p: the least family-wise p-value that a stretch of a text of this length can have; NaN where there is none.
        span_calibration: as `calibration`, of the one that stretches are judged by; empty if none were looked for.
    """

    smallest_p: float
    length_unit: str
    calibration: str
    tampering: Mapping[str, Any] | None = None
    smallest_span_p: float = math.nan
    span_calibration: str = ""

    @property
    def least_p(self) -> float:
        """The least p-value that the whole text or a stretch of it can have; NaN without any."""
        return min(filter(math.isfinite, (self.smallest_p, self.smallest_span_p)), default=math.nan)


@dataclass(frozen=True)
class Detection:
    """What one detector saw in one document.

    Attributes:
        detector: scheme and profile name, or the classifier's name.
        statistic: the sum of the scored values (green lists: green tokens); of a classifier the score, NaN if it has none.
        log10_p: log10 of the p-value of the whole text, uncorrected: exact for a mark, finite far below the smallest float;
            conformal for a classifier, NaN where its calibration gives none.
        z: standard score, for display only (NaN without scored tokens, and for a classifier).
        n_scored: distinct (context, token) pairs tested; of a classifier the length of what has a score.
        n_tokens: tokens of the document; of a classifier its length in the classifier's own unit.
        skipped: tokens not scored, by reason.
        spans: significant stretches, when asked for.
        best_span_log10_p: log10 of the family-wise p-value of the best stretch; None if spans were not asked for, NaN where a
            classifier's calibration of stretches gives none.
        abstained: why this detector says nothing; empty if it does.
        warnings: what a reader of the p-value must know.
        profile_fingerprint, key_fingerprint: which mark, which key; empty for a classifier.
        calibrated: how a classifier's score became a p-value; None for a mark.
    """

    detector: str
    statistic: float
    log10_p: float
    z: float
    n_scored: int
    n_tokens: int
    skipped: dict[str, int]
    spans: "tuple[Span | MachineSpan, ...]" = ()
    best_span_log10_p: float | None = None
    abstained: str = ""
    warnings: tuple[str, ...] = ()
    profile_fingerprint: str = ""
    key_fingerprint: str = ""
    calibrated: CalibratedScore | None = None

    @property
    def p_value(self) -> float:
        """10 ** log10_p; 0.0 below the smallest float, where log10_p is still exact."""
        return 10.0**self.log10_p

    @property
    def n_tests(self) -> int:
        """How many p-values this detector contributes: the whole text, and the span search if it ran."""
        return 0 if self.abstained else 1 + (self.best_span_log10_p is not None)

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record (NaN as null)."""
        if self.calibrated is not None:
            return self._calibrated_record(self.calibrated)
        record: dict[str, Any] = {
            "detector": self.detector,
            "log10_p": None if self.abstained else _finite(self.log10_p),
            "p_value": None if self.abstained else self.p_value,
            "z": _finite(self.z),
            "statistic": self.statistic,
            "n_scored": self.n_scored,
            "n_tokens": self.n_tokens,
            "skipped": self.skipped,
        }
        record |= self._spans_record()
        if self.abstained:
            record["abstained"] = self.abstained
        record["warnings"] = list(self.warnings)
        record["profile"] = self.profile_fingerprint
        record["key"] = self.key_fingerprint
        return record

    def _calibrated_record(self, made: CalibratedScore) -> dict[str, Any]:
        record: dict[str, Any] = {
            "detector": self.detector,
            "log10_p": None if self.abstained else _finite(self.log10_p),
            "p_value": None if self.abstained else _finite(self.p_value),
            "smallest_p": _finite(made.smallest_p),
            "score": _finite(self.statistic),
            "length": self.n_tokens,
            "length_unit": made.length_unit,
            "calibration": made.calibration,
        }
        if found := self._spans_record():
            record |= {
                **found,
                "smallest_span_p": _finite(made.smallest_span_p),
                "span_calibration": made.span_calibration,
            }
        if self.abstained:
            record["abstained"] = self.abstained
        return {**record, "warnings": list(self.warnings)}

    def _spans_record(self) -> dict[str, Any]:
        """Return what was located; empty if nothing was looked for."""
        if self.best_span_log10_p is None:
            return {}
        spans = [{**vars(span), "log10_p": _finite(span.log10_p)} for span in self.spans]
        return {"best_span_log10_p": _finite(self.best_span_log10_p), "spans": spans}


@dataclass(frozen=True)
class Decision:
    """A verdict on one document.

    Attributes:
        verdict: detected, not_detected, or abstain.
        log10_p: the corrected p-value that decided (log10); None when nothing could be tested.
        tried: what the p-value that decided was multiplied by: how many p-values were looked at; with a classifier, the detectors
            given times the p-values of the one that decided.
        reasons: why it abstained; with a classifier also which detectors abstained where the others detected nothing.
        threshold: the threshold, if a classifier took part; None for marks alone.
    """

    verdict: Verdict
    log10_p: float | None
    tried: int
    reasons: tuple[str, ...] = ()
    threshold: "Threshold | None" = None

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        record: dict[str, Any] = {
            "verdict": self.verdict,
            "log10_p": None if self.log10_p is None else _finite(self.log10_p),
            "tried": self.tried,
        }
        if self.threshold is not None:
            combined = {"combined": "bonferroni"} if self.tried > 1 else {}
            record |= {**combined, "threshold": {"alpha": self.threshold.alpha, "source": self.threshold.source}}
        said = self.verdict == "abstain" or (self.threshold is not None and self.reasons)
        return {**record, "reasons": list(self.reasons)} if said else record


@dataclass(frozen=True)
class Threshold:
    """The error rate at which a text is called detected.

    Attributes:
        alpha: chance that an unmarked human text is called detected, over all tests of it together.
        source: where the p-values come from: `law` (the marks' exact nulls), or `calibration` if a classifier takes part.
        min_tokens: overrides the profiles' own minimum of scored tokens if given.
    """

    alpha: float = 1e-3
    source: str = field(default="law")
    min_tokens: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha must be between 0 and 1, got {self.alpha}")
        if self.min_tokens is not None and self.min_tokens < 1:
            raise ValueError(f"min_tokens must be at least 1, got {self.min_tokens}")

    def share(self, tests: int) -> float:
        """Return the p-value at which one of `tests` is detected, a hair above alpha / tests: conformal ones meet it exactly."""
        return self.alpha / tests * 10.0**_TIE

    def decide(self, detections: Sequence[Detection]) -> Decision:
        """Return the verdict on one document from all its detections, in which every detector given has one."""
        if any(d.calibrated is not None for d in detections):
            return self._decide_in_shares(detections)
        tried = sum(d.n_tests for d in detections)
        if not tried:
            return Decision("abstain", None, 0, tuple(f"{d.detector}: {d.abstained}" for d in detections))
        best = min(_smallest(d) for d in detections if not d.abstained)
        corrected = min(best + math.log10(tried), 0.0)
        return Decision("detected" if corrected <= math.log10(self.alpha) else "not_detected", corrected, tried)

    def _decide_in_shares(self, detections: Sequence[Detection]) -> Decision:
        """Decide with classifiers among the detectors: an equal share of alpha for each, see the module.

        A classifier whose smallest p-values (of whole texts, of stretches) do not reach their share can never detect, and is no reason to say
        `not_detected`.
        """
        threshold, limit = replace(self, source="calibration"), math.log10(self.alpha) + _TIE
        spoke = [d for d in detections if not d.abstained]
        reasons = [f"{d.detector}: {d.abstained}" for d in detections if d.abstained]
        if not spoke:
            return Decision("abstain", None, 0, tuple(reasons), threshold)
        factors = [len(detections) * d.n_tests for d in spoke]
        corrected, tried = min((min(_smallest(d) + math.log10(n), 0.0), n) for d, n in zip(spoke, factors, strict=True))
        if corrected <= limit:
            return Decision("detected", corrected, tried, (), threshold)
        blind = [d for d in spoke if not _can_reach(d, len(detections), limit)]
        reasons += [f"{d.detector}: {_out_of_reach(d, len(detections), self.alpha)}" for d in blind]
        verdict: Verdict = "abstain" if len(blind) == len(spoke) else "not_detected"
        return Decision(verdict, corrected, tried, tuple(reasons), threshold)


def _smallest(detection: Detection) -> float:
    """Return the smaller log10 p-value of a detector that speaks: of the whole text, or of its best stretch."""
    best = detection.best_span_log10_p
    return detection.log10_p if best is None or math.isnan(best) else min(detection.log10_p, best)


def _can_reach(detection: Detection, detectors: int, limit: float) -> bool:
    """Say whether any score could be detected; a mark that speaks always can."""
    made = detection.calibrated
    return made is None or math.log10(made.least_p * detectors * detection.n_tests) <= limit


def _out_of_reach(detection: Detection, detectors: int, alpha: float) -> str:
    smallest = detection.calibrated.least_p if detection.calibrated else math.nan
    tests = detectors * detection.n_tests
    needed = smallest * tests
    least = f"use --alpha {float(f'{needed * 1.0005:.3g}'):g} or more, or " if needed < 0.5 else ""
    return (
        f"alpha {alpha:g} is below what its calibration can reach (1/{round(1 / smallest)} x {tests} "
        f"test{'s' * (tests > 1)}); {least}calibrate on more text"
    )


def _finite(value: float) -> float | None:
    """Round to ten significant digits; JSON has no NaN."""
    return float(f"{value:.10g}") if math.isfinite(value) else None
