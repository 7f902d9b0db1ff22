"""Peak memory of a worker that scans one shard of 2 GB, made on the fly: the high-water mark of its resident set (VmHWM).

The worker is a spawned process, as the local engine's, with one mark and no model. Plain JSON Lines of 2 GB, and WET.gz of 2 GB of text. Documents repeat after
350 MB; memory does not care. Bar: below 600 MB. `python bench/scan_memory.py [MB]`.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import crawl_input
import record
from assay.cli.mark import mark
from assay.corpus.crawl_items import ReadOptions
from assay.corpus.engine_local import LocalEngine
from assay.corpus.ledger import Ledger
from assay.corpus.scan_config import ScanConfig, fingerprint
from assay.corpus.scan_task import ShardTask
from assay.corpus.scan_worker import describe, work
from assay.corpus.score_options import ScoreOptions
from assay.corpus.shards import plan_shards
from click.testing import CliRunner

MEGABYTES = float(sys.argv[1]) if len(sys.argv) > 1 else 2_000.0
DISTINCT_MB = 350.0
BAR_MB = 600.0


def main() -> None:
    figures: dict[str, Any] = {}
    texts = crawl_input.take(min(DISTINCT_MB, MEGABYTES))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = CliRunner().invoke(mark, ["new", str(folder / "mark.toml")])
        if made.exit_code:
            sys.exit(made.output)
        config = ScanConfig(ScoreOptions(marks=(str(folder / "mark.toml"),)), ReadOptions())
        plain, wet = folder / "plain.jsonl", folder / "crawl.warc.wet.gz"
        with plain.open("wb") as out:
            crawl_input.jsonl(repeated(texts), out)
        figures["JSONL"] = peak(plain, config, folder)
        plain.unlink()
        crawl_input.wet_gz(repeated(texts), wet)
        figures["WET.gz"] = peak(wet, config, folder)
    record.write(__file__, figures, MB_of_text=MEGABYTES, bar=f"peak < {BAR_MB:.0f} MB")


def repeated(texts: list[str]) -> Iterator[str]:
    """Yield documents until they have `MEGABYTES` together."""
    left = MEGABYTES * 1e6
    for text in cycle(texts):
        if left <= 0:
            return
        left -= len(text.encode())
        yield text


def peak(path: Path, config: ScanConfig, folder: Path) -> dict[str, float]:
    """Scan a file as one shard in a worker, and ask the worker for its peaks."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    Ledger(out)
    shard = plan_shards([str(path)]).shards[0]
    task = ShardTask(shard, config, str(out), fingerprint(config.to_record()))
    engine = LocalEngine(1)
    try:
        call(engine, describe, config.score)
        loaded = call(engine, resident_peak_mb)
        begun = time.perf_counter()
        outcome = call(engine, work, task)
        seconds = time.perf_counter() - begun
        whole = call(engine, resident_peak_mb)
    finally:
        engine.close()
    if outcome.state != "done":
        sys.exit(f"the shard was not finished: {outcome}")
    return {
        "file MB": round(path.stat().st_size / 1e6),
        "documents": outcome.rows,
        "peak MB, loaded": round(loaded),
        "peak MB": round(whole),
        "seconds": round(seconds, 1),
    }


def call(engine: LocalEngine, function: Any, *arguments: Any) -> Any:
    engine.submit(0, function, *arguments)
    while True:
        for event in engine.wait(60.0):
            if event.error or event.died:
                sys.exit(f"the worker died or failed: {event}")
            return event.result


def resident_peak_mb() -> float:
    """Return VmHWM of this process in MB (10^6)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


if __name__ == "__main__":
    main()
