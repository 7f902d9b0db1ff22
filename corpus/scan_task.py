"""What is handed to a worker, and what comes back: small, and the same for every engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .scan_config import ScanConfig

if TYPE_CHECKING:
    from .shards import Shard


@dataclass(frozen=True)
class ShardTask:
    """One shard to finish.

    Attributes:
        shard, config, folder: what to read, what to do, where to write.
        fingerprint: of the configuration, for the marker.
        max_seconds: limit of one document, None for none; only a process that may be ended has one.
        after_death: the worker that had this shard last was seen to die.
        limit: at most so many rows, None for all.
        attributes: path of the sidecar file below attributes/EXPERIMENT/, "" for none.

    """

    shard: "Shard"
    config: ScanConfig
    folder: str
    fingerprint: str
    max_seconds: float | None = None
    after_death: bool = False
    limit: int | None = None
    attributes: str = ""


@dataclass(frozen=True)
class Outcome:
    """How it ended: done (also if it was before), quarantined, or busy, if another run has the shard."""

    shard: str
    state: Literal["done", "quarantined", "busy"]
    rows: int = 0
    message: str = ""
