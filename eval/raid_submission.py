"""Predictions for RAID's leaderboard (Dugan et al. 2024, arXiv:2405.07940) from any detector of an evaluation.

RAID takes one JSON list of `{"id", "score"}` for its test part, higher for machine text (its `raid/detect.py`; thresholds are set on scores >= t, per domain, on the unattacked
humans: `raid/evaluate.py`). It leaves out every cell of its tables in which a score is null, silently, and ids must be unique; a file of one score throughout is a valid
submission too (two of 2025 were such, unnoticed). So all three are said here before anything is submitted.

Scores are raw: no rounding, no squashing to a probability that saturates, which would make low false-positive rates unreachable. A detector that abstains on a text but has
a score for it submits the score.
"""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay.corpus.durable import full_disk_stops, replace_durably
from assay.corpus.records import Record
from assay.errors import DataError

from .detector import EvalDetector
from .plan_tables import nearest
from .text_rows import open_rows

BATCH = 256


def raid_predictions(
    path: str | Path, detector: EvalDetector, out: str | Path, say: Callable[[str], None]
) -> dict[str, int]:
    """Write the predictions of a detector for a file of RAID (CSV, JSON Lines, Parquet; `id` and `generation`).

    The file is read and written as it goes, a batch in memory; `out` is there whole or not at all.

    Args:
        path: the file.
        detector: what scores.
        out: the submission.
        say: gets what a submitter must know.

    Returns:
        `texts`, and `without_score` of them.

    Raises:
        DataError: in one line, if the file is not RAID's, an id occurs twice, or `out` cannot be written.
        AssayError: as the detector.
    """
    target = Path(out)
    temporary = target.with_name(target.name + ".tmp")
    counts = _Counts()
    with full_disk_stops(target.parent):
        try:
            with temporary.open("w", encoding="utf-8") as file:
                _write(file, _scored(str(path), detector, counts))
        except FileNotFoundError:
            raise DataError(f"there is no folder {target.parent}; make it first") from None
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        replace_durably(temporary, target)
    _report(counts, say)
    return {"texts": counts.texts, "without_score": counts.without}


class _Counts:
    def __init__(self) -> None:
        self.texts = self.without = 0
        self.least, self.most = math.inf, -math.inf
        self.reason = ""

    def add(self, score: float, reason: str) -> None:
        self.texts += 1
        if math.isnan(score):
            self.without += 1
            self.reason = self.reason or reason
            return
        self.least, self.most = min(self.least, score), max(self.most, score)


def _report(counts: _Counts, say: Callable[[str], None]) -> None:
    if counts.without:
        why = f" ({counts.reason})" if counts.reason else ""
        say(
            f"{counts.without:,} of {counts.texts:,} texts have no score{why}: RAID leaves out every cell that holds one of them"
        )
    if counts.texts > 1 and counts.least == counts.most:
        say(f"all scores are {counts.least:g}: this detector tells nothing apart, do not submit it")


def _write(file: Any, predictions: Iterator[dict[str, Any]]) -> None:
    file.write("[")
    for number, one in enumerate(predictions):
        file.write((",\n" if number else "\n") + json.dumps(one, allow_nan=False))
    file.write("\n]\n")


def _scored(path: str, detector: EvalDetector, counts: _Counts) -> Iterator[dict[str, Any]]:
    for batch in _batches(path):
        found = detector.score([text for _, text in batch], [name for name, _ in batch])
        for (name, _), score, reason in zip(batch, found.score.tolist(), found.abstained, strict=True):
            finite = math.isfinite(score)
            counts.add(score if finite else math.nan, reason)
            yield {"id": name, "score": score if finite else None}


def _batches(path: str) -> Iterator[list[tuple[str, str]]]:
    seen: set[str] = set()
    batch: list[tuple[str, str]] = []
    for row in open_rows(path, "generation"):
        if not isinstance(row, Record):  # a text left out would be a null
            raise DataError(f"{row.place}: {row.message}")
        text = row.values.get("generation")
        if "id" not in row.values or not isinstance(text, str):
            lacking = "id" if "id" not in row.values else "generation"
            raise DataError(f"{row.place}: RAID's records have {lacking!r}; {nearest(lacking, list(row.values))}")
        if row.id in seen:
            raise DataError(
                f"{row.place}: the id {row.id!r} occurs twice; RAID takes one score an id: fetch the file again"
            )
        seen.add(row.id)
        batch.append((row.id, text))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
    if not seen:
        raise DataError(f"{path}: no texts; expected RAID's id and generation")
