"""Who works on a shard, and how far: a lock, a heartbeat, and the memory of workers that died at it.

Three files a shard under `claims/`, each small:

* `NAME.lock` is locked (flock) while a worker has the shard, so that two runs over one folder never do the same one. The
  system lets go of it when the process ends, however it ends. File systems without locks go without.
* `NAME.at` is mapped into memory and holds where the worker is: phase, the items [first, stop) in its hands, and counts for the
  progress bar. It outlives the process that wrote it.
* `NAME.stack` is what the watchdog writes when it ends the worker: if there is something in it, the death was a time-out.

From these the next worker knows which document to leave out (it hung, alone in the worker's hands), which to take one by one (it hung
in a batch, or two workers died there), and when to give up: three workers died at the same place.
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assay.errors import DataError

from .durable import read_json, write_json
from .resume import lock_output
from .watchdog import Watchdog

_DEATHS = 3
_LAYOUT = struct.Struct("<8s7q")
_MAGIC = b"assay/1\0"
READING, SCORING = 1, 2


@dataclass(frozen=True)
class At:
    """Where a worker is: the items [first, stop) of the shard in its hands, and what it has done (for the progress bar)."""

    phase: int
    first: int
    stop: int
    documents: int = 0
    chars: int = 0
    file_bytes: int = 0


@dataclass(frozen=True)
class Trouble:
    """What earlier workers died of: item ranges [first, stop), READING or SCORING, in order."""

    hung: tuple[tuple[int, int, int], ...] = ()
    died: tuple[tuple[int, int, int], ...] = ()

    @property
    def fatal(self) -> tuple[int, int] | None:
        """The items at which the last three workers died, or one that hung three times, if there are: [first, stop)."""
        for place in self.hung:
            if self.hung.count(place) >= _DEATHS and place[2] - place[1] == 1:
                return place[1], place[2]
        last = self.died[-_DEATHS:]
        if len(last) < _DEATHS or not all(_meet(one, last[-1]) for one in last):
            return None
        return max(first for _, first, _ in last), min(stop for _, _, stop in last)

    def skips(self, item: int) -> bool:
        """Whether this item hung while nothing else was in the worker's hands."""
        return any(stop - first == 1 and first == item for _, first, stop in self.hung)

    def careful(self, item: int) -> bool:
        """Whether this item is to be scored alone: a batch with it hung once, or killed twice."""
        if any(first <= item < stop for _, first, stop in self.hung):
            return True
        return sum(first <= item < stop for _, first, stop in self.died) >= _DEATHS - 1


def _meet(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


class Claim:
    """One worker's hold on one shard; `take` returns None where another run has it. A context manager."""

    def __init__(self, folder: Path, name: str, lock_fd: int) -> None:
        self._path = folder / name
        self._lock_fd = lock_fd
        self.trouble = Trouble()
        self._watchdog: Watchdog | None = None
        self._map: mmap.mmap | None = None

    @classmethod
    def take(cls, folder: Path, name: str, *, wait_s: float = 0.0) -> "Claim | None":
        """Lock the shard, waiting up to `wait_s` for the worker of a run that was just killed to be gone."""
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        until = time.monotonic() + wait_s
        while True:
            try:
                lock_output(fd, name)
                return cls(folder, name, fd)
            except DataError:
                if time.monotonic() >= until:
                    os.close(fd)
                    return None
                time.sleep(0.1)
            except BaseException:
                os.close(fd)
                raise

    def begin(self, *, after_death: bool, watched: bool) -> None:
        """Learn what became of the worker before, then start a heartbeat of one's own.

        `after_death`: the driver saw the worker of this shard die. Without it what a killed run left behind is nobody's fault.
        """
        self.trouble = self._learn(after_death)
        at = self._file(".at")
        at.write_bytes(_LAYOUT.pack(_MAGIC, 0, 0, 0, 0, 0, 0, os.getpid()))
        with at.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        self._watchdog = Watchdog(self._file(".stack")) if watched else None

    def _learn(self, after_death: bool) -> Trouble:
        found = read_json(self._file(".json")) or {}
        hung = [tuple(one) for one in found.get("hung", ())]
        died = [tuple(one) for one in found.get("died", ())]
        last = read_at(self._path.parent, self._path.name)
        stack = self._file(".stack")
        timed_out = stack.exists() and stack.stat().st_size > 0
        if last is not None and last.phase and (timed_out or after_death):
            (hung if timed_out else died).append((last.phase, last.first, last.stop))
            write_json(self._file(".json"), {"hung": hung, "died": died})
        stack.unlink(missing_ok=True)
        return Trouble(tuple(hung), tuple(died))

    def at(self, at: At, limit_s: float | None, *, restart: bool = False) -> None:
        """Say where the worker is, and that it has `limit_s` seconds from here."""
        if self._map is not None:
            values = (at.phase, at.first, at.stop, at.documents, at.chars, at.file_bytes, os.getpid())
            _LAYOUT.pack_into(self._map, 0, _MAGIC, *values)
        if self._watchdog is not None:
            (self._watchdog.restart if restart else self._watchdog.alive)(limit_s)

    def rest(self) -> None:
        """Nothing of a document is in hand: writing to a slow disk is not a hang."""
        if self._watchdog is not None:
            self._watchdog.alive(None)

    def forget(self) -> None:
        """Remove what happened on the way: the shard is finished."""
        self._close()
        for suffix in (".at", ".stack", ".json"):
            self._file(suffix).unlink(missing_ok=True)

    def _file(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def _close(self) -> None:
        if self._watchdog is not None:
            self._watchdog.__exit__()
            self._watchdog = None
            if self._file(".stack").exists():
                self._file(".stack").unlink()
        if self._map is not None:
            self._map.close()
            self._map = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._map is not None:  # left alive: whatever comes, no worker died here
            _LAYOUT.pack_into(self._map, 0, _MAGIC, 0, 0, 0, 0, 0, 0, os.getpid())
        self._close()
        os.close(self._lock_fd)


def read_at(folder: Path, name: str) -> At | None:
    """Return where the worker of a shard is or was, None if none was there."""
    try:
        data = (folder / f"{name}.at").read_bytes()
    except FileNotFoundError:
        return None
    if len(data) != _LAYOUT.size or not data.startswith(_MAGIC):
        return None
    values: tuple[Any, ...] = _LAYOUT.unpack(data)
    return At(*(int(value) for value in values[1:7]))
