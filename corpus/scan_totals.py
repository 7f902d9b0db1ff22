"""Add up what the shards of a scan left in the ledger: one tally for the report, and the times.

The tally is the sum over the markers in done/ and what was given up, in the order of the plan; nothing in it depends on when or where
a shard was scanned. All that does goes to throughput.json.
"""

from collections.abc import Collection, Mapping
from typing import Any

from .durable import write_json
from .ledger import Ledger
from .tally import Tally


def merged_tally(
    ledger: Ledger, scan: Mapping[str, Any], failed: Mapping[str, str], waiting: Collection[str] = ()
) -> Tally:
    """Return the tally of all finished shards; those given up, failed (why, by name) or still `waiting` are counted as lost."""
    total = Tally(scan["detectors"], scan["config"]["score"]["alpha"])
    for shard in scan["shards"]:
        name, path = shard["name"], shard["path"]
        if (found := ledger.done(name)) is not None:
            total.merge(Tally.from_record(found["tally"]))
        elif (given_up := ledger.quarantined(name)) is not None:
            total.add_lost("quarantined", path, given_up["message"])
        elif name in failed:
            total.add_lost("shard_failed", path, failed[name])
        elif name in waiting:
            total.add_lost("shard_unfinished", path, f"shard {name} is not finished")
    return total


def unfinished(ledger: Ledger, scan: Mapping[str, Any]) -> list[str]:
    """Return the names of the shards that are neither done nor given up; none if a limit on documents is reached."""
    limit, rows = scan["config"]["limit"], 0
    missing: list[str] = []
    for shard in scan["shards"]:
        if limit is not None and rows >= limit:
            break
        found = ledger.done(shard["name"])
        if found is not None:
            rows += found["counts"]["rows"]
        elif ledger.quarantined(shard["name"]) is None:
            missing.append(shard["name"])
    return missing


def write_throughput(ledger: Ledger, scan: Mapping[str, Any], *, workers: int, wall_s: float) -> dict[str, Any]:
    """Sum the times of the shards, write throughput.json, and return it.

    `core_s` adds up over workers; `wall_s` and `workers` are of the last run alone.
    """
    timings = [found for shard in scan["shards"] if (found := ledger.timing(shard["name"])) is not None]
    core_s = sum(one["seconds"] for one in timings)
    sums = {name: sum(one[name] for one in timings) for name in ("documents", "chars", "file_bytes")}
    record: dict[str, Any] = {"shards": len(timings), **sums, "core_s": round(core_s, 3)}
    if core_s > 0:
        record["documents_per_core_s"] = round(sums["documents"] / core_s, 1)
        record["chars_per_core_s"] = round(sums["chars"] / core_s)
        record["file_bytes_per_core_s"] = round(sums["file_bytes"] / core_s)
    record["last_run"] = {"workers": workers, "wall_s": round(wall_s, 3)}
    write_json(ledger.folder / "throughput.json", record)
    return record
