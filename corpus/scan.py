"""Run a scan: plan, workers, what to do when one dies, report.

The driver holds no documents and no models. It hands shards to an engine's workers and keeps none of what they say but how it ended;
everything else is in the ledger, where the next run finds it. So it may be killed too.

* A worker that dies is replaced and its shard handed out again, at once; `scan_shard` decides when to give it up.
* An input that cannot be read costs its shard only: the others are finished, and the run fails at its end.
* An output that cannot be written ends the run: there is no use in reading on.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

from .durable import OutputError
from .engine import Engine, Event
from .ledger import Ledger
from .scan_config import ScanConfig, fingerprint
from .scan_progress import Progress, shard_bytes
from .scan_task import Outcome, ShardTask
from .scan_worker import describe, work
from .sidecar import attribute_paths

if TYPE_CHECKING:
    from .shards import Plan, Shard

_POLL_S = 0.5
_LOADING_DEATHS = 3
_SHARD_DEATHS = 25  # of one shard in one run, wherever in it; three at one place are `scan_shard`'s business


@dataclass(frozen=True)
class Share:
    """Which shards are this run's: those whose index is `index` modulo `of` (Slurm arrays)."""

    index: int = 0
    of: int = 1

    def holds(self, shard: "Shard") -> bool:
        """Whether a shard is this run's."""
        return shard.index % self.of == self.index


@dataclass
class Ended:
    """How the shards of this run ended, by name; `rows` of those done."""

    done: dict[str, int] = field(default_factory=dict[str, int])
    quarantined: dict[str, str] = field(default_factory=dict[str, str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    busy: list[str] = field(default_factory=list[str])
    deaths: Counter[str] = field(default_factory=Counter[str])

    @property
    def rows(self) -> int:
        """Rows written by the shards that are done."""
        return sum(self.done.values())


def run_scan(
    plan: "Plan",
    config: ScanConfig,
    out: str | Path,
    engine: Callable[[], Engine],
    *,
    share: Share | None = None,
    max_seconds: float | None = 60.0,
    say: Callable[[str], None],
) -> Ended:
    """Finish all shards of `plan` that are this run's and not finished yet.

    `engine` is called if there is something to do. `max_seconds` ends a worker that is longer than that at one document.

    Raises:
        AssayError: if the folder is not this scan's, a profile or model cannot be loaded, or the output cannot be written.

    """
    ledger, record, share = Ledger(out), config.to_record(), share or Share()
    found = ledger.check(record, plan.shards)
    mine = [shard for shard in plan.shards if share.holds(shard)]
    ended = Ended()
    if not mine:
        of = f"{share.index} of {share.of}, and the plan has {len(plan.shards):,}"
        say(f"no shard is this run's ({of}); there is nothing to do")
    todo: list[Shard] = []
    for shard in mine:
        if found is not None and ledger.is_done(shard.name):
            ended.done[shard.name] = int((ledger.done(shard.name) or {})["counts"]["rows"])
        else:
            todo.append(shard)
    if ended.done:
        say(f"{len(ended.done):,} of {len(mine):,} shards are finished already")
    if not todo or (config.limit is not None and ended.rows >= config.limit):
        return ended
    attributes = _attributes(plan, config)
    with _Closing(engine()) as workers:
        detectors = found["detectors"] if found else _describe(workers, config, say)
        ledger.begin(record, plan.shards, plan.refused, detectors)
        for shard in todo:
            if ledger.quarantined(shard.name):
                say(f"{shard.name} was given up by an earlier run; trying it again")
                ledger.release(shard.name)
        tasks = [
            ShardTask(
                shard, config, str(out), fingerprint(record), max_seconds, attributes=attributes.get(shard.path, "")
            )
            for shard in todo
        ]
        with Progress(ledger, todo, shard_bytes(plan.shards), say) as progress:
            _Driver(workers, config, ended, progress, say).run(tasks)
    return ended


class _Closing:
    """Ends the workers of an engine whatever happens."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Engine:
        return self._engine

    def __exit__(self, *_: object) -> None:
        self._engine.close()


def _attributes(plan: "Plan", config: ScanConfig) -> dict[str, str]:
    """Return the sidecar file of each input file.

    Raises:
        DataError: if two would be the same, or a file is divided into several shards.

    """
    if not config.sidecar:
        return {}
    paths = [shard.path for shard in plan.shards]
    found = attribute_paths(sorted(set(paths)))
    if len(found) < len(paths):
        raise DataError("--sidecar needs whole files, and the plan divides some; leave out --shard-bytes")
    counts = Counter(found.values())
    if twice := [path for path, target in found.items() if counts[target] > 1]:
        raise DataError(f"--sidecar: {twice[0]} and {twice[1]} would have the same file; scan them into two --out")
    return found


def _describe(engine: Engine, config: ScanConfig, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return the detectors as the first worker loads them; what cannot be loaded is an error before anything is written."""
    for _ in range(_LOADING_DEATHS):
        engine.submit(0, describe, config.score)
        event = _one(engine)
        if event.error is not None:
            raise event.error
        if not event.died:
            detectors, notes = event.result
            for note in notes:
                say(note)
            return detectors
    raise DataError(
        f"{_LOADING_DEATHS} workers died while they loaded the models; see that there is memory enough, or use fewer --workers"
    )


def _one(engine: Engine) -> Event:
    while True:
        if events := engine.wait(_POLL_S):
            return events[0]


class _Driver:
    """Hands out shards until none is left."""

    def __init__(
        self, engine: Engine, config: ScanConfig, ended: Ended, progress: "Progress", say: Callable[[str], None]
    ) -> None:
        self._engine, self._config, self._ended = engine, config, ended
        self._progress, self._say = progress, say
        self._queue: deque[ShardTask] = deque()
        self._at: dict[int, ShardTask] = {}
        # A limit is on the documents of the plan in order: how many are left is known only when a shard has ended.
        self._idle = [0] if config.limit is not None else list(range(engine.workers))

    def run(self, tasks: Sequence[ShardTask]) -> None:
        self._queue.extend(tasks)
        self._hand_out()
        while self._at:
            for event in self._engine.wait(_POLL_S):
                self._handle(event, self._at.pop(event.worker))
                self._idle.append(event.worker)
            self._progress.update([task.shard for task in self._at.values()])
            self._hand_out()

    def _hand_out(self) -> None:
        while self._idle and self._queue:
            limit = self._config.limit
            if limit is not None and limit <= self._ended.rows:
                self._queue.clear()
                return
            task, worker = self._queue.popleft(), self._idle.pop()
            left = None if limit is None else limit - self._ended.rows
            task = replace(task, limit=left)
            self._at[worker] = task
            self._engine.submit(worker, work, task)

    def _handle(self, event: Event, task: ShardTask) -> None:
        name, ended = task.shard.name, self._ended
        if event.died:
            self._again(task)
        elif isinstance(event.error, OutputError):
            raise event.error
        elif event.error is not None:
            self._fail(name, str(event.error))
        else:
            outcome: Outcome = event.result
            if outcome.state == "done":
                ended.done[name] = outcome.rows
                self._progress.finish(task.shard)
            elif outcome.state == "quarantined":
                ended.quarantined[name] = outcome.message
                self._say(f"gave up {name}: {outcome.message}; the others go on")
            else:
                ended.busy.append(name)

    def _again(self, task: ShardTask) -> None:
        """Hand out the shard of a worker that died, first of all: what it was doing is known best now."""
        name = task.shard.name
        self._ended.deaths[name] += 1
        if self._ended.deaths[name] >= _SHARD_DEATHS:
            self._fail(name, f"{_SHARD_DEATHS} workers died at {task.shard.path}; see that there is memory enough")
            return
        self._say(f"a worker died at {name}; another goes on with it")
        self._queue.appendleft(replace(task, after_death=True))

    def _fail(self, name: str, why: str) -> None:
        self._ended.failed[name] = why
        self._say(f"{why}; the others go on")
