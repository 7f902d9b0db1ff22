"""Score texts in bulk: texts in, one Arrow record batch out, row by row; what a worker of a scan runs.

In one pass over a batch: hash, declared provenance (reported, and stripped before anything reads the text), language, every mark over tokens that are made
once for each tokenizer, then the classifiers, and the verdict. Numbers and verdicts are those of `MarkDetector`, `ClassifierDetector` and
`Threshold.decide` (tested); with marks alone nothing is done a document in Python but hashing, looking for declarations and the language.

A text that fails in any of it does not take the others along: the batch is done again one by one, and the text that fails abstains with `error`. What is no
text's fault (a model that cannot be loaded) is raised.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.detect.declared import declared, declares_machine
from assay.detect.detection import Threshold
from assay.detect.language import identify_all
from assay.errors import AssayError, DataError

from .scan_detectors import ClassifierStage, MarkStage
from .scan_schema import HASH_BYTES, Verdicts, record_batch, schema, text_arrays, verdict_arrays
from .scan_verdicts import decide_each, decide_marks, erase, failed, joined
from .score_options import DetectorInfo, ScoreOptions, asked_languages

__all__ = ["BatchScorer", "DetectorInfo", "ScoreOptions"]


@dataclass
class _Read:
    """D texts ready to be tested.

    Attributes:
        texts: without their declarations; empty where one cannot be tested.
        n_chars: of the texts as they came.
        hashes: of the texts as they came.
        languages: two letters, or empty.
        declared: by text, what it declares.
        errors: by text, why it cannot be tested.
    """

    texts: list[str]
    n_chars: list[int]
    hashes: list[bytes]
    languages: list[str]
    declared: dict[int, str]
    errors: dict[int, str]


class BatchScorer:
    """Scores texts; loaded once a worker, then serves any number of batches.

    Attributes:
        options: what it was made of.
        schema: the `pyarrow.Schema` of its batches, a function of the options alone.
        detectors: what each detector is, in the order of their columns.
        notes: what a user should be told: a tokenizer that is read slowly, a classifier that locates nothing.

    Raises:
        AssayError: in one line, if a mark, key, tokenizer, classifier or calibration cannot be used, or there is none.
    """

    def __init__(self, options: ScoreOptions) -> None:
        if not options.marks and not options.classifiers:
            raise DataError("nothing to look for: name at least one mark or classifier")
        count = len(options.marks) + len(options.classifiers)
        self.options = options
        self.threshold = Threshold(options.alpha, "calibration" if options.classifiers else "law", options.min_tokens)
        asked = asked_languages(options.languages)
        self._marks = MarkStage(options, self.threshold, count, asked) if options.marks else None
        self._classifiers = ClassifierStage(options, self.threshold, count, asked) if options.classifiers else None
        stages = [stage for stage in (self._marks, self._classifiers) if stage is not None]
        self.detectors: list[DetectorInfo] = [info for stage in stages for info in stage.infos]
        self.notes = tuple(note for stage in stages for note in stage.notes)
        self.schema: Any = schema([info.name for info in self.detectors], options.spans)

    @property
    def cascade_counts(self) -> dict[str, int]:
        """What became of the texts that the first classifier has seen so far (`CascadeCounts`); empty without a cascade."""
        counts = self._classifiers.counts if self._classifiers is not None else None
        return dict(vars(counts)) if counts is not None else {}

    def score(
        self,
        texts: Sequence[str],
        languages: Sequence[str] | None = None,
        fields: Sequence[Mapping[str, Any]] | None = None,
    ) -> Any:
        """Return the `pyarrow.RecordBatch` of D texts, row i being text i.

        Args:
            texts: any strings; one that is no Unicode text gets an `error`.
            languages: (D,) what the input declares of each text's language, counted where the text itself does not tell; empty for nothing.
            fields: (D,) what else the input holds of each text; a provenance record among it is reported as `declared`.
        """
        read = _read(texts, languages, fields)
        found = self._verdicts(read)
        arrays = text_arrays(read.n_chars, read.hashes, read.languages, read.declared)
        return record_batch([*arrays, *verdict_arrays(found, read.errors)], self.schema)

    def _verdicts(self, read: _Read) -> Verdicts:
        """Test all texts; if that fails each alone, those that fail going to `read.errors`."""
        counts = self._classifiers.counts if self._classifiers is not None else None
        before = replace(counts) if counts is not None else None
        try:
            found = self._test(read.texts, read.languages)
        except (
            Exception
        ) as error:  # becomes the `error` of the text that fails alone; what is no text's fault is raised
            if not _of_a_text(error):
                raise
            if self._classifiers is not None and before is not None:
                self._classifiers.restore(before)
            found = self._one_by_one(read)
        if read.errors:
            erase(found, list(read.errors))
        return found

    def _one_by_one(self, read: _Read) -> Verdicts:
        alone: list[Verdicts] = []
        for d, (text, language) in enumerate(zip(read.texts, read.languages, strict=True)):
            try:
                alone.append(self._test([text], [language]))
            except Exception as error:
                if not _of_a_text(error):
                    raise
                read.errors.setdefault(d, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
                alone.append(failed(1, len(self.detectors), self.options.spans))
        return joined(alone)

    def _test(self, texts: Sequence[str], languages: Sequence[str]) -> Verdicts:
        spans = self.options.spans
        if not texts:
            return failed(0, len(self.detectors), spans)
        marks = [] if self._marks is None else self._marks.columns(texts, languages)
        if self._classifiers is None:
            return decide_marks(marks, spans, self.threshold)
        return decide_each(marks, self._classifiers.detections(texts, languages), spans, self.threshold)


def _read(texts: Sequence[str], languages: Sequence[str] | None, fields: Sequence[Mapping[str, Any]] | None) -> _Read:
    """Hash texts, take out what they declare, and tell their languages."""
    hashes: list[bytes] = []
    stripped, said, errors = list(texts), dict[int, str](), dict[int, str]()
    for d, text in enumerate(texts):
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            content = text.encode("utf-8", "surrogatepass")
            errors[d] = (
                f"DataError: holds the lone surrogate \\u{ord(text[error.start]):04x} at character {error.start}"
            )
            stripped[d] = ""
        hashes.append(hashlib.blake2b(content, digest_size=HASH_BYTES).digest())
        if (found := declared(text)) is not None and d not in errors:
            said[d], stripped[d] = found.kind, found.text
        elif fields is not None and declares_machine(fields[d]):
            said[d] = "assay"
    return _Read(stripped, [len(text) for text in texts], hashes, identify_all(stripped, languages), said, errors)


def _of_a_text(error: Exception) -> bool:
    """Say whether a text can be to blame: not for a profile, key, model or calibration."""
    return not isinstance(error, AssayError) or isinstance(error, DataError)
