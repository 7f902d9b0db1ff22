"""Scan one shard: read, score, write; to be killed at any moment and called again.

`scan_shard` is the one function that every engine runs. It is idempotent: a finished shard is left alone, an unfinished one goes on after
its last whole segment, and what comes out is the same bytes either way. The marker in done/ is written last; whoever finds it has the
rows, the hashes and the tally. What it cannot stand is named and counted: a document that hangs (time-out), one that kills the worker
(quarantine of the shard, after the third), an input that is no longer what the run began with.
"""

import shutil
from typing import TYPE_CHECKING

from .claim import Claim
from .durable import output_stops
from .ledger import Ledger
from .scan_segments import last_segment
from .scan_task import Outcome, ShardTask
from .shard_scan import ShardScan

if TYPE_CHECKING:
    from .scan_columns import BatchScorer

_LOCK_WAIT_S = 15.0  # the workers of a driver that was killed end by themselves, within a second or so


def scan_shard(task: ShardTask, scorer: "BatchScorer") -> Outcome:
    """Finish the shard of `task`, or say why not.

    Raises:
        DataError: if the input cannot be opened, or has vanished.
        OutputError: if the output cannot be written.

    """
    ledger, name = Ledger(task.folder), task.shard.name
    with output_stops(ledger.folder):
        claim = Claim.take(ledger.claims, name, wait_s=_LOCK_WAIT_S)
        if claim is None:
            return Outcome(name, "busy", message="another run is scanning it")
        with claim:
            found = ledger.done(name)
            if found is None:
                claim.begin(after_death=task.after_death, watched=task.max_seconds is not None)
                if place := claim.trouble.fatal:
                    return _quarantine(ledger, task, claim, place)
                ShardScan(task, scorer, ledger, claim).run()
                found = ledger.done(name) or {}
            shutil.rmtree(ledger.parts(name), ignore_errors=True)  # a kill may have come before it did so itself
            return Outcome(name, "done", int(found["counts"]["rows"]))


def _quarantine(ledger: Ledger, task: ShardTask, claim: Claim, place: tuple[int, int]) -> Outcome:
    """Give the shard up, and say where its workers died."""
    found = last_segment(ledger.parts(task.shard.name)) or {"counts": {}}
    deaths = len(claim.trouble.died)
    first, last = place[0], place[1] - 1
    where = f"document {first:,}" if first == last else f"documents {first:,} to {last:,}"
    message = f"{deaths} workers died at {where} (from 0) of {task.shard.path}"
    record = {"shard": task.shard.to_record(), "items": list(place), "deaths": deaths, "message": message}
    ledger.write("quarantine", task.shard.name, {**record, "counts": found["counts"]})
    return Outcome(task.shard.name, "quarantined", message=message)
