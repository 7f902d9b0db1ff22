"""Classifiers with their calibrations: which of the files at hand is whose.

A calibration names the detector that it is of: a classifier's name for its scores, the name and `/spans` for the stretches that it locates. One that the user
gives comes before the one beside the weights; two that fit are refused, since choosing between them would be choosing a p-value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import BadCalibration

from .calibration import Calibration, Signature
from .calibration_file import read_calibration
from .classifier import Classifier, calibration_signature
from .span_search import cannot_locate, finder_of, finds_spans


@dataclass(frozen=True)
class Calibrated:
    """A classifier and the calibration that its scores are converted by.

    Attributes:
        classifier: the classifier.
        calibration: of its scores.
        span_calibration: of the stretches that it locates; None where it locates none.
        no_spans: why it locates none although that was asked for; else empty.
    """

    classifier: Classifier
    calibration: Calibration
    span_calibration: Calibration | None = None
    no_spans: str = ""


def with_calibrations(
    classifiers: Sequence[tuple[str, Classifier]],
    files: Sequence[Path],
    *,
    spans: bool = False,
    group: str | None = None,
) -> list[Calibrated]:
    """Give each classifier its calibration: the one of `files` that fits it, else the one that lies beside its weights.

    Args:
        classifiers: (D,) what each was named by (`find_classifier`), and the classifier.
        files: calibrations; each must be of one of the classifiers.
        spans: whether to find their calibrations of stretches too; a classifier that has none says why in `no_spans`.
        group: the label that all texts are known to be of (`Calibration.of`); None for the least favourable p.

    Raises:
        BadCalibration: in one line, if a classifier has none or several, or a file fits no classifier or cannot be read.
        ModelError: if a model that a classifier reads cannot be loaded.
    """
    given = [(path, read_calibration(path)) for path in files]
    names = {classifier.name for _, classifier in classifiers}
    searched = {f"{name}/spans" for name in names}
    for path, calibration in given:
        detector = calibration.signature.detector
        if detector in searched and not spans:
            raise BadCalibration(
                f"calibration {path} is of {detector!r}, which locates stretches; add --spans, or leave it out"
            )
        if detector not in names | searched:
            raise BadCalibration(
                f"calibration {path} is of {detector!r}, got the classifier "
                f"{' and '.join(map(repr, sorted(names)))}; name a calibration of it, or leave --calibration out"
            )
    made = [Calibrated(classifier, _calibration_of(spec, classifier, given)) for spec, classifier in classifiers]
    if spans:
        made = [_with_spans(spec, one, given) for (spec, _), one in zip(classifiers, made, strict=True)]
    return made if group is None else [_of_group(one, group) for one in made]


def _of_group(one: Calibrated, group: str) -> Calibrated:
    """Return a classifier with its calibrations for texts of one group."""
    stretches = one.span_calibration
    return replace(
        one, calibration=one.calibration.of(group), span_calibration=None if stretches is None else stretches.of(group)
    )


def _with_spans(spec: str, one: Calibrated, given: Sequence[tuple[Path, Calibration]]) -> Calibrated:
    """Return a classifier with its calibration of stretches, or with why it has none."""
    from .find_classifier import shipped_span_calibration

    classifier = one.classifier
    if not finds_spans(classifier):
        return replace(one, no_spans=cannot_locate(spec, classifier))
    named = [(path, found) for path, found in given if found.signature.detector == f"{classifier.name}/spans"]
    if not named and (path := shipped_span_calibration(spec)) is not None:
        named = [(path, read_calibration(path))]
    if named:
        return replace(one, span_calibration=_fitting(spec, finder_of(classifier).signature, named))
    return replace(
        one,
        no_spans=f"classifier {spec!r} has no calibration of stretches; make one on your own human text: "
        f"assay calibrate human.jsonl --classifier {spec} --spans --out spans.json, then --calibration spans.json",
    )


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
    return _fitting(spec, calibration_signature(classifier), named)


def _fitting(spec: str, signature: Signature, named: Sequence[tuple[Path, Calibration]]) -> Calibration:
    """Return the one calibration among `named` (at least one) that fits."""
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
