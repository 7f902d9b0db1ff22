"""Classifiers in a cascade: a cheap one looks at every text, the dearer ones only at what it leaves undecided.

What the first says of a text, whose p-value is p:

* p at most its share of alpha: decided, nobody else is asked;
* p above `pass_on`: left alone, nobody else is asked (their detections abstain: `not asked: fast p 0.71 > 0.5`);
* else the text goes on to the others, all such texts of a batch together;
* it abstains: the text goes on if only its length, or a missing score, is the reason; for its form or tampering (`form.py`, `classified.py`) the others would
  abstain too, and are not asked.

Validity: every classifier has its equal share of alpha, asked or not. That a human text is called detected takes a p-value of at most alpha / K from one of K
detectors, and the chance that a given one would give it, had it been asked, is at most alpha / K; not asking only makes it rarer. So at most
alpha in all, for any rule of passing on and under any dependence. What it costs is power, on texts that the first thinks human and the others would not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .calibrated import Calibrated
from .classified import ClassifierDetector, not_judged
from .classifier import calibration_signature
from .detection import CalibratedScore, Detection, Threshold

PASS_ON = 0.5
"""The first classifier's p-value above which the others are not asked."""


@dataclass
class CascadeCounts:
    """How many texts the first classifier has seen, and what became of them; they add up to `seen`.

    Attributes:
        seen: texts.
        decided: detected by the first.
        cleared: above `pass_on`.
        passed_on: gone on to the others.
        refused: judged by no classifier, for their form.
    """

    seen: int = 0
    decided: int = 0
    cleared: int = 0
    passed_on: int = 0
    refused: int = 0


class Cascade:
    """Tests texts by classifiers, the first on all, the others on what it leaves.

    Args:
        calibrated: classifiers with their calibrations, the cheap one first.
        threshold: error rate over all detectors of a text.
        detectors: how many share it, these and others; by default these.
        spans: whether to locate stretches too, with those that have a calibration of stretches.
        pass_on: see the module.

    Raises:
        BadCalibration, ModelError: as `ClassifierDetector` does.
        ValueError: if `pass_on` is not between 0 and 1.
    """

    def __init__(
        self,
        calibrated: Sequence[Calibrated],
        threshold: Threshold,
        *,
        detectors: int | None = None,
        spans: bool = False,
        pass_on: float = PASS_ON,
    ) -> None:
        if not 0.0 < pass_on <= 1.0:
            raise ValueError(f"pass_on must be above 0 and at most 1, got {pass_on}")
        self.threshold, self.pass_on, self.counts = threshold, pass_on, CascadeCounts()
        self._all = detectors or len(calibrated)
        self._first = self._detector(calibrated[:1], spans)
        self._rest = self._detector(calibrated[1:], spans) if len(calibrated) > 1 else None
        self._silent = [_silent(one) for one in calibrated[1:]]

    def detect(self, texts: Sequence[str]) -> list[list[Detection]]:
        """Return, for each text, one detection per classifier, in the order the classifiers were given."""
        found = self._first.detect(texts)
        if self._rest is None:
            self.counts.seen += len(texts)
            return found
        why = [self._not_asked(one[0], text) for one, text in zip(found, texts, strict=True)]
        asked = [d for d, reason in enumerate(why) if not reason]
        later = dict(zip(asked, self._rest.detect([texts[d] for d in asked]), strict=True))
        return [
            [*one, *(later[d] if d in later else (replace(silent, abstained=why[d]) for silent in self._silent))]
            for d, one in enumerate(found)
        ]

    def _detector(self, calibrated: Sequence[Calibrated], spans: bool) -> ClassifierDetector:
        """Return a detector whose stretches are shown at the share that each classifier has of the whole alpha."""
        share = replace(self.threshold, alpha=self.threshold.alpha * len(calibrated) / self._all)
        able = spans and any(one.span_calibration is not None for one in calibrated)
        return ClassifierDetector(calibrated, share, spans=able)

    def _not_asked(self, first: Detection, text: str) -> str:
        """Return why the others are not asked about a text, or nothing if they are; counts it."""
        self.counts.seen += 1
        if first.abstained:
            if form := not_judged(text):
                self.counts.refused += 1
                return f"not asked: {form}"
        elif self._decides(first):
            self.counts.decided += 1
            return f"not asked: {first.detector} p {first.p_value:.2g} decides"
        elif first.p_value > self.pass_on:
            self.counts.cleared += 1
            return f"not asked: {first.detector} p {first.p_value:.2g} > {self.pass_on:g}"
        self.counts.passed_on += 1
        return ""

    def _decides(self, first: Detection) -> bool:
        best = first.best_span_log10_p
        smallest = first.log10_p if best is None or math.isnan(best) else min(first.log10_p, best)
        return smallest <= math.log10(self.threshold.share(self._all * first.n_tests))


def _silent(one: Calibrated) -> Detection:
    """Return the detection of a classifier that is not asked, without its reason."""
    made = CalibratedScore(math.nan, calibration_signature(one.classifier).length_unit, one.calibration.sha256[:16])
    return Detection(one.classifier.name, math.nan, math.nan, math.nan, 0, 0, {}, calibrated=made)
