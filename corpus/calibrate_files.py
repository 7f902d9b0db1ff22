"""Calibrate a classifier on files of human text: what detection would not judge is left out and counted, the rest is scored.

A calibration is the null of what detection passes on to the classifier, so the same rules choose the texts: unusual form
(`assay.detect.form`) and tampering (`assay.detect.classified`). So is that of the stretches that a classifier locates (`spans`),
where the best stretch of a document is its score. Documents are taken in batches; of each only score, length
and the names of its group, cluster and fold are kept, so memory does not grow with the texts.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.detect.calibrate import N_MIN, fit, pool_small
from assay.detect.calibration import OTHER, TEXT_FILTER, Calibration, Signature
from assay.detect.classified import not_judged
from assay.detect.classifier import Classifier, ClassifierScores, calibration_signature
from assay.detect.span_search import StretchScorer, cannot_locate, finds_spans
from assay.errors import BadCalibration, DataError, ModelError
from tqdm import tqdm

from .batches import document_batches
from .documents import Document
from .labelled import machine_label
from .records import MAX_RECORD_BYTES, Unreadable, open_source

_BATCH_DOCUMENTS = 512
_BATCH_CHARS = 1_000_000

UNREADABLE, MACHINE, NO_LABEL, NO_GROUP = "unreadable", "machine text", "no label", "no group"
NO_SCORE, SMALL_GROUPS = "no score", "in groups too small even together"


@dataclass(frozen=True)
class CalibrateOptions:
    """What to calibrate on, and how.

    Attributes:
        data: what the texts are, in the user's words.
        text_field: field that holds the text.
        group_field: field of the domain or language, for a null sample each; None for one.
        cluster_field: field of what belongs together; a document without it stands alone.
        fold_field: field of what is left out in turn when false positives are measured; None for random folds.
        label_field: field that says human or ai, of which only humans are taken; None if all are human.
        n_min: fewest independent documents of a null sample; groups below it are pooled as `other`.
        edges: length edges of the buckets; None to choose them.
        seed: of the draw of one document a cluster, and of random folds.
        spans: calibrate the stretches that the classifier locates, not its scores.
    """

    data: str
    text_field: str = "text"
    group_field: str | None = None
    cluster_field: str | None = None
    fold_field: str | None = None
    label_field: str | None = None
    n_min: int = N_MIN
    edges: tuple[int, ...] | None = None
    seed: int = 0
    spans: bool = False


@dataclass(frozen=True)
class _Scorer:
    """What is calibrated: how texts get their scores, and what these must share with others; both may load a model."""

    score: Callable[[Sequence[str]], ClassifierScores]
    signature: Callable[[], Signature]


@dataclass
class _Kept:
    """What remains of the documents, one entry each, and what became of the others."""

    scores: list[float] = field(default_factory=list[float])
    lengths: list[int] = field(default_factory=list[int])
    groups: list[str] = field(default_factory=list[str])
    clusters: list[str] = field(default_factory=list[str])
    folds: list[str] = field(default_factory=list[str])
    n_given: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    seen: Counter[str] = field(default_factory=Counter[str])
    """How many documents have each field that was asked for."""

    def add(self, score: float, length: int, document: Document, options: CalibrateOptions) -> None:
        """Keep what the fit needs of a document; one without a cluster is its own."""
        self.scores.append(score)
        self.lengths.append(length)
        self.groups.append(_named(document, options.group_field) or "")
        cluster = _named(document, options.cluster_field)
        self.clusters.append(f"document {len(self.scores)}" if cluster is None else f"cluster {cluster}")
        self.folds.append(_named(document, options.fold_field) or "")

    def select(self, rows: Sequence[int]) -> None:
        """Keep these documents alone."""
        self.scores, self.lengths = [self.scores[i] for i in rows], [self.lengths[i] for i in rows]
        self.groups, self.clusters = [self.groups[i] for i in rows], [self.clusters[i] for i in rows]
        self.folds = [self.folds[i] for i in rows]


def calibrate_files(
    files: Sequence[str], classifier: Classifier, options: CalibrateOptions, say: Callable[[str], None]
) -> Calibration:
    """Return the calibration of a classifier on the human documents of `files`.

    A record that cannot be read goes to `say` and is counted as left out; a file that cannot be opened ends the run,
    if possible before the first score: a calibration on a part of the files is not the one that was asked for.

    Raises:
        DataError: if a file cannot be opened, no document is labelled human, or none has a field that was named.
        BadCalibration: if too few documents remain, saying what became of the others.
        ModelError: if the classifier's model cannot be loaded, or stretches are to be calibrated of one that locates none.
    """
    scorer = _scorer(classifier, options)
    for path in files:
        if path != "-" and not Path(path).is_fifo():  # a pipe can be read once
            open_source(path, None, MAX_RECORD_BYTES).stream.close()
    kept = _Kept()
    with tqdm(unit=" documents", disable=None, file=sys.stderr) as progress:
        for batch in document_batches(files, options.text_field, _refuse, _BATCH_DOCUMENTS, _BATCH_CHARS):
            _take(kept, batch, scorer, options, say)
            progress.update(len(batch))
    _check_fields(kept, options)
    _leave_out_small_groups(kept, options)
    try:
        made = _fit(kept, scorer, options)
    except BadCalibration as error:
        counts = describe(kept.left_out)
        raise BadCalibration(f"{error}{f' (left out: {counts})' if counts else ''}") from None
    kept.left_out.update(made.left_out)
    return replace(made, n_given=kept.n_given, left_out=dict(kept.left_out), text_filter=TEXT_FILTER)


def describe(left_out: Mapping[str, int]) -> str:
    """Return counts in words, the largest first; those of nothing are not named."""
    found = sorted(((count, reason) for reason, count in left_out.items() if count), reverse=True)
    return ", ".join(f"{count:,} {reason}" for count, reason in found)


def _scorer(classifier: Classifier, options: CalibrateOptions) -> _Scorer:
    if not options.spans:
        return _Scorer(classifier.score, lambda: calibration_signature(classifier))
    if not finds_spans(classifier):
        raise ModelError(f"{cannot_locate(classifier.name, classifier)}; calibrate its scores: leave --spans out")
    stretches = StretchScorer(classifier)
    return _Scorer(stretches.score, lambda: stretches.signature)


def _refuse(line: str) -> None:
    raise DataError(line)


def _take(
    kept: _Kept,
    batch: Sequence[Document | Unreadable],
    scorer: _Scorer,
    options: CalibrateOptions,
    say: Callable[[str], None],
) -> None:
    """Score the documents of a batch that detection would score, and keep what the fit needs of them."""
    chosen: list[Document] = []
    for item in batch:
        kept.n_given += 1
        if isinstance(item, Unreadable):
            say(f"{item.place}: {item.message}")
            kept.left_out[UNREADABLE] += 1
            continue
        kept.seen.update(name for name in _fields(options) if _named(item, name))
        why = _why_not(item, options)
        if why:
            kept.left_out[why] += 1
        else:
            chosen.append(item)
    if not chosen:
        return
    found = scorer.score([document.text for document in chosen])
    for document, score, length in zip(chosen, found.scores.tolist(), found.lengths.tolist(), strict=True):
        if math.isfinite(score):
            kept.add(score, length, document, options)
        else:
            kept.left_out[NO_SCORE] += 1


def _fields(options: CalibrateOptions) -> list[str]:
    """Return the fields that name something, without the label."""
    return list(filter(None, (options.group_field, options.cluster_field, options.fold_field)))


def _named(document: Document, name: str | None) -> str | None:
    """Return what a field of the document names; None if it names nothing. Equal names are one object in memory."""
    value = None if name is None else document.fields.get(name)
    return sys.intern(str(value)) if isinstance(value, str | int) and str(value) else None


def _why_not(document: Document, options: CalibrateOptions) -> str:
    """Return why a document has no part in the calibration, or nothing."""
    if options.label_field is not None:
        machine = machine_label(document.fields.get(options.label_field))
        if machine is not False:
            return MACHINE if machine else NO_LABEL
    if options.group_field is not None and _named(document, options.group_field) is None:
        return NO_GROUP
    return not_judged(document.text)


def _check_fields(kept: _Kept, options: CalibrateOptions) -> None:
    """Refuse a field that no document has: a misspelt name would silently make another calibration."""
    readable = kept.n_given - kept.left_out[UNREADABLE]
    if options.label_field is not None and kept.left_out[NO_LABEL] + kept.left_out[MACHINE] == readable:
        raise DataError(
            f"no document is labelled human in field {options.label_field!r}, got {describe(kept.left_out) or 'none'}; "
            "calibration needs human text: name the field that says human or ai (or 0 or 1) with --label-field"
        )
    for flag, name in (
        ("--group-field", options.group_field),
        ("--cluster-field", options.cluster_field),
        ("--fold-field", options.fold_field),
    ):
        if name is not None and readable and not kept.seen[name]:
            raise DataError(
                f"none of {readable:,} documents has the field {name!r} with a name or number in it; correct {flag}"
            )


def _leave_out_small_groups(kept: _Kept, options: CalibrateOptions) -> None:
    """Pool groups that are too small; where they are too small even together, leave their documents out."""
    if options.group_field is None:
        return
    kept.groups = pool_small(kept.groups, kept.clusters, options.n_min)
    pooled = {cluster for cluster, group in zip(kept.clusters, kept.groups, strict=True) if group == OTHER}
    if len(pooled) >= options.n_min or set(kept.groups) <= {OTHER}:  # all of them: the fit says what is missing
        return
    kept.left_out[SMALL_GROUPS] += kept.groups.count(OTHER)
    kept.select([i for i, group in enumerate(kept.groups) if group != OTHER])


def _fit(kept: _Kept, scorer: _Scorer, options: CalibrateOptions) -> Calibration:
    return fit(
        scorer.signature(),
        kept.scores,
        kept.lengths,
        data=options.data,
        groups=kept.groups if options.group_field is not None else None,
        clusters=kept.clusters if options.cluster_field is not None else None,
        folds=kept.folds if options.fold_field is not None else None,
        edges=options.edges,
        n_min=options.n_min,
        seed=options.seed,
    )
