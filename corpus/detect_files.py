"""Run detectors over files: a record for every document, in order, and one for every document that could not be read.

Marks and classifiers are detectors alike: each gives its detections of a batch of texts, and one threshold decides over all of a document's.
Documents are taken in batches so that a tokenizer or a model can work on many at once; memory holds one batch.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from assay.detect.detection import Decision, Detection, Threshold
from tqdm import tqdm

from .batches import document_batches
from .documents import Document
from .records import Unreadable

_BATCH_DOCUMENTS = 512
_BATCH_CHARS = 4_000_000


class Detector(Protocol):
    """What `MarkDetector` and `ClassifierDetector` have in common."""

    def detect(self, texts: Sequence[str]) -> list[list[Detection]]:
        """Return the detections of each text, of every text equally many and in the same order."""
        ...


@dataclass
class Summary:
    """What came out: documents by verdict, and files that could not be opened."""

    verdicts: Counter[str] = field(default_factory=Counter[str])
    failed_files: int = 0


def detect_files(
    files: Sequence[str],
    detectors: Sequence[Detector],
    threshold: Threshold,
    *,
    write_all: Callable[[list[dict[str, Any]]], None],
    say: Callable[[str], None],
    text_field: str = "text",
    with_text: bool = False,
    each: Callable[[Document, Decision, list[Detection]], None] | None = None,
) -> Summary:
    """Test every document of `files` and hand the records of each batch to `write_all`, each complaint to `say`.

    A document that cannot be read gives a record that abstains and says why; a file that cannot be opened is said and counted, and
    the other files go on. Unknown input fields are kept. `each` is given every document that was tested.
    """
    summary = Summary()

    def refuse(line: str) -> None:
        say(line)
        summary.failed_files += 1

    with tqdm(unit=" documents", disable=None, file=sys.stderr) as progress:
        for batch in document_batches(files, text_field, refuse, _BATCH_DOCUMENTS, _BATCH_CHARS):
            documents = [item for item in batch if isinstance(item, Document)]
            texts = [document.text for document in documents]
            results = zip(*(detector.detect(texts) for detector in detectors), strict=True)
            records: list[dict[str, Any]] = []
            for item in batch:
                if isinstance(item, Unreadable):
                    say(f"{item.place}: {item.message}")
                    verdict, record = "abstain", _unreadable(item)
                else:
                    detections = list(chain.from_iterable(next(results)))
                    decision = threshold.decide(detections)
                    verdict = decision.verdict
                    kept = {**item.fields, text_field: item.text} if with_text else item.fields
                    record = {**kept, "id": item.given_id, **_found(decision, detections)}
                    if each is not None:
                        each(item, decision, detections)
                summary.verdicts[verdict] += 1
                records.append(record)
            write_all(records)
            progress.update(len(batch))
    return summary


def _found(decision: Decision, detections: Sequence[Detection]) -> dict[str, Any]:
    """Return what was found; tampering, which a classifier's detection brings along, is the document's."""
    hidden = [d.calibrated.tampering for d in detections if d.calibrated is not None and d.calibrated.tampering]
    tampering = {"tampering": dict(hidden[0])} if hidden else {}
    return {**decision.to_record(), **tampering, "detections": [d.to_record() for d in detections]}


def _unreadable(item: Unreadable) -> dict[str, Any]:
    reason = f"unreadable: {item.place}: {item.message}"
    return {"id": item.id, "verdict": "abstain", "log10_p": None, "tried": 0, "reasons": [reason], "detections": []}
