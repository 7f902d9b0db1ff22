"""Find unmarked machine text: classifiers with their calibrations, as `marks.py` does for marks.

A classifier's score becomes a p-value only through a calibration that was made as the score was (`calibration.py`); that is checked when the
detector is built. What a calibration says nothing about abstains, with the reason:

* a length (or group) that it has no texts of;
* another form than running English prose (`form.py`);
* tampering: hidden and look-alike characters (`normalise.py`) of `TAMPERED_COUNT` and `TAMPERED_RATE` per 1,000 characters on. They are undone
  before a text is scored, but whoever put them there may have changed more, and the calibration's texts are without. Of 8,736
  human English texts (essays, stories, news, abstracts, reviews, answers) 3 trip it, 0.03 %;
* a text without a score, or one on which the classifier fails: the others go on.

With `spans` a classifier that can (`embedded`, `fusion`) also locates stretches, in the pass that its score comes from (`span_search.py`), by a calibration of
stretches: a second test, which halves the classifier's share of alpha. A text on which the classifier abstains is not searched; one on which
only the calibration of stretches says nothing keeps the halved share, and a warning says why.

All reasons look at the text alone, never at the score or at other detectors, and abstaining only lowers the false-alarm rate: for a human text
exchangeable with the calibration P[p <= a] <= a holds with them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from assay.errors import BadCalibration, DataError

from .calibrated import Calibrated
from .calibration import Calibration, Signature
from .classifier import Classifier, ClassifierScores, calibration_signature
from .detection import CalibratedScore, Decision, Detection, Threshold
from .form import form, unusual
from .normalise import Normalised, normalise
from .span_search import Located, SpanSearch, finds_spans

TAMPERED_COUNT, TAMPERED_RATE = 3, 2.0
_FAILURES = (
    DataError,
    RuntimeError,
    ValueError,
    LookupError,
    ArithmeticError,
)  # not ModelError, which no text explains


@dataclass(frozen=True)
class _Prepared:
    """A classifier with what its tests need; `search` where stretches are located."""

    classifier: Classifier
    calibration: Calibration
    signature: Signature
    search: SpanSearch | None


@dataclass
class _Seen:
    """What a classifier gave for texts: `located` where stretches were looked for, `failures` where it failed, by text."""

    scores: ClassifierScores
    located: dict[int, Located] = field(default_factory=dict[int, Located])
    failures: dict[int, str] = field(default_factory=dict[int, str])


class ClassifierDetector:
    """Tests texts by classifiers.

    Args:
        calibrated: classifiers with their calibrations.
        threshold: error rate.
        spans: whether to locate stretches too, with those that have a calibration of stretches.

    Raises:
        BadCalibration: if there is none, a calibration does not fit its classifier, naming every difference, or `spans` is asked and
            none has a calibration of stretches.
        ModelError: if a model that a classifier reads cannot be loaded.
    """

    def __init__(
        self, calibrated: Sequence[Calibrated], threshold: Threshold | None = None, *, spans: bool = False
    ) -> None:
        if not calibrated:
            raise BadCalibration("no classifier given: name at least one with its calibration (--classifier fast)")
        self.threshold = threshold or Threshold(1e-2, source="calibration")
        if spans and all(one.span_calibration is None for one in calibrated):
            raise BadCalibration(
                f"no calibration of stretches given{''.join(f'; {one.no_spans}' for one in calibrated if one.no_spans)}; "
                "give one of a classifier that locates them, or leave spans out"
            )
        share = self.threshold.share(2 * len(calibrated))
        self._prepared = tuple(_prepare(one, share if spans else None) for one in calibrated)

    def detect(self, texts: Sequence[str]) -> list[list[Detection]]:
        """Return, for each text, one detection per classifier, in the order the classifiers were given."""
        if not texts:
            return []
        read = [normalise(text) for text in texts]
        refused = [[*unusual(form(one.text)), *filter(None, [tampered(one)])] for one in read]
        columns = [_detections(one, texts, read, refused) for one in self._prepared]
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


def not_judged(text: str) -> str:
    """Return in a word or two why a text is judged by no classifier, whatever its score: what no calibration may hold; empty if it is judged."""
    read = normalise(text)
    if tampered(read):
        return "tampering"
    reasons = unusual(form(read.text))
    return f"unusual form ({reasons[0].partition(':')[0]})" if reasons else ""


def _prepare(one: Calibrated, share: float | None) -> _Prepared:
    """Return what is ready to test: checked, and with a search for stretches where a `share` for it and its calibration are given."""
    signature = calibration_signature(one.classifier)
    one.calibration.fits(signature)
    search = None
    if share is not None and one.span_calibration is not None and finds_spans(one.classifier):
        search = SpanSearch(one.classifier, one.span_calibration, share)
        one.span_calibration.fits(search.finder.signature)
    return _Prepared(one.classifier, one.calibration, signature, search)


def _detections(
    one: _Prepared, texts: Sequence[str], read: Sequence[Normalised], refused: Sequence[Sequence[str]]
) -> list[Detection]:
    """Return the detection of each text by one classifier."""
    calibration, seen = one.calibration, _seen(one, texts, read)
    scores, lengths = seen.scores.scores, seen.scores.lengths
    p = calibration.p_values(one.signature, scores, lengths)
    most: int | None = getattr(one.classifier, "most", None)  # of a text that it reads
    log10_p, unit, identity = p.log10_p, one.signature.length_unit, calibration.sha256[:16]
    detections: list[Detection] = []
    for d, (score, length) in enumerate(zip(scores.tolist(), lengths.tolist(), strict=True)):
        failed, tampering = seen.failures.get(d), read[d].tampering
        reasons = [failed] if failed else [calibration.explain(int(p.reason[d])), *refused[d]]
        made = CalibratedScore(
            float(p.smallest_p[d]), unit, identity, tampering.to_record() if tampering.count else None
        )
        found = Detection(
            detector=one.classifier.name,
            statistic=score,
            log10_p=float(log10_p[d]),
            z=math.nan,
            n_scored=length if math.isfinite(score) else 0,
            n_tokens=length,
            skipped={},
            abstained="; ".join(filter(None, reasons)),
            warnings=tuple(filter(None, [calibration.group_note, _cut_note(length, most, unit)])),
            calibrated=made,
        )
        if one.search is not None and not found.abstained:
            found = _with_located(found, made, seen.located[d], one.search)
        detections.append(found)
    return detections


def _cut_note(length: int, most: int | None, unit: str) -> str:
    return f"only the first {most:,} {unit} were read" if most is not None and length >= most else ""


def _with_located(found: Detection, made: CalibratedScore, located: Located, search: SpanSearch) -> Detection:
    """Return a detection with what its classifier located."""
    made = replace(made, smallest_span_p=located.smallest_p, span_calibration=search.calibration.sha256[:16])
    return replace(
        found,
        spans=located.spans,
        best_span_log10_p=located.log10_p,
        warnings=found.warnings + located.said,
        calibrated=made,
    )


def _seen(one: _Prepared, texts: Sequence[str], read: Sequence[Normalised]) -> _Seen:
    """Score and search texts; where the classifier fails on the batch, one by one, with the failures by text."""
    try:
        return _read(one, texts, read)
    except _FAILURES:
        pass
    found = _Seen(ClassifierScores(np.full(len(texts), np.nan), np.zeros(len(texts), np.int64)))
    for d, text in enumerate(texts):
        try:
            alone = _read(one, [text], read[d : d + 1])
        except _FAILURES as error:
            said = f"the classifier failed on this text: {type(error).__name__}: {' '.join(str(error).split())}"
            found.failures[d] = said
        else:
            found.scores.scores[d], found.scores.lengths[d] = alone.scores.scores[0], alone.scores.lengths[0]
            if one.search is not None:
                found.located[d] = alone.located[0]
    return found


def _read(one: _Prepared, texts: Sequence[str], read: Sequence[Normalised]) -> _Seen:
    """Score texts, and search them in the same pass if stretches are to be located."""
    if one.search is None:
        return _Seen(one.classifier.score(texts))
    scores, located = one.search.score(texts, read)
    return _Seen(scores, dict(enumerate(located)))
