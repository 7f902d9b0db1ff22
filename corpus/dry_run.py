"""Say what a scan would do, before it does it: shards, bytes, and the time it will take, from a small timed sample.

Nothing is written. The sample is read and scored in this process, for a few seconds, from the shard in the middle of the plan; the estimate is for
workers that do not get in each other's way.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .crawl import CrawlDocument, CrawlReader
from .scan_config import ScanConfig
from .scan_progress import shard_bytes
from .scan_worker import scorer_of

if TYPE_CHECKING:
    from .shards import Plan

_SAMPLE_S = 3.0


@dataclass(frozen=True)
class DryRun:
    """The plan in numbers; `estimated_s` is None where the sample held no document."""

    files: int
    shards: int
    file_bytes: int
    refused: int
    sampled_documents: int
    documents_per_s: float | None
    estimated_documents: int | None
    estimated_core_s: float | None
    estimated_s: float | None

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return vars(self).copy()


def dry_run(plan: "Plan", config: ScanConfig, workers: int) -> DryRun:
    """Time a sample, and multiply.

    Raises:
        AssayError: if a profile or model cannot be loaded, or the sampled file cannot be read.

    """
    scorer = scorer_of(config.score)
    sizes = shard_bytes(plan.shards)
    total = sum(sizes.values())
    reader = CrawlReader(plan.shards[len(plan.shards) // 2], config.read)
    documents, chars = 0, 0
    batch: list[str] = []
    scorer.score(["The first text pays for what is compiled and cached at the first call."])
    begun, seconds, read_bytes = time.perf_counter(), 0.0, 0
    for item in reader:
        if isinstance(item, CrawlDocument):
            batch.append(item.text)
            chars += len(item.text)
        if len(batch) >= config.batch_documents or chars >= config.batch_chars:
            scorer.score(batch)
            documents, chars, batch = documents + len(batch), 0, []
            seconds, read_bytes = time.perf_counter() - begun, reader.bytes_read
            if seconds >= _SAMPLE_S:
                break
    else:
        if batch:
            scorer.score(batch)
            documents += len(batch)
        seconds, read_bytes = time.perf_counter() - begun, reader.bytes_read
    core_s = seconds * total / read_bytes if documents and read_bytes else None
    return DryRun(
        files=len({shard.path for shard in plan.shards}),
        shards=len(plan.shards),
        file_bytes=total,
        refused=len(plan.refused),
        sampled_documents=documents,
        documents_per_s=round(documents / seconds, 1) if documents else None,
        estimated_documents=None if core_s is None else round(documents * total / read_bytes),
        estimated_core_s=None if core_s is None else round(core_s, 1),
        estimated_s=None if core_s is None else round(core_s / min(workers, len(plan.shards)), 1),
    )
