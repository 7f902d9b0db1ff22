"""Find unmarked machine text: classifiers with their calibrations, as `marks.py` does for marks.

A classifier's score becomes a p-value only through a calibration that was made as the score was (`calibration.py`); that is checked when the
detector is built. What a calibration says nothing about abstains, with the reason:

* a length (or group) that it has no texts of;
* another form than running English prose (`form.py`);
* tampering: hidden and look-alike characters (`normalise.py`) of `TAMPERED_COUNT` and `TAMPERED_RATE` per 1,000 characters on. They are undone
  before a text is scored, but whoever put them there may have changed more, and the calibration's texts are without. Of 8,736
  human English texts (essays, stories, news, abstracts, reviews, answers) 3 trip it, 0.03 %;
* a text without a score, or one on which the classifier fails: the others go on.

All reasons look at the text alone, never at the score or at other detectors, and abstaining only lowers the false-alarm rate: for a human text
exchangeable with the calibration P[p <= a] <= a holds with them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from assay.errors import BadCalibration, DataError

from .calibration import Calibration, Signature
from .calibration_file import read_calibration
from .classifier import Classifier, ClassifierScores, calibration_signature
from .detection import CalibratedScore, Decision, Detection, Threshold
from .form import form, unusual
from .normalise import Normalised, normalise

TAMPERED_COUNT, TAMPERED_RATE = 3, 2.0
_FAILURES = (
    DataError,
    RuntimeError,
    ValueError,
    LookupError,
    ArithmeticError,
)  # not ModelError, which no text explains


@dataclass(frozen=True)
class Calibrated:
    """A classifier and the calibration that its scores are converted by."""

    classifier: Classifier
    calibration: Calibration


class ClassifierDetector:
    """Tests texts by classifiers.

    Args:
        calibrated: classifiers with their calibrations.
        threshold: error rate.

    Raises:
        BadCalibration: if there is none, or a calibration does not fit its classifier, naming every difference.
        ModelError: if a model that a classifier reads cannot be loaded.
    """

    def __init__(self, calibrated: Sequence[Calibrated], threshold: Threshold | None = None) -> None:
        if not calibrated:
            raise BadCalibration("no classifier given: name at least one with its calibration (--classifier fast)")
        self.threshold = threshold or Threshold(1e-2, source="calibration")
        self._signatures = [calibration_signature(one.classifier) for one in calibrated]
        for one, signature in zip(calibrated, self._signatures, strict=True):
            one.calibration.fits(signature)
        self._calibrated = tuple(calibrated)

    def detect(self, texts: Sequence[str]) -> list[list[Detection]]:
        """Return, for each text, one detection per classifier, in the order the classifiers were given."""
        if not texts:
            return []
        read = [normalise(text) for text in texts]
        refused = [[*unusual(form(one.text)), *filter(None, [tampered(one)])] for one in read]
        columns = [
            _detections(one, signature, texts, read, refused)
            for one, signature in zip(self._calibrated, self._signatures, strict=True)
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    def decide(self, detections: Sequence[Detection]) -> Decision:
        """Return the verdict on one text from its detections."""
        return self.threshold.decide(detections)


def tampered(read: Normalised) -> str:
    """Return why a normalised text is not judged for hidden or look-alike characters; empty if it has none, or few."""
    found = read.tampering
    if found.count < TAMPERED_COUNT or found.rate_per_1k < TAMPERED_RATE:
        return ""
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in vars(found.kinds).items() if count)
    return (
        f"tampering: {found.count:,} hidden or look-alike characters ({found.rate_per_1k:.1f} per 1,000: {kinds}); "
        "the texts of the calibration are without"
    )


def with_calibrations(classifiers: Sequence[tuple[str, Classifier]], files: Sequence[Path]) -> list[Calibrated]:
    """Give each classifier its calibration: the one of `files` that fits it, else the one that lies beside its weights.

    Args:
        classifiers: (D,) what each was named by (`find_classifier`), and the classifier.
        files: calibrations; each must be of one of the classifiers.

    Raises:
        BadCalibration: in one line, if a classifier has none or several, or a file fits no classifier or cannot be read.
        ModelError: if a model that a classifier reads cannot be loaded.
    """
    given = [(path, read_calibration(path)) for path in files]
    names = {classifier.name for _, classifier in classifiers}
    for path, calibration in given:
        if calibration.signature.detector not in names:
            raise BadCalibration(
                f"calibration {path} is of {calibration.signature.detector!r}, got the classifier "
                f"{' and '.join(map(repr, sorted(names)))}; name a calibration of it, or leave --calibration out"
            )
    return [Calibrated(classifier, _calibration_of(spec, classifier, given)) for spec, classifier in classifiers]


def _calibration_of(spec: str, classifier: Classifier, given: Sequence[tuple[Path, Calibration]]) -> Calibration:
    from .find_classifier import shipped_calibration

    named = [(path, one) for path, one in given if one.signature.detector == classifier.name]
    if not named:
        path = shipped_calibration(spec)
        if path is None:
            raise BadCalibration(
                f"classifier {spec!r} has no calibration, and without one its scores mean nothing; make one on your own human text: "
                f"assay calibrate human.jsonl --classifier {spec} --out cal.json, then --calibration cal.json"
            )
        named = [(path, read_calibration(path))]
    signature = calibration_signature(classifier)
    fitting = [(path, one) for path, one in named if not one.signature.differences(signature)]
    if len(fitting) > 1:
        paths = " and ".join(str(path) for path, _ in fitting)
        raise BadCalibration(
            f"several calibrations fit classifier {spec!r}: {paths}; choose one before looking at results"
        )
    path, found = (fitting or named)[0]
    try:
        found.fits(signature)
    except BadCalibration as error:
        raise BadCalibration(f"{path}: {error}") from None
    return found


def _detections(
    one: Calibrated,
    signature: Signature,
    texts: Sequence[str],
    read: Sequence[Normalised],
    refused: Sequence[Sequence[str]],
) -> list[Detection]:
    """Return the detection of each text by one classifier."""
    calibration = one.calibration
    found, failures = _scores(one.classifier, texts)
    p = calibration.p_values(signature, found.scores, found.lengths)
    labels = [label for label in calibration.labels if label]
    warnings = (f"no group given: the least favourable of {', '.join(labels)}",) if labels else ()
    log10_p, name, unit, identity = p.log10_p, one.classifier.name, signature.length_unit, calibration.sha256[:16]
    detections: list[Detection] = []
    for d, (score, length) in enumerate(zip(found.scores.tolist(), found.lengths.tolist(), strict=True)):
        reasons = [failures[d]] if d in failures else [calibration.explain(int(p.reason[d])), *refused[d]]
        tampering = read[d].tampering
        made = CalibratedScore(
            float(p.smallest_p[d]), unit, identity, tampering.to_record() if tampering.count else None
        )
        detections.append(
            Detection(
                detector=name,
                statistic=score,
                log10_p=float(log10_p[d]),
                z=math.nan,
                n_scored=length if math.isfinite(score) else 0,
                n_tokens=length,
                skipped={},
                abstained="; ".join(filter(None, reasons)),
                warnings=warnings,
                calibrated=made,
            )
        )
    return detections


def _scores(classifier: Classifier, texts: Sequence[str]) -> tuple[ClassifierScores, dict[int, str]]:
    """Score texts; where the classifier fails on the batch, one by one, with the failures by text."""
    try:
        return classifier.score(texts), {}
    except _FAILURES:
        pass
    scores, lengths = np.full(len(texts), np.nan), np.zeros(len(texts), np.int64)
    failures: dict[int, str] = {}
    for d, text in enumerate(texts):
        try:
            found = classifier.score([text])
        except _FAILURES as error:
            failures[d] = f"the classifier failed on this text: {type(error).__name__}: {' '.join(str(error).split())}"
        else:
            scores[d], lengths[d] = found.scores[0], found.lengths[0]
    return ClassifierScores(scores, lengths), failures
