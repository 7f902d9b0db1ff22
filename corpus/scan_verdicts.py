"""From what detectors saw to verdicts: for marks alone on whole columns, with classifiers by `Threshold.decide`, a text at a time.

Both give what `Threshold.decide` gives for the detections of a text. A detector's own verdict is that at its own share of alpha, so that a text is detected if and only if
one of its detectors says so.
"""

import math
from collections.abc import Sequence

import numpy as np
from assay.detect.detection import CalibratedScore, Decision, Detection, Threshold
from assay.detect.mark_columns import MarkColumns

from .scan_schema import ABSTAIN, DETECTED, NOT_DETECTED, VERDICTS, DetectorColumns, Verdicts

_CODES = {verdict: code for code, verdict in enumerate(VERDICTS)}


def decide_marks(marks: Sequence[MarkColumns], spans: bool, threshold: Threshold) -> Verdicts:
    """Return the verdicts of marks (at least one) alone; with spans each looks twice at a text that it judges."""
    tried = np.sum([mark.n_tests(spans) for mark in marks], axis=0)
    factor = np.array([0.0, *map(math.log10, range(1, int(tried.max(initial=0)) + 1))])[tried]
    limit = math.log10(threshold.alpha)
    tested = tried > 0
    detectors: list[DetectorColumns] = []
    best = np.full(len(tried), np.inf)
    for mark in marks:
        smallest = mark.smallest
        best = np.minimum(best, smallest)
        detectors.append(_mark_column(mark, np.minimum(smallest + factor, 0.0) <= limit, spans))
    corrected = np.where(tested, np.minimum(best + factor, 0.0), np.nan)
    verdict = np.where(tested, np.where(corrected <= limit, DETECTED, NOT_DETECTED), ABSTAIN).astype(np.int8)
    reasons = {
        d: "; ".join(f"{mark.detector}: {mark.abstained[d]}" for mark in marks)
        for d in np.flatnonzero(~tested).tolist()
    }
    return Verdicts(verdict, corrected, tried, reasons, detectors)


def _mark_column(mark: MarkColumns, detected: np.ndarray, spans: bool) -> DetectorColumns:
    out = list(mark.abstained)
    judged = np.ones(len(mark.log10_p), np.bool_)
    judged[out] = False
    verdict = np.where(judged, np.where(detected, DETECTED, NOT_DETECTED), ABSTAIN).astype(np.int8)
    log10_p = np.where(judged, mark.log10_p, np.nan)
    return DetectorColumns(
        log10_p, mark.statistic.astype(np.float64), mark.n_scored, verdict, mark.spans, judged if spans else None
    )


def decide_each(
    marks: Sequence[MarkColumns], rows: Sequence[Sequence[Detection]], spans: bool, threshold: Threshold
) -> Verdicts:
    """Return the verdicts of marks and classifiers; `rows` (D,) has the detections of the classifiers on each text."""
    together = [[*(_detection(mark, d, spans) for mark in marks), *row] for d, row in enumerate(rows)]
    decisions = [threshold.decide(one) for one in together]
    reasons = {d: "; ".join(one.reasons) for d, one in enumerate(decisions) if one.reasons}
    return Verdicts(
        np.array([_CODES[one.verdict] for one in decisions], np.int8),
        np.array([_or_nan(one) for one in decisions], np.float64),
        np.array([one.tried for one in decisions], np.int64),
        reasons,
        [_column(column, len(together[0]), spans, threshold) for column in zip(*together, strict=True)],
    )


def failed(count: int, detectors: int, spans: bool) -> Verdicts:
    """Return the verdicts on `count` texts that nothing could be found about."""
    silent = [DetectorColumns.silent(count, spans) for _ in range(detectors)]
    abstain = np.full(count, ABSTAIN, np.int8)
    return Verdicts(abstain, np.full(count, np.nan), np.zeros(count, np.int64), {}, silent)


def joined(parts: Sequence[Verdicts]) -> Verdicts:
    """Return the verdicts on texts that were tested one by one (each part has one text)."""
    columns = zip(*(part.detectors for part in parts), strict=True)
    return Verdicts(
        np.concatenate([part.verdict for part in parts]),
        np.concatenate([part.log10_p for part in parts]),
        np.concatenate([part.tried for part in parts]),
        {d: part.reasons[0] for d, part in enumerate(parts) if part.reasons},
        [_joined_column(column) for column in columns],
    )


def erase(found: Verdicts, texts: Sequence[int]) -> None:
    """Make verdicts abstain on these texts, without anything found."""
    at = list(texts)
    found.verdict[at], found.log10_p[at], found.tried[at] = ABSTAIN, np.nan, 0
    for d in at:
        found.reasons.pop(d, None)
    for number, one in enumerate(found.detectors):
        log10_p, statistic, n_scored = one.log10_p.copy(), one.statistic.copy(), one.n_scored.copy()
        verdict = one.verdict.copy()
        log10_p[at] = statistic[at] = np.nan
        n_scored[at], verdict[at] = 0, ABSTAIN
        searched = None if one.searched is None else one.searched.copy()
        if searched is not None:
            searched[at] = False
        spans = {d: found_there for d, found_there in one.spans.items() if d not in set(at)}
        found.detectors[number] = DetectorColumns(log10_p, statistic, n_scored, verdict, spans, searched)


def _joined_column(parts: Sequence[DetectorColumns]) -> DetectorColumns:
    searched = [part.searched for part in parts if part.searched is not None]
    return DetectorColumns(
        np.concatenate([part.log10_p for part in parts]),
        np.concatenate([part.statistic for part in parts]),
        np.concatenate([part.n_scored for part in parts]),
        np.concatenate([part.verdict for part in parts]),
        {d: part.spans[0] for d, part in enumerate(parts) if part.spans},
        np.concatenate(searched) if searched else None,
    )


def _detection(mark: MarkColumns, d: int, spans: bool) -> Detection:
    """Return a mark's detection of one text, as far as a decision needs it."""
    abstained = mark.abstained.get(d, "")
    return Detection(
        detector=mark.detector,
        statistic=float(mark.statistic[d]),
        log10_p=float(mark.log10_p[d]),
        z=math.nan,
        n_scored=int(mark.n_scored[d]),
        n_tokens=0,
        skipped={},
        spans=mark.spans.get(d, ()),
        best_span_log10_p=float(mark.best_span_log10_p[d]) if spans and not abstained else None,
        abstained=abstained,
    )


def _column(found: Sequence[Detection], among: int, spans: bool, threshold: Threshold) -> DetectorColumns:
    spoke = [not one.abstained for one in found]
    return DetectorColumns(
        np.array([one.log10_p if speaks else math.nan for one, speaks in zip(found, spoke, strict=True)], np.float64),
        np.array([one.statistic for one in found], np.float64),
        np.array([one.n_scored for one in found], np.int64),
        np.array([_CODES[_alone(one, among, threshold).verdict] for one in found], np.int8),
        {d: one.spans for d, one in enumerate(found) if one.spans},
        np.array([speaks and one.best_span_log10_p is not None for one, speaks in zip(found, spoke, strict=True)])
        if spans
        else None,
    )


_OTHER = Detection(
    "", math.nan, math.nan, math.nan, 0, 0, {}, abstained="another", calibrated=CalibratedScore(math.nan, "", "")
)


def _alone(one: Detection, among: int, threshold: Threshold) -> Decision:
    """Return the decision of one of `among` detectors, a classifier among them, at its share of alpha: as if the others abstained."""
    return threshold.decide([one, *[_OTHER] * (among - 1)])


def _or_nan(decision: Decision) -> float:
    return math.nan if decision.log10_p is None else decision.log10_p
