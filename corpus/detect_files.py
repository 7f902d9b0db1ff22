"""Run a detector over files: a record for every document, in order, and one for every document that could not be read.

Documents are taken in batches so that the tokenizer can work on many at once; memory holds one batch.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.detect.marks import MarkDetector
from tqdm import tqdm

from .batches import document_batches
from .documents import Document
from .records import Unreadable

_BATCH_DOCUMENTS = 512
_BATCH_CHARS = 4_000_000


@dataclass
class Summary:
    """What came out: documents by verdict, and files that could not be opened."""

    verdicts: Counter[str] = field(default_factory=Counter[str])
    failed_files: int = 0


def detect_files(
    files: Sequence[str],
    detector: MarkDetector,
    *,
    write_all: Callable[[list[dict[str, Any]]], None],
    say: Callable[[str], None],
    text_field: str = "text",
    with_text: bool = False,
) -> Summary:
    """Test every document of `files` and hand the records of each batch to `write_all`, each complaint to `say`.

    A document that cannot be read gives a record that abstains and says why; a file that cannot be opened is said and counted, and
    the other files go on. Unknown input fields are kept.
    """
    summary = Summary()

    def refuse(line: str) -> None:
        say(line)
        summary.failed_files += 1

    with tqdm(unit=" documents", disable=None, file=sys.stderr) as progress:
        for batch in document_batches(files, text_field, refuse, _BATCH_DOCUMENTS, _BATCH_CHARS):
            documents = [item for item in batch if isinstance(item, Document)]
            results = iter(detector.detect([document.text for document in documents]))
            records: list[dict[str, Any]] = []
            for item in batch:
                if isinstance(item, Unreadable):
                    say(f"{item.place}: {item.message}")
                    verdict, record = "abstain", _unreadable(item)
                else:
                    detections = next(results)
                    decision = detector.decide(detections)
                    verdict = decision.verdict
                    kept = {**item.fields, text_field: item.text} if with_text else item.fields
                    found = {"id": item.given_id, **decision.to_record()}
                    record = {**kept, **found, "detections": [d.to_record() for d in detections]}
                summary.verdicts[verdict] += 1
                records.append(record)
            write_all(records)
            progress.update(len(batch))
    return summary


def _unreadable(item: Unreadable) -> dict[str, Any]:
    reason = f"unreadable: {item.place}: {item.message}"
    return {"id": item.id, "verdict": "abstain", "log10_p": None, "tried": 0, "reasons": [reason], "detections": []}
