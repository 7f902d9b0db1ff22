"""Two workers against one, and Ray against local: seconds of the same scan, by the engines of `assay scan`.

Every engine's workers are started and have loaded the mark before the clock runs; what that takes is shown beside (Ray's own start too). Rounds in turns;
the best counts. The shards are links to a few files of distinct documents. Bars: two local workers at least 1.8 times as fast as one; Ray with two at least 90 % of
local with two. Needs two idle cores: `python bench/scan_workers.py [MB a shard] [SHARDS] [ROUNDS]`.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import crawl_input
import record
from assay.cli.mark import mark
from assay.corpus.crawl_items import ReadOptions
from assay.corpus.engine import Engine
from assay.corpus.engine_local import LocalEngine
from assay.corpus.engine_ray import RayEngine
from assay.corpus.scan import run_scan
from assay.corpus.scan_config import ScanConfig
from assay.corpus.scan_worker import describe
from assay.corpus.score_options import ScoreOptions
from assay.corpus.shards import plan_shards
from click.testing import CliRunner

MEGABYTES, SHARDS, ROUNDS = (float(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((1, 30.0), (2, 16), (3, 3)))
FILES = 4
ENGINES: dict[str, Callable[[], Engine]] = {"local, 1 worker": lambda: LocalEngine(1), "local, 2 workers": lambda: LocalEngine(2)}  # fmt: skip
if find_spec("ray"):
    ENGINES["ray, 2 workers"] = lambda: RayEngine(2)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents, mb = make_input(folder)
        made = CliRunner().invoke(mark, ["new", str(folder / "mark.toml")])
        if made.exit_code:
            sys.exit(made.output)
        config = ScanConfig(ScoreOptions(marks=(str(folder / "mark.toml"),)), ReadOptions())
        best: dict[str, tuple[float, float]] = {}
        for _ in range(int(ROUNDS)):
            for engine, make in ENGINES.items():
                took = timed(folder, config, make, documents)
                best[engine] = min(best.get(engine, took), took)
    figures: dict[str, Any] = {
        engine: {
            "seconds": round(scan_s, 2),
            "MB/s": round(mb / scan_s, 1),
            "documents/s": round(documents / scan_s),
            "seconds to start, before": round(start_s, 1),
        }
        for engine, (scan_s, start_s) in best.items()
    }
    two = best["local, 2 workers"][0]
    figures["two workers / one"] = round(best["local, 1 worker"][0] / two, 2)
    figures["ray / local, two workers"] = (
        round(two / best["ray, 2 workers"][0], 3) if "ray, 2 workers" in best else "not measured: needs ray"
    )
    record.write(
        __file__, figures, shards=int(SHARDS), documents=documents, MB=round(mb, 1), rounds=int(ROUNDS),
        load_of_the_machine=os.getloadavg()[0], bar="two / one >= 1.8; ray / local >= 0.9",
    )  # fmt: skip


def make_input(folder: Path) -> tuple[int, float]:
    """Write WET.gz shards; return how many documents and MB of text all of them hold."""
    (folder / "in").mkdir()
    source = crawl_input.documents()
    sizes: list[tuple[int, float]] = []
    for s in range(int(SHARDS)):
        path = folder / "in" / f"{s:03d}.warc.wet.gz"
        if s < FILES:
            texts: list[str] = []
            while sum(map(len, texts)) < MEGABYTES * 1e6:
                texts += [text for text, _ in zip(source, range(200), strict=False)]
            crawl_input.wet_gz(texts, path)
            sizes.append((len(texts), crawl_input.size_mb(texts)))
        else:
            os.link(folder / "in" / f"{s % FILES:03d}.warc.wet.gz", path)
            sizes.append(sizes[s % FILES])
    return sum(size[0] for size in sizes), sum(size[1] for size in sizes)


def timed(folder: Path, config: ScanConfig, make: Callable[[], Engine], documents: int) -> tuple[float, float]:
    """Return the seconds of a scan, and those that its workers took to be ready."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    begun = time.perf_counter()
    engine = make()
    for worker in range(engine.workers):
        engine.submit(worker, describe, config.score)
    ready = 0
    while ready < engine.workers:
        for event in engine.wait(60.0):
            if event.error or event.died:
                sys.exit(f"a worker did not start: {event}")
            ready += 1
    start_s = time.perf_counter() - begun
    plan = plan_shards([str(folder / "in")])
    begun = time.perf_counter()
    ended = run_scan(plan, config, out, lambda: engine, say=lambda line: print(line, file=sys.stderr))
    scan_s = time.perf_counter() - begun
    if ended.rows != documents:
        sys.exit(f"{ended.rows} rows of {documents} documents: {ended}")
    return scan_s, start_s


if __name__ == "__main__":
    main()
