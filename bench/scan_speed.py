"""One core, one mark: a scan's throughput beside its reader, its reader and tokenizer doing nothing else, and what others take for the same job.

All read the same file of real English documents, all distinct, and take turns; the best of the rounds counts, in CPU seconds of the one process (wall
seconds beside), as the machine is shared. Bars: at least half of reader and tokenizer, and 30 MB/s of text. `python bench/scan_speed.py [MB] [ROUNDS]`.
"""

import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS", "FASTOKENS_BPE_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import crawl_input
import record
import torch
from assay.cli.mark import mark
from assay.corpus.crawl import CrawlReader
from assay.corpus.crawl_items import CrawlDocument, ReadOptions
from assay.corpus.ledger import Ledger
from assay.corpus.scan_config import ScanConfig, fingerprint
from assay.corpus.scan_shard import scan_shard
from assay.corpus.scan_task import ShardTask
from assay.corpus.scan_worker import scorer_of
from assay.corpus.score_options import ScoreOptions
from assay.corpus.shards import Shard, plan_shards
from assay.detect.fast_tokens import fast_tokens
from assay.models import embedded_path
from assay.watermark.tokenizer import load_tokenizer
from click.testing import CliRunner
from transformers import GPT2Config, WatermarkDetector, WatermarkingConfig

MEGABYTES = float(sys.argv[1]) if len(sys.argv) > 1 else 200.0
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
PEER_DOCUMENTS = 200
MONTH = 3e9
READ, TOKENISE, SCAN = "reader alone", "reader and tokenizer", "scan_shard"
DATATROVE = "datatrove's reader and AssayFilter"
STAGES = {  # function -> stage; time in an inner one is not counted in the outer one
    "corpus.shard_scan:ShardScan._read_batch": "sampling, batches",
    "corpus.shard_scan:ShardScan._next": "read",
    "corpus.scan_columns:_read": "hash",
    "corpus.scan_columns:declared": "declarations",
    "corpus.scan_columns:identify_all": "language",
    "detect.mark_columns:tokenize": "normalise, tokenise",
    "detect.mark_columns:gather": "hash contexts, count",
    "detect.mark_columns:binomial_log10_sf_batch": "p-values",
    "corpus.scan_columns:decide_marks": "verdicts",
    "corpus.scan_columns:text_arrays": "columns",
    "corpus.scan_columns:verdict_arrays": "columns",
    "corpus.scan_columns:record_batch": "columns",
    "corpus.shard_scan:build_rows": "columns",
    "corpus.shard_counts:ShardCounts.add_batch": "counts",
    "corpus.tally:Tally.add": "tally",
    "corpus.scan_segments:SegmentWriter.finish": "write",
    "corpus.shard_scan:ShardScan._finish": "join, write",
}


def main() -> None:
    torch.set_num_threads(1)
    texts = crawl_input.take(MEGABYTES)
    mb = crawl_input.size_mb(texts)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = config_of(folder)
        for kind, (file, write) in crawl_input.FORMATS.items():
            write(texts, folder / file)
            figures[kind] = measure(folder, file, config, texts, mb)
        figures["tokenizers and transformers' WatermarkDetector"] = peer(texts)
    text = {"documents": len(texts), "MB": round(mb, 1), "origin": "corpus, train, all distinct"}
    record.write(
        __file__, figures, text=text, threads=1, rounds=ROUNDS, vocabulary=load_tokenizer(str(embedded_path())).vocab_size,
        bar="scan_shard >= 0.5 of reader and tokenizer, and >= 30 MB/s",
    )  # fmt: skip


def config_of(folder: Path) -> ScanConfig:
    made = CliRunner().invoke(mark, ["new", str(folder / "mark.toml")])
    if made.exit_code:
        sys.exit(made.output)
    return ScanConfig(ScoreOptions(marks=(str(folder / "mark.toml"),)), ReadOptions())


def measure(folder: Path, file: str, config: ScanConfig, texts: list[str], mb: float) -> dict[str, Any]:
    shard = plan_shards([str(folder / file)]).shards[0]
    fast = fast_tokens(load_tokenizer(str(embedded_path())))
    runs: dict[str, Callable[[], int]] = {
        READ: lambda: sum(len(batch) for batch in batches(shard, config)),
        TOKENISE: lambda: sum(len(fast.ragged(batch)[1]) - 1 for batch in batches(shard, config)),
        SCAN: lambda: scan(shard, config, folder),
    }
    missing = not_installed(file)
    if not missing:
        runs[DATATROVE] = lambda: datatrove(folder, file, config)
    best = best_of(runs, len(texts))
    figures: dict[str, Any] = {name: rates(cpu_s, wall_s, len(texts), mb) for name, (cpu_s, wall_s) in best.items()}
    if missing:
        figures[DATATROVE] = f"not measured: needs {missing}"
    else:
        figures[DATATROVE]["documents found"] = runs[DATATROVE]()
    figures["scan_shard / reader and tokenizer"] = round(best[TOKENISE][0] / best[SCAN][0], 3)
    figures["stages of scan_shard, share of CPU"] = stages(lambda: scan(shard, config, folder))
    return figures


def batches(shard: Shard, config: ScanConfig) -> Iterator[list[str]]:
    """Yield the texts of a shard in batches as a scan makes them."""
    batch: list[str] = []
    chars = 0
    for item in CrawlReader(shard, config.read):
        if not isinstance(item, CrawlDocument):
            sys.exit(f"the input is damaged: {item}")
        batch.append(item.text)
        chars += len(item.text)
        if len(batch) >= config.batch_documents or chars >= config.batch_chars:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def scan(shard: Shard, config: ScanConfig, folder: Path) -> int:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    Ledger(out)
    task = ShardTask(shard, config, str(out), fingerprint(config.to_record()))
    return scan_shard(task, scorer_of(config.score)).rows


def not_installed(file: str) -> str:
    needs = ["datatrove", "orjson"] if "jsonl" in file else ["datatrove", "warcio", "cchardet", "magic"]
    return ", ".join(name for name in needs if find_spec(name) is None)


def datatrove(folder: Path, file: str, config: ScanConfig) -> int:
    """Read with datatrove and score with the same scorer, in this process, and write nothing; return how many documents went in."""
    from assay.corpus.datatrove_block import AssayFilter
    from datatrove.pipeline.readers import JsonlReader, WarcReader

    kind = JsonlReader if "jsonl" in file else WarcReader
    step = AssayFilter(config.score)
    for _ in step.run(kind(str(folder), glob_pattern=file).run(None, 0, 1)):
        pass
    return int(step.stats["total"].total)


def best_of(runs: dict[str, Callable[[], int]], documents: int) -> dict[str, tuple[float, float]]:
    """Return the least CPU and wall seconds of each run, taken in turns after a first round that does not count."""
    best = dict.fromkeys(runs, (float("inf"), float("inf")))
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            found = run()
            took = time.process_time() - cpu, time.perf_counter() - wall
            if found != documents and name != DATATROVE:  # its readers drop some, which is said
                sys.exit(f"{name} found {found} documents of {documents}")
            if number:
                best[name] = min(best[name][0], took[0]), min(best[name][1], took[1])
    return best


def rates(cpu_s: float, wall_s: float, documents: int, mb: float) -> dict[str, float]:
    return {
        "MB/s": round(mb / cpu_s, 3 if mb < cpu_s else 1),
        "documents/s": round(documents / cpu_s),
        "MB/s by the clock": round(mb / wall_s, 3 if mb < wall_s else 1),
        "core-hours for 3e9 documents": round(MONTH / (documents / cpu_s) / 3600),
    }


def peer(texts: list[str]) -> dict[str, float]:
    """Score by `tokenizers` and transformers, a document after the other, without reading or writing; scaled from a sample."""
    backend = load_tokenizer(str(embedded_path())).backend
    settings = WatermarkingConfig(greenlist_ratio=0.25, seeding_scheme="lefthash", context_width=1)
    config = GPT2Config(vocab_size=backend.get_vocab_size(), bos_token_id=0, eos_token_id=0)
    detector = WatermarkDetector(config, "cpu", settings, ignore_repeated_ngrams=True)
    some = texts[:: max(1, len(texts) // PEER_DOCUMENTS)][:PEER_DOCUMENTS]
    begun = time.process_time(), time.perf_counter()
    for text in some:
        ids = backend.encode(text, add_special_tokens=False).ids
        detector(torch.tensor([ids]), return_dict=True)
    took = time.process_time() - begun[0], time.perf_counter() - begun[1]
    return {"sample of documents": len(some), **rates(*took, len(some), crawl_input.size_mb(some))}


class Stages:
    """CPU seconds by stage, each without those inside it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"rest": 0.0}
        self._open = ["rest"]
        self._since = time.process_time()

    def switch(self) -> None:
        """Give the time since the last call to the stage that is open."""
        now = time.process_time()
        stage = self._open[-1]
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """Return a function that opens `stage` while it runs."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self.switch()
            self._open.append(stage)
            try:
                return function(*arguments, **named)
            finally:
                self.switch()
                self._open.pop()

        return timed


def stages(run: Callable[[], int]) -> dict[str, float]:
    """Return the shares of one run, with its functions replaced by timed ones; a clock read a document costs a little too."""
    found, restore = Stages(), []
    for place, stage in STAGES.items():
        module, _, path = place.partition(":")
        owner: Any = importlib.import_module(f"assay.{module}")
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        restore.append((owner, name, getattr(owner, name)))
        setattr(owner, name, found.wrap(getattr(owner, name), stage))
    try:
        run()
        found.switch()
    finally:
        for owner, name, function in restore:
            setattr(owner, name, function)
    whole = sum(found.seconds.values())
    shares = sorted(found.seconds.items(), key=lambda pair: -pair[1])
    return {"seconds": round(whole, 2), **{name: round(s / whole, 3) for name, s in shares}}


if __name__ == "__main__":
    main()
