"""Say how far a scan is, on stderr: documents and megabytes of text a second, and when it will be done.

It reads the heartbeats that workers leave in the ledger, so it sees inside long shards and says the same for every engine. A bar on a
terminal; elsewhere (a log, Slurm) a line after half a minute and one every minute. Bytes are those of the input files, compressed: the
one measure of what is left that is known beforehand.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tqdm import tqdm

from .claim import At, read_at
from .ledger import Ledger

if TYPE_CHECKING:
    from .shards import Shard

_FIRST_LINE_S, _LINE_S = 30.0, 60.0
_NOWHERE = At(0, 0, 0)


@dataclass
class _Sums:
    """Documents, characters and file bytes; `resumed` bytes of them were done by an earlier run."""

    documents: int = 0
    chars: int = 0
    file_bytes: int = 0
    resumed: int = 0


class Progress:
    """How far the shards of one run are; a context manager.

    Args:
        ledger: where the workers' heartbeats are.
        shards: those to be done.
        sizes: bytes of each, by name (`shard_bytes`).
        say: what writes a line where there is no terminal.
        every_s: seconds to the first line, and between lines.
    """

    def __init__(
        self,
        ledger: Ledger,
        shards: "Sequence[Shard]",
        sizes: dict[str, int],
        say: Callable[[str], None],
        *,
        every_s: tuple[float, float] = (_FIRST_LINE_S, _LINE_S),
    ) -> None:
        self._ledger, self._say = ledger, say
        self._sizes = {shard.name: sizes[shard.name] for shard in shards}
        self._total, self._shards = sum(self._sizes.values()), len(shards)
        self._bar = tqdm(total=self._total, unit="B", unit_scale=True, disable=None, file=sys.stderr, smoothing=0.05)
        self._begun = time.monotonic()
        self._next, self._every_s = self._begun + every_s[0], every_s[1]
        self._first: dict[str, At] = {}  # where a shard stood when this run came to it
        self._finished = 0
        self._gone = _Sums()  # of the shards that are done

    def finish(self, shard: "Shard") -> None:
        """Count a shard that is done."""
        size = self._sizes.pop(shard.name, 0)
        self._finished += 1
        self._gone.file_bytes += size
        first = self._first.pop(shard.name, _NOWHERE)
        self._gone.resumed += min(first.file_bytes, size)
        if (timing := self._ledger.timing(shard.name)) is not None:
            self._gone.documents += timing["documents"] - first.documents
            self._gone.chars += timing["chars"] - first.chars

    def update(self, running: "Sequence[Shard]") -> None:
        """Show what is done and what the workers of `running` say."""
        now = time.monotonic()
        if not self._bar.disable:
            sums = self._sums(running)
            self._bar.set_postfix_str(_rates(sums, now - self._begun), refresh=False)
            self._bar.update(max(0, sums.file_bytes - self._bar.n))
        elif now >= self._next:
            self._next = now + self._every_s
            self._say(self._line(self._sums(running), now - self._begun))

    def _sums(self, running: "Sequence[Shard]") -> _Sums:
        sums = _Sums(**vars(self._gone))
        for shard in running:
            at = read_at(self._ledger.claims, shard.name)
            if at is not None and at.phase:
                first, size = self._first.setdefault(shard.name, at), self._sizes.get(shard.name, 0)
                sums.file_bytes += min(at.file_bytes, size)
                sums.resumed += min(first.file_bytes, size)
                sums.documents += at.documents - first.documents
                sums.chars += at.chars - first.chars
        return sums

    def _line(self, sums: _Sums, wall_s: float) -> str:
        done = f"{self._finished:,} of {self._shards:,} shards done"
        read = sums.file_bytes - sums.resumed
        left = (
            f"about {_duration((self._total - sums.file_bytes) / read * wall_s)} left"
            if read > 0
            else "nothing read yet"
        )
        return f"{sums.documents:,} documents, {_rates(sums, wall_s)}, {done}, {left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _rates(sums: _Sums, wall_s: float) -> str:
    wall_s = max(wall_s, 1e-3)
    return f"{sums.documents / wall_s:,.0f} documents/s, {sums.chars / wall_s / 1e6:.1f} MB/s of text"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def shard_bytes(shards: "Sequence[Shard]") -> dict[str, int]:
    """Return the bytes of the file that each shard of a whole plan stands for; row groups share a file evenly."""
    parts = Counter(shard.path for shard in shards)
    found: dict[str, int] = {}
    for shard in shards:
        if shard.format == "parquet":
            found[shard.name] = shard.size // parts[shard.path]
        else:
            found[shard.name] = (shard.size if shard.stop is None else shard.stop) - shard.start
    return found
