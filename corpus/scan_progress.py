"""Say how far a scan is, on stderr: documents and megabytes of text a second, and when it will be done.

It reads the heartbeats that workers leave in the ledger, so it sees inside long shards and says the same for every engine. Off where stderr is no
terminal. Bytes are those of the input files, compressed: the one measure of what is left that is known beforehand.
"""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from tqdm import tqdm

from .claim import At, read_at
from .ledger import Ledger

if TYPE_CHECKING:
    from .shards import Shard


class Progress:
    """A bar over the shards of one run; a context manager."""

    def __init__(self, ledger: Ledger, shards: "Sequence[Shard]") -> None:
        self._ledger = ledger
        self._sizes = shard_bytes(shards)
        self._bar = tqdm(
            total=sum(self._sizes.values()), unit="B", unit_scale=True, disable=None, file=sys.stderr, smoothing=0.05
        )
        self._begun = time.monotonic()
        self._first: dict[str, At] = {}  # where a shard stood when this run came to it
        self._gone = 0
        self._documents = self._chars = 0

    def finish(self, shard: "Shard") -> None:
        """Count a shard that is done."""
        self._gone += self._sizes.pop(shard.name, 0)
        if (timing := self._ledger.timing(shard.name)) is not None:
            first = self._first.pop(shard.name, At(0, 0, 0))
            self._documents += timing["documents"] - first.documents
            self._chars += timing["chars"] - first.chars

    def update(self, running: "Sequence[Shard]") -> None:
        """Draw the bar with what is done and what the workers of `running` say."""
        if self._bar.disable:
            return
        done, documents, chars = self._gone, self._documents, self._chars
        for shard in running:
            at = read_at(self._ledger.claims, shard.name)
            if at is not None and at.phase:
                first = self._first.setdefault(shard.name, at)
                done += min(at.file_bytes, self._sizes.get(shard.name, 0))
                documents += at.documents - first.documents
                chars += at.chars - first.chars
        wall_s = max(time.monotonic() - self._begun, 1e-3)
        rates = f"{documents / wall_s:,.0f} documents/s, {chars / wall_s / 1e6:.1f} MB/s of text"
        self._bar.set_postfix_str(rates, refresh=False)
        self._bar.update(max(0, done - self._bar.n))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def shard_bytes(shards: "Sequence[Shard]") -> dict[str, int]:
    """Return the bytes of the file that each shard stands for; row groups share a file evenly."""
    found: dict[str, int] = {}
    for shard in shards:
        if shard.format == "parquet":
            parts = sum(other.path == shard.path for other in shards) if shard.start or shard.stop is not None else 1
            found[shard.name] = shard.size // parts
        else:
            found[shard.name] = (shard.size if shard.stop is None else shard.stop) - shard.start
    return found
