"""What is counted while a shard is read: kept with each segment, so that a resumed shard ends with the same numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .crawl import CrawlDocument, Lost

_LISTED = 1_000


@dataclass
class ShardCounts:
    """Counts of one shard so far.

    Attributes:
        items: what the reader gave, documents and losses.
        rows: rows written.
        documents: texts scored.
        chars: their length together.
        not_sampled: texts that the sample leaves out.
        verdicts: rows by verdict.
        lost: losses by reason, exact; with `error:` those of the scorer.
        losses: the first 1,000 of them with their places.
        passed: records that are no text, by reason.
        position: where the reader goes on, None at the beginning.

    """

    items: int = 0
    rows: int = 0
    documents: int = 0
    chars: int = 0
    not_sampled: int = 0
    verdicts: Counter[str] = field(default_factory=Counter[str])
    lost: Counter[str] = field(default_factory=Counter[str])
    losses: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    passed: Counter[str] = field(default_factory=Counter[str])
    position: dict[str, Any] | None = None

    def add_batch(self, items: Sequence["CrawlDocument | Lost"], rows: Any) -> None:
        """Count a batch of rows (`pyarrow.RecordBatch`) by what was found."""
        from .crawl import CrawlDocument

        self.rows += len(items)
        texts = [item for item in items if isinstance(item, CrawlDocument)]
        self.documents += len(texts)
        self.chars += sum(len(item.text) for item in texts)
        self.verdicts.update(rows.column("verdict").to_pylist())
        if texts:
            for item, error in zip(items, rows.column("error").to_pylist(), strict=True):
                if error and isinstance(item, CrawlDocument):
                    self.add_lost("error", item.offset, item.id, error, item.skip)

    def add_lost(self, reason: str, offset: int, name: str, message: str, skip: int = 0) -> None:
        """Count a loss, and list it while there is room."""
        self.lost[reason] += 1
        if len(self.losses) < _LISTED:
            self.losses.append({"offset": offset, "skip": skip, "id": name, "reason": reason, "message": message})

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        counters = {name: dict(sorted(getattr(self, name).items())) for name in ("verdicts", "lost", "passed")}
        return {**vars(self), **counters, "losses": list(self.losses)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "ShardCounts":
        """Return what `to_record` gave a record of."""
        counters = {name: Counter[str](record[name]) for name in ("verdicts", "lost", "passed")}
        plain: dict[str, Any] = {name: record[name] for name in vars(cls()) if name not in counters}
        plain.update(counters)
        return cls(**plain)
