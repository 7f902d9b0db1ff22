"""What is said of a document: detections without a verdict, a threshold, and the decision it leads to.

A `Detection` is what one mark saw; it holds no boolean. A `Threshold` turns the detections of one document into `detected`,
`not_detected` or `abstain`. Several tests (marks, and for each its span search) mean a corrected p: Bonferroni's, because the
tests of one text are dependent; the corrected one decides, and the output says how many were tried.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["detected", "not_detected", "abstain"]


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
class Detection:
    """What one detector saw in one document.

    Attributes:
        detector: scheme and profile name.
        statistic: the sum of the scored values (green lists: green tokens).
        log10_p: log10 of the exact p-value of the whole text, uncorrected; finite far below the smallest float.
        z: standard score, for display only (NaN without scored tokens).
        n_scored: distinct (context, token) pairs tested.
        n_tokens: tokens of the document.
        skipped: tokens not scored, by reason.
        spans: significant stretches, when asked for.
        best_span_log10_p: log10 of the family-wise p-value of the best stretch; None if spans were not asked for.
        abstained: why this detector says nothing; empty if it does.
        warnings: what a reader of the p-value must know.
        profile_fingerprint, key_fingerprint: which mark, which key.
    """

    detector: str
    statistic: float
    log10_p: float
    z: float
    n_scored: int
    n_tokens: int
    skipped: dict[str, int]
    spans: tuple[Span, ...] = ()
    best_span_log10_p: float | None = None
    abstained: str = ""
    warnings: tuple[str, ...] = ()
    profile_fingerprint: str = ""
    key_fingerprint: str = ""

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
        if self.best_span_log10_p is not None:
            record["best_span_log10_p"] = _finite(self.best_span_log10_p)
            record["spans"] = [{**vars(span), "log10_p": _finite(span.log10_p)} for span in self.spans]
        if self.abstained:
            record["abstained"] = self.abstained
        record["warnings"] = list(self.warnings)
        record["profile"] = self.profile_fingerprint
        record["key"] = self.key_fingerprint
        return record


@dataclass(frozen=True)
class Decision:
    """A verdict on one document.

    Attributes:
        verdict: detected, not_detected, or abstain.
        log10_p: the corrected p-value that decided (log10); None when nothing could be tested.
        tried: how many p-values were looked at, and corrected for.
        reasons: why it abstained; empty otherwise.
    """

    verdict: Verdict
    log10_p: float | None
    tried: int
    reasons: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        record: dict[str, Any] = {
            "verdict": self.verdict,
            "log10_p": None if self.log10_p is None else _finite(self.log10_p),
            "tried": self.tried,
        }
        return record if self.verdict != "abstain" else {**record, "reasons": list(self.reasons)}


@dataclass(frozen=True)
class Threshold:
    """The error rate at which a text is called detected.

    Attributes:
        alpha: chance that an unmarked text is called detected, over all tests of it together.
        source: where the cut comes from: `law` (the mark's exact null).
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

    def decide(self, detections: Sequence[Detection]) -> Decision:
        """Return the verdict on one document from all its detections."""
        tried = sum(d.n_tests for d in detections)
        if not tried:
            return Decision("abstain", None, 0, tuple(f"{d.detector}: {d.abstained}" for d in detections))
        best = min(p for d in detections if not d.abstained for p in (d.log10_p, d.best_span_log10_p) if p is not None)
        corrected = min(best + math.log10(tried), 0.0)
        return Decision("detected" if corrected <= math.log10(self.alpha) else "not_detected", corrected, tried)


def _finite(value: float) -> float | None:
    """Round to ten significant digits; JSON has no NaN."""
    return float(f"{value:.10g}") if math.isfinite(value) else None
