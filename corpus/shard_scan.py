"""One attempt at one shard: segments of read, score, write, and at the end the joined files and the marker.

Batches end where segments do, and segments at counts, so that what is scored together, and every byte written, does not depend on
where a former attempt was interrupted. (An exception that is meant: documents among which a worker hung, or two died, are scored one
by one; marks and calibrated p-values of classifiers do not depend on that beyond rounding.)
"""

import dataclasses
import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

from .claim import READING, SCORING, At, Claim
from .crawl import CrawlReader
from .crawl_items import CrawlDocument, Lost
from .keep import KeepWriter
from .ledger import Ledger
from .remote import identity_of
from .scan_rows import build_rows, rows_schema, utf8
from .scan_segments import SegmentWriter, join_rows, join_streams, last_segment, open_base
from .shard_counts import ShardCounts
from .sidecar import SidecarWriter
from .tally import Tally

if TYPE_CHECKING:
    from .scan_columns import BatchScorer
    from .scan_task import ShardTask

_Batch = list[tuple[int, CrawlDocument | Lost]]  # items with their numbers in the shard


class ShardScan:
    """One attempt at one shard; `run` is called once."""

    def __init__(self, task: "ShardTask", scorer: "BatchScorer", ledger: Ledger, claim: Claim) -> None:
        self.task, self.config, self.scorer = task, task.config, scorer
        self.ledger, self.claim = ledger, claim
        self.name, self.parts = task.shard.name, ledger.parts(task.shard.name)
        self.schema = rows_schema(scorer.schema)
        found = last_segment(self.parts)
        self.counts = ShardCounts.from_record(found["counts"]) if found else ShardCounts()
        self.tally = Tally.from_record(found["tally"]) if found else new_tally(scorer)
        self.seconds = float(found["seconds"]) if found else 0.0
        self.segment = int(found["number"]) + 1 if found else 0
        self.at_end = bool(found and found["at_end"])
        self.begun = time.monotonic()
        if identity_of(task.shard.path) != task.shard.identity:
            raise DataError(f"{task.shard.path} has changed since the scan began; scan it into another --out")
        self._open_reader(task.config.read)

    def run(self) -> None:
        """Finish the shard."""
        while not self.at_end:
            self._one_segment()
        self._finish()

    def _one_segment(self) -> None:
        """Read and score up to the next checkpoint, and write it."""
        config, base = self.config, open_base(self.parts)
        keep = KeepWriter(base, config.keep, config.read.text_field) if config.keep else None
        sidecar = SidecarWriter(base) if config.sidecar else None
        writer = SegmentWriter(self.parts, self.segment, self.schema, keep, sidecar)
        items_end = self.counts.items + config.segment_documents
        chars_end = self.counts.chars + config.segment_chars
        try:
            while not self.at_end and self.counts.items < items_end and self.counts.chars < chars_end:
                self._score(self._read_batch(items_end), writer)
            self.claim.rest()
            self._keep_position()
            self.tally.add(writer.table())
            seconds = self.seconds + time.monotonic() - self.begun
            record = {"at_end": self.at_end, "counts": self.counts.to_record(), "tally": self.tally.to_record()}
            writer.finish({**record, "seconds": seconds})
        except BaseException:
            writer.abandon()
            raise
        self.segment += 1

    # -- reading ----------------------------------------------------------------------------------

    def _open_reader(self, options: Any) -> None:
        self.reader = CrawlReader(self.task.shard, options, self.counts.position)
        self.items: Iterator[CrawlDocument | Lost] = iter(self.reader)

    def _keep_position(self) -> None:
        self.counts.position = self.reader.position()
        self.counts.passed = Counter(self.reader.passed)

    def _read_batch(self, items_end: int) -> _Batch:
        """Take the next items that get a row; those that get none are counted."""
        batch: _Batch = []
        chars, config, limit = 0, self.config, self.task.limit
        while self.counts.items < items_end and len(batch) < config.batch_documents and chars < config.batch_chars:
            number = self.counts.items
            item = self._next() if limit is None or self.counts.rows + len(batch) < limit else None
            if item is None:
                self.at_end = True
                break
            if isinstance(item, Lost):
                self._lose(item)
                if item.row:
                    batch.append((number, item))
            elif self._sampled(item):
                batch.append((number, item))
                chars += len(item.text)
            else:
                self.counts.not_sampled += 1
        return batch

    def _next(self) -> CrawlDocument | Lost | None:
        """Return the reader's next item, None at the end; one that hung a worker is lost for that."""
        number, limit_s = self.counts.items, self.task.max_seconds
        hung = bool(self.claim.trouble.hung) and self.claim.trouble.skips(number)
        self._say(READING, number, number + 1, limit_s)
        if hung and (READING, number, number + 1) in self.claim.trouble.hung:
            item = self._pass_over()
        else:
            item = next(self.items, None)
        if item is None:
            return None
        self.counts.items += 1
        if hung:
            message = "took longer than it may" if limit_s is None else f"took longer than {limit_s:g} s"
            return Lost(item.offset, "timeout", message, True, item.id, item.skip)
        return item

    def _pass_over(self) -> CrawlDocument | Lost | None:
        """Read one item under a cap of one byte: it is found too big before anything is made of it, and reading goes on behind."""
        self._keep_position()
        self._open_reader(dataclasses.replace(self.config.read, max_record_bytes=1))
        item = next(self.items, None)
        self._keep_position()
        self._open_reader(self.config.read)
        return item

    def _sampled(self, item: CrawlDocument) -> bool:
        """Whether the sample holds a document: a function of its id and place, so that shards and engines agree and repeated ids do not."""
        if self.config.sample >= 1.0:
            return True
        name = f"{item.id}\0{os.path.basename(self.task.shard.path)}\0{item.offset}\0{item.skip}"
        digest = hashlib.blake2b(utf8(name).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.config.sample * 2.0**64

    def _lose(self, item: Lost) -> None:
        self.counts.add_lost(item.reason, item.offset, item.id, item.message, item.skip)
        inside = f"+{item.skip}" if item.skip else ""
        self.tally.add_lost(item.reason, f"{self.task.shard.path}:{item.offset}{inside}", item.message)

    # -- scoring ----------------------------------------------------------------------------------

    def _score(self, batch: _Batch, writer: SegmentWriter) -> None:
        """Score a batch; one by one if workers hung or died over it."""
        trouble = self.claim.trouble
        careful = bool(trouble.hung or trouble.died) and any(trouble.careful(number) for number, _ in batch)
        for together in [[one] for one in batch] if careful else [batch]:
            if together:
                self._score_together(together, writer)

    def _score_together(self, batch: _Batch, writer: SegmentWriter) -> None:
        items = [item for _, item in batch]
        limit_s = self.task.max_seconds
        if limit_s is not None and self.config.slow:
            limit_s *= len(batch)
        self._say(SCORING, batch[0][0], batch[-1][0] + 1, limit_s, restart=True)
        texts = [item for item in items if isinstance(item, CrawlDocument)]
        languages = [str(item.fields.get("language") or "") for item in texts]
        fields = [item.fields for item in texts]
        scored = self.scorer.score([item.text for item in texts], languages, fields)
        rows = build_rows(items, self.counts.rows, self.task.shard.path, scored, self.schema)
        writer.add(items, rows)
        self.counts.add_batch(items, rows)

    # -- the end ----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Join the segments, write the marker, and only then remove what is no longer needed."""
        ledger, config, parts = self.ledger, self.config, self.parts
        files = {"rows": join_rows(parts, ledger.rows(self.name), self.schema)}
        if config.keep:
            for kind in ("kept", "dropped"):
                path = ledger.folder / kind / f"{self.name}.jsonl.zst"
                files[kind] = join_streams(parts, f".{kind}.jsonl.zst", path)
        if config.sidecar:
            path = ledger.folder / "attributes" / config.sidecar / self.task.attributes
            files["attributes"] = join_streams(parts, ".attributes.jsonl.gz", path)
        self.tally.add_passed(self.counts.passed)
        counts = self.counts.to_record()
        del counts["position"]
        seconds = self.seconds + time.monotonic() - self.begun
        timing = {"seconds": seconds, "documents": counts["documents"], "chars": counts["chars"]}
        ledger.write("timing", self.name, {**timing, "file_bytes": self.reader.bytes_read})
        done = {"shard": self.task.shard.to_record(), "fingerprint": self.task.fingerprint, "files": files}
        ledger.write("done", self.name, {**done, "counts": counts, "tally": self.tally.to_record()})
        shutil.rmtree(parts, ignore_errors=True)
        self.claim.forget()

    def _say(self, phase: int, first: int, stop: int, limit_s: float | None, *, restart: bool = False) -> None:
        counts = self.counts
        at = At(phase, first, stop, counts.documents, counts.chars, self.reader.bytes_read)
        self.claim.at(at, limit_s, restart=restart)


def new_tally(scorer: "BatchScorer") -> Tally:
    """Return the empty tally of what `scorer` gives."""
    return Tally([one.to_record() for one in scorer.detectors], scorer.options.alpha)
