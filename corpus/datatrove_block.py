"""Assay in a datatrove pipeline: a filter that drops what is detected, and an annotator that only says what it sees.

```python
from assay.corpus.datatrove_block import AssayFilter
from assay.corpus.score_options import ScoreOptions

pipeline = [
    JsonlReader("documents/"),
    AssayFilter(ScoreOptions(marks=("mark.toml",)), exclusion_writer=JsonlWriter("dropped/")),
    JsonlWriter("clean/"),
]
```

Both leave `document.metadata["assay"]`: the columns of a scan's row (verdict, log10_p, tried, reasons, error, language, declared, and
NAME.log10_p, NAME.n_scored ... of each detector), None for null. So a later block can decide by itself:
`LambdaFilter(lambda doc: doc.metadata["assay"]["verdict"] != "detected")`. `metadata["language"]`, as datatrove's own language filter leaves it, counts
where a text does not tell its language; `metadata["provenance"]` is read as a declaration.

Only configuration is pickled for worker processes (`process_scorer.py`). Reading, writing, resuming and failures are datatrove's: a killed worker
of its local executor hangs the run, which `assay scan` does not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from assay.errors import DataError

from .process_scorer import ProcessScorer
from .scan_config import VERDICTS
from .score_options import ScoreOptions

try:
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.filters.base_filter import BaseFilter
except ImportError as error:
    raise ImportError("assay.corpus.datatrove_block needs datatrove; pip install datatrove") from error

METADATA = "assay"
_BATCH = 512


class AssayFilter(BaseFilter):
    """Keeps the documents whose verdict is not among `drop`.

    A dropped document is counted, and handed to `exclusion_writer`, with the reason "assay_detected" (or another verdict that is dropped). What
    abstains is kept unless `drop` says otherwise.

    Args:
        options: what to look for.
        drop: verdicts of the documents to drop.
        exclusion_writer: datatrove writer for what is dropped.
        batch_size: documents scored at once.

    Raises:
        AssayError: in one line, if a profile or calibration cannot be read, or `drop` names no verdict.
    """

    name = "🔎 Assay"

    def __init__(
        self,
        options: ScoreOptions,
        *,
        drop: Sequence[str] = ("detected",),
        exclusion_writer: Any = None,
        batch_size: int = _BATCH,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        if unknown := [verdict for verdict in drop if verdict not in VERDICTS]:
            raise DataError(f"drop: {unknown[0]!r} is no verdict, expected some of {', '.join(VERDICTS)}")
        self.drop = tuple(drop)
        self._scorer = ProcessScorer.of(options)

    def filter(self, doc: Any) -> bool | tuple[bool, str]:
        """Say whether to keep one document; datatrove asks for batches."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Any]) -> list[bool | tuple[bool, str]]:
        """Return True for a document to keep, (False, reason) for one to drop."""
        verdicts = _annotate(self, self._scorer, batch)
        return [(False, f"assay_{verdict}") if verdict in self.drop else True for verdict in verdicts]


class AssayAnnotator(PipelineStep):
    """Writes what is found into each document's metadata and drops none; arguments as of `AssayFilter`."""

    name = "🔎 Assay"
    type = "📝 - ANNOTATOR"

    def __init__(self, options: ScoreOptions, *, batch_size: int = _BATCH) -> None:
        super().__init__()
        self.batch_size = batch_size
        self._scorer = ProcessScorer.of(options)

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """Yield all documents, annotated."""
        for batch in _batches(data, self.batch_size):
            with self.track_time("batch"):
                _annotate(self, self._scorer, batch)
            for doc in batch:
                self.update_doc_stats(doc)
                yield doc


def _annotate(step: Any, scorer: ProcessScorer, batch: Sequence[Any]) -> list[str]:
    """Write what is found into the metadata of documents, count it, and return the verdicts."""
    languages = [str(doc.metadata.get("language") or "") for doc in batch]
    rows = scorer.rows([doc.text for doc in batch], languages, [doc.metadata for doc in batch])
    for doc, row in zip(batch, rows, strict=True):
        doc.metadata[METADATA] = row
        step.stat_update(f"assay_{row['verdict']}", *(["assay_error"] if row["error"] else []))
    return [row["verdict"] for row in rows]


def _batches(data: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for doc in data or ():
        batch.append(doc)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
