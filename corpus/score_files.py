"""Score files with a language model: a record for every document, in order, and one for every document that could not be read.

Documents are taken in batches; memory holds one batch.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.detect.metrics import Featured, Metric
from tqdm import tqdm

from .batches import document_batches
from .documents import Document
from .records import Unreadable

_BATCH_DOCUMENTS = 256
_BATCH_CHARS = 1_000_000


@dataclass
class ScoreSummary:
    """What came out: documents scored, documents that could not be read, files that could not be opened."""

    scored: int = 0
    unreadable: int = 0
    failed_files: int = 0


def score_files(
    files: Sequence[str],
    scorer: LMScorer,
    metrics: Sequence[Metric],
    *,
    write_all: Callable[[list[dict[str, Any]]], None],
    say: Callable[[str], None],
    text_field: str = "text",
    with_tokens: bool = False,
) -> ScoreSummary:
    """Score every document of `files` and hand the records of each batch to `write_all`, each complaint to `say`.

    A document that cannot be read gives a record with null metrics and a warning that says why; a file that cannot be opened is said
    and counted, and the other files go on. Unknown input fields are kept; the text is not.
    """
    summary = ScoreSummary()

    def refuse(line: str) -> None:
        say(line)
        summary.failed_files += 1

    signature = scorer.signature.to_record()
    common = {"model": signature.pop("model"), "scorer": signature}
    with tqdm(unit=" documents", disable=None, file=sys.stderr) as progress:
        for batch in document_batches(files, text_field, refuse, _BATCH_DOCUMENTS, _BATCH_CHARS):
            results = scorer.score(item.text for item in batch if isinstance(item, Document))
            records: list[dict[str, Any]] = []
            for item in batch:
                if isinstance(item, Unreadable):
                    say(f"{item.place}: {item.message}")
                    summary.unreadable += 1
                    records.append({**_unreadable(item, metrics), **common})
                else:
                    scores = next(results)
                    summary.scored += 1
                    tokens = {"tokens": token_record(scores)} if with_tokens else {}
                    found = {"id": item.given_id, **document_record(scores, metrics), **tokens}
                    records.append({**item.fields, **found, **common})
            write_all(records)
            progress.update(len(batch))
    return summary


def document_record(scores: LMScores, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return what the metrics say of one document; null where a metric is undefined."""
    values: dict[str, float | None] = {}
    for metric in metrics:
        values[metric.name] = _number(metric.score(scores))
        if isinstance(metric, Featured):
            features = metric.features(scores).tolist()
            values |= {name: _number(x) for name, x in zip(metric.feature_names, features, strict=True)}
    record: dict[str, Any] = {"n_tokens": scores.n_tokens, "n_scored": scores.n_scored, "metrics": values}
    if scores.cut:
        record["warnings"] = [
            f"only the first {len(scores):,} of {scores.n_tokens:,} tokens were scored (--max-tokens)"
        ]
    return record


def token_record(scores: LMScores) -> dict[str, list[Any]]:
    """Return the tokens as lists of equal length: places in characters, log-prob, rank, entropy; null where not scored."""
    return {
        "start": scores.chars[:, 0].tolist(),
        "stop": scores.chars[:, 1].tolist(),
        "log_prob": [_number(x) for x in scores.log_prob.tolist()],
        "rank": [r or None for r in scores.rank.tolist()],
        "entropy": [_number(x) for x in scores.entropy.tolist()],
    }


def _unreadable(item: Unreadable, metrics: Sequence[Metric]) -> dict[str, Any]:
    names = [name for m in metrics for name in (m.name, *(m.feature_names if isinstance(m, Featured) else ()))]
    nothing: dict[str, Any] = {"n_tokens": 0, "n_scored": 0, "metrics": dict.fromkeys(names)}
    return {"id": item.id, **nothing, "warnings": [f"unreadable: {item.place}: {item.message}"]}


def _number(value: float) -> float | None:
    """Round to seven significant digits, which float32 has; JSON has no NaN."""
    return float(f"{value:.7g}") if math.isfinite(value) else None
