"""The detectors of a scan, loaded from its options: marks, and classifiers in a cascade; each says which languages it judges.

A mark that leaves out common English sequences was tried on English (`assay.watermark.common`): without the list its counts scatter more than the law says, and
in another language the list finds nothing. It abstains on what is told to be in another language. What is too short to tell it judges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from assay.detect.calibrated import Calibrated, with_calibrations
from assay.detect.cascade import Cascade, CascadeCounts
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import calibration_signature, signature
from assay.detect.detection import CalibratedScore, Detection, Threshold
from assay.detect.fast_tokens import fast_tokens
from assay.detect.find_classifier import find_classifier
from assay.detect.language import ENGLISH
from assay.detect.mark_columns import MarkColumns, mark_columns
from assay.detect.marks import MarkDetector, PreparedMark
from assay.errors import BadCalibration, BadProfile
from assay.watermark.profile import load_mark

from .score_options import DetectorInfo, ScoreOptions

_Asked = frozenset[str] | None


class MarkStage:
    """The marks of a scan.

    Attributes:
        infos: what each is; names are told apart.
        notes: what a user should be told.

    Raises:
        AssayError: in one line, if one cannot be used, or is given twice.
    """

    def __init__(self, options: ScoreOptions, threshold: Threshold, detectors: int, asked: _Asked) -> None:
        loaded = [load_mark(path) for path in options.marks]
        fingerprints = [one.profile.fingerprint for one in loaded]
        for one in loaded:
            if fingerprints.count(one.profile.fingerprint) > 1:
                raise BadProfile(
                    f"profile {one.path}: this mark is given twice, which would halve its power; name it once"
                )
        share = replace(threshold, alpha=threshold.alpha * len(loaded) / detectors)
        self._detector = MarkDetector(loaded, share, spans=options.spans, model=options.model)
        self._covers = [_covers(one, options.languages, asked) for one in self._detector.prepared]
        found = [_mark_info(one, covers) for one, covers in zip(self._detector.prepared, self._covers, strict=True)]
        self.infos = _told_apart(found)
        fast = {id(one.tokenizer): fast_tokens(one.tokenizer) for one in self._detector.prepared}
        self.notes = tuple(one.note for one in fast.values() if one.note)

    def columns(self, texts: Sequence[str], languages: Sequence[str]) -> list[MarkColumns]:
        """Return what each mark sees in the texts that are in its languages."""
        refused = [_refused(covers, languages) for covers in self._covers]
        found = mark_columns(self._detector, texts, refused if any(refused) else None)
        for columns, info in zip(found, self.infos, strict=True):
            columns.detector = info.name
        return found


class ClassifierStage:
    """The classifiers of a scan.

    Attributes:
        infos, notes: as of `MarkStage`.
        counts: what became of texts in the cascade; None without one.

    Raises:
        AssayError: in one line, if one cannot be used, or stretches are asked of classifiers alone that locate none.
    """

    def __init__(self, options: ScoreOptions, threshold: Threshold, detectors: int, asked: _Asked) -> None:
        found = [
            (spec, find_classifier(spec, device=options.device, dtype=options.dtype)) for spec in options.classifiers
        ]
        files = [Path(path) for path in options.calibrations]
        calibrated = with_calibrations(found, files, spans=options.spans, group=options.group)
        missing = [one.no_spans for one in calibrated if one.no_spans]
        if not options.marks and missing and len(missing) == len(calibrated):
            raise BadCalibration("; ".join(missing))
        self._asked = asked
        cascade = options.cascade and len(calibrated) > 1
        made = _told_apart([_classifier_info(one, asked) for one in calibrated])
        made = [made[0], *(replace(info, asked_after=made[0].name if cascade else "") for info in made[1:])]
        self.infos = [
            replace(info, cannot_detect=_cannot_detect(one, threshold, detectors, options.spans))
            for info, one in zip(made, calibrated, strict=True)
        ]
        silent = [f"{info.name} {info.cannot_detect}" for info in self.infos if info.cannot_detect]
        self.notes = (*(f"spans leave it out: {why}" for why in missing), *silent)
        self._silent = [_silent(one) for one in calibrated]
        self._cascade: Cascade | None = None
        if cascade:
            self._cascade = Cascade(
                calibrated, threshold, detectors=detectors, spans=options.spans, pass_on=options.pass_on
            )
        share = replace(threshold, alpha=threshold.alpha * len(calibrated) / detectors)
        spans = options.spans and len(missing) < len(calibrated)
        self._detector = self._cascade or ClassifierDetector(calibrated, share, spans=spans)

    @property
    def counts(self) -> CascadeCounts | None:
        """What became of texts in the cascade so far; None without one."""
        return None if self._cascade is None else self._cascade.counts

    def restore(self, counts: CascadeCounts) -> None:
        """Take back what a batch that failed has counted."""
        if self._cascade is not None:
            self._cascade.counts = counts

    def detections(self, texts: Sequence[str], languages: Sequence[str]) -> list[list[Detection]]:
        """Return, for each text, one detection per classifier; those that are in no language asked for are not read."""
        refused = _refused(self._asked, languages)
        if not refused:
            return self._detector.detect(texts)
        asked = [d for d in range(len(texts)) if d not in refused]
        found = dict(zip(asked, self._detector.detect([texts[d] for d in asked]), strict=True))
        return [
            found[d] if d in found else [replace(silent, abstained=refused[d]) for silent in self._silent]
            for d in range(len(texts))
        ]


def _covers(mark: PreparedMark, languages: str, asked: _Asked) -> _Asked:
    """Return the languages that a mark judges; None for all."""
    english = languages == "auto" and mark.loaded.profile.skip_common.startswith("en-")
    return frozenset({"", ENGLISH}) if english else asked


def _refused(covers: _Asked, languages: Sequence[str]) -> Mapping[int, str]:
    """Return, by text, why its language is not judged."""
    if covers is None:
        return {}
    only = ", ".join(sorted(filter(None, covers)))
    return {
        d: f"language: {language or 'unknown'}, judged: {only}"
        for d, language in enumerate(languages)
        if language not in covers
    }


def _mark_info(mark: PreparedMark, covers: _Asked) -> DetectorInfo:
    profile = mark.loaded.profile
    return DetectorInfo(
        name=mark.detector,
        kind="mark",
        gamma=float(mark.loaded.mark.law.gamma),
        profile=profile.fingerprint,
        key=profile.key_fingerprint,
        model=profile.model,
        length_unit="distinct (context, token) pairs",
        languages="any" if covers is None else ",".join(sorted(filter(None, covers))),
        warnings=mark.loaded.mark.warnings,
    )


def _classifier_info(one: Calibrated, asked: _Asked) -> DetectorInfo:
    stretches = one.span_calibration
    return DetectorInfo(
        name=one.classifier.name,
        kind="classifier",
        smallest_p=one.calibration.reachable_p,
        calibration_n=min(group.null.n for group in one.calibration.groups),
        least_favourable=len(one.calibration.labels) > 1,
        model=signature(one.classifier)["sha256"],
        calibration=one.calibration.sha256[:16],
        span_calibration="" if stretches is None else stretches.sha256[:16],
        length_unit=one.classifier.length_unit,
        languages="form" if asked is None else ",".join(sorted(asked)),
        warnings=tuple(filter(None, [one.calibration.group_note])),
    )


def _cannot_detect(one: Calibrated, threshold: Threshold, detectors: int, spans: bool) -> str:
    """Return why a classifier calls no text at its share of alpha, whatever its score; empty if it can."""
    searched = spans and one.span_calibration is not None
    tests = detectors * (2 if searched else 1)
    least = one.calibration.reachable_p
    if searched and one.span_calibration is not None:
        least = min(least, one.span_calibration.reachable_p)
    if least <= threshold.share(tests):
        return ""
    return (
        f"can detect nothing at --alpha {threshold.alpha:g}: its smallest p-value {least:.2g} times {tests} test{'s' * (tests > 1)} is more; "
        "raise alpha, look for less at once, or calibrate on more text"
    )


def _silent(one: Calibrated) -> Detection:
    """Return the detection of a text that a classifier has not read, without the reason."""
    unit, nan = calibration_signature(one.classifier).length_unit, float("nan")
    made = CalibratedScore(nan, unit, one.calibration.sha256[:16])
    return Detection(one.classifier.name, nan, nan, nan, 0, 0, {}, calibrated=made)


def _told_apart(infos: Sequence[DetectorInfo]) -> list[DetectorInfo]:
    """Return the infos with `#2` after a name that an earlier one has: two profiles of one file name are two marks."""
    names = [info.name for info in infos]
    return [
        info if (before := names[:i].count(info.name)) == 0 else replace(info, name=f"{info.name}#{before + 1}")
        for i, info in enumerate(infos)
    ]
