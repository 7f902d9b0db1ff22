"""Say what a scan would do, before it does it: shards, bytes, and the time it will take, from timed samples.

Of each format some shards are begun for about a second each, those in the middle of each third of its bytes and the first, middle and
last one, by the very code that scans (read, score, write rows, count), into a temporary folder that is removed. Times are then taken to
be in proportion to the bytes of the files: of a shard that was begun at its own rate, of the others at the mean of the three that
stand for the bytes of their format. What the estimate leaves out is said in it: the start of the workers and the report; and it
is for workers that do not get in each other's way, and for documents that are like those of the samples.
"""

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .claim import Claim
from .crawl_items import CrawlDocument, Lost
from .ledger import Ledger
from .scan_config import ScanConfig
from .scan_progress import shard_bytes
from .scan_task import ShardTask
from .scan_worker import scorer_of
from .shard_scan import ShardScan

if TYPE_CHECKING:
    from .scan_columns import BatchScorer
    from .shards import Plan, Shard

_SAMPLES = 3  # shards of each format, by bytes and again by number
_SAMPLE_S, _WARM_S, _ALL_S = 1.5, 0.3, 9.0


@dataclass(frozen=True)
class DryRun:
    """The plan in numbers, of the shards that are this run's and not finished; estimates are None where the samples held no document."""

    files: int
    shards: int
    shards_finished: int
    file_bytes: int
    refused: int
    sampled_shards: int
    sampled_documents: int
    sampled_bytes: int
    documents_per_s: float | None
    estimated_documents: int | None
    estimated_core_s: float | None
    estimated_s: float | None
    start_s: float
    not_counted: str

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return vars(self).copy()


@dataclass
class _Begun:
    """What the beginning of a shard took, or all of it: `file_bytes` were read in `seconds` and gave `rows`, `documents` of them texts.

    `stands_for` is how many thirds of the bytes of its format the shard is in the middle of.
    """

    stands_for: int
    seconds: float = 0.0
    file_bytes: int = 0
    rows: int = 0
    documents: int = 0

    def times(self, size: int) -> tuple[float, float, float]:
        """Return seconds, rows and documents of `size` bytes like these."""
        share = size / self.file_bytes if self.file_bytes else 0.0
        return share * self.seconds, share * self.rows, share * self.documents


def dry_run(plan: "Plan", config: ScanConfig, workers: int, *, ledger: Ledger, index: int = 0, of: int = 1) -> DryRun:
    """Time samples, and multiply; `index` and `of` are the share of this run.

    Raises:
        AssayError: if a profile or model cannot be loaded, or a sampled file cannot be read.

    """
    mine = [shard for shard in plan.shards if shard.index % of == index]
    todo = [shard for shard in mine if not ledger.is_done(shard.name)]
    every = shard_bytes(plan.shards)
    sizes = {shard.name: every[shard.name] for shard in todo}
    begun = time.perf_counter()
    scorer = scorer_of(config.score)
    start_s = time.perf_counter() - begun
    begun_ones = _timed(todo, sizes, config, scorer)
    documents, shard_s = _extrapolated(todo, sizes, begun_ones, config.limit)
    sampled, seconds = (sum(getattr(one, field) for one in begun_ones.values()) for field in ("documents", "seconds"))
    core_s = sum(shard_s)
    at_once = 1 if config.limit is not None else max(1, min(workers, len(todo)))  # a limit takes one worker
    known = sampled > 0
    return DryRun(
        files=len({shard.path for shard in mine}),
        shards=len(mine),
        shards_finished=len(mine) - len(todo),
        file_bytes=sum(every[shard.name] for shard in mine),
        refused=len(plan.refused),
        sampled_shards=len(begun_ones),
        sampled_documents=int(sampled),
        sampled_bytes=sum(one.file_bytes for one in begun_ones.values()),
        documents_per_s=round(sampled / seconds, 1) if known else None,
        estimated_documents=round(documents) if known else None,
        estimated_core_s=round(core_s, 1) if known else None,
        estimated_s=round(max(core_s / at_once, max(shard_s, default=0.0)), 1) if known else None,
        start_s=round(start_s, 1),
        not_counted="the start of each worker (start_s, once) and the report",
    )


def _chosen(shards: "Sequence[Shard]", sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the names of the shards to begin, each with how many thirds of the bytes of its format it is in the middle of."""
    chosen: dict[str, int] = {}
    for kind in dict.fromkeys(shard.format for shard in shards):
        those = [shard for shard in shards if shard.format == kind]
        chosen |= dict.fromkeys((those[k].name for k in (0, len(those) // 2, -1)), 0)
        total, at = sum(sizes[shard.name] for shard in those), 0
        middles = [total * (2 * k + 1) / (2 * _SAMPLES) for k in range(_SAMPLES)]
        for shard in those:
            stop = at + sizes[shard.name]
            if count := sum(at <= middle < stop for middle in middles):
                chosen[shard.name] = count
            at = stop
    return chosen


def _timed(
    shards: "Sequence[Shard]", sizes: Mapping[str, int], config: ScanConfig, scorer: "BatchScorer"
) -> dict[str, _Begun]:
    """Begin some of the shards; returns what they took, by name."""
    found: dict[str, _Begun] = {}
    chosen = _chosen(shards, sizes)
    with tempfile.TemporaryDirectory(prefix="assay-dry-run-") as folder:
        for shard in shards:
            if shard.name not in chosen:
                continue
            if not found:  # imports and caches: once a worker
                _time_one(shard, config, scorer, Path(folder, "warm"), _WARM_S, _Begun(0), 0)
            seconds = min(_SAMPLE_S, _ALL_S / len(chosen))
            found[shard.name] = _Begun(chosen[shard.name])
            where = Path(folder, str(len(found)))
            _time_one(shard, config, scorer, where, seconds, found[shard.name], sizes[shard.name])
    return found


def _time_one(
    shard: "Shard",
    config: ScanConfig,
    scorer: "BatchScorer",
    folder: Path,
    seconds: float,
    taken: _Begun,
    size: int,
) -> None:
    """Scan the beginning of a shard of `size` bytes for so long, to the end of a batch, and say in `taken` what it took."""
    ledger = Ledger(folder)
    task = ShardTask(shard, dataclasses.replace(config, limit=None), str(folder), "", attributes="sample.jsonl.gz")
    claim = Claim.take(ledger.claims, shard.name)
    if claim is None:
        raise RuntimeError(f"{folder} is new, and {shard.name} is claimed in it")
    begun = time.perf_counter()
    with claim:
        claim.begin(after_death=False, watched=False)
        sample = _Beginning(task, scorer, ledger, claim)
        sample.until = begun + seconds
        sample.run()
    taken.seconds = time.perf_counter() - begun
    taken.file_bytes = sample.bytes_used(size)
    taken.rows, taken.documents = sample.counts.rows, sample.counts.documents


class _Beginning(ShardScan):
    """A shard whose end comes when its time is up."""

    until = 0.0

    def _next(self) -> CrawlDocument | Lost | None:
        if self.counts.items and time.perf_counter() >= self.until:
            return None
        return super()._next()

    def bytes_used(self, size: int) -> int:
        """Return the bytes of the file that its items took: not what the reader holds ready, where that can be known."""
        place = self.counts.position or {}
        if place.get("done"):
            return size
        taken = self.reader.bytes_read
        if "member" not in place:
            return taken
        return min(taken, place["member"] - self.task.shard.start + place["skip"])


def _extrapolated(
    shards: "Sequence[Shard]", sizes: Mapping[str, int], begun: Mapping[str, _Begun], limit: int | None
) -> tuple[float, list[float]]:
    """Return how many documents, and the seconds of each shard, in the order of the plan up to `limit` rows."""
    by_format: dict[str, list[_Begun]] = {}
    for shard in shards:
        if shard.name in begun:
            by_format.setdefault(shard.format, []).extend([begun[shard.name]] * begun[shard.name].stands_for)
    documents, seconds, rows = 0.0, list[float](), 0.0
    for shard in shards:
        like = [begun[shard.name]] if shard.name in begun else by_format[shard.format]
        each = [one.times(sizes[shard.name]) for one in like]
        took, gave, texts = (sum(part) / len(each) for part in zip(*each, strict=True))
        share = 1.0 if limit is None or gave == 0 else min(1.0, max(0.0, limit - rows) / gave)
        rows += share * gave
        documents += share * texts
        seconds.append(share * took)
    return documents, seconds
