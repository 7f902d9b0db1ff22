"""What a run says: how far it is, what was lost, and what to do about a shard that could not be finished."""

import time
from pathlib import Path
from typing import Any

from assay.corpus.ledger import Ledger
from assay.corpus.scan_ending import advice, losses, refused_by_name
from assay.corpus.scan_progress import Progress, shard_bytes
from assay.corpus.shards import Plan, Shard, plan_shards

from .scan_cases import make_shards


def mark_done(ledger: Ledger, name: str, **counts: Any) -> None:
    whole = {"documents": 0, "not_sampled": 0, "lost": {}, "losses": [], **counts}
    ledger.write("done", name, {"shard": {"path": f"in/{name}"}, "counts": whole})


def test_losses_are_summed_over_shards_and_the_first_of_the_plan_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    mark_done(ledger, "a", documents=5)
    mark_done(ledger, "b", lost={"bad_json": 2, "too_big": 1}, losses=[{"offset": 7, "message": "not JSON"}])
    mark_done(ledger, "c", lost={"bad_json": 1001}, losses=[{"offset": 1, "message": "other"}])
    found = losses(ledger, ["a", "b", "c", "unfinished"])
    line = "1,004 items could not be read: bad_json 1,003, too_big 1; first: in/b:7 not JSON; all there"
    assert found.line("all there") == line
    assert not found.nothing_read
    assert losses(ledger, ["a"]).line("all there") == ""
    assert losses(ledger, ["b"]).nothing_read


def test_documents_that_the_sample_leaves_out_were_read(tmp_path: Path) -> None:
    mark_done(Ledger(tmp_path), "a", not_sampled=3, lost={"bad_json": 1}, losses=[{"offset": 0, "message": "x"}])
    assert not losses(Ledger(tmp_path), ["a"]).nothing_read


def test_the_advice_depends_on_what_the_input_is_now(tmp_path: Path) -> None:
    inputs = make_shards(tmp_path / "in", 4, 3)
    plan = plan_shards([str(inputs)])
    (inputs / "part0.jsonl").unlink()
    (inputs / "part1.jsonl").write_text("other\n")
    failed = {shard.name: "it failed" for shard in plan.shards[:3]}
    gone, changed, again = advice(plan.shards, failed)
    assert "part0.jsonl is gone; give the file back" in gone
    assert "part1.jsonl has changed" in changed
    assert (
        again
        == "1 shard could not be finished, 00002-part2.jsonl first: it failed; all others are; the same command tries them again"
    )


def test_only_files_that_were_named_are_missed(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.4")
    named, found = str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf")
    plan = Plan((), ((named, "a PDF"), (found, "a PDF")))
    assert refused_by_name([named, str(tmp_path), str(tmp_path / "*.pdf")], plan) == [(named, "a PDF")]


def test_the_bytes_of_a_divided_file_are_those_of_the_file() -> None:
    lines = [Shard(i, "a.jsonl", "jsonl", 90, start, stop) for i, (start, stop) in enumerate([(0, 40), (40, None)])]
    groups = [Shard(2 + i, "b.parquet", "parquet", 90, i, i + 1) for i in range(3)]
    whole = [Shard(5, "c.parquet", "parquet", 33)]
    assert list(shard_bytes([*lines, *groups, *whole]).values()) == [40, 50, 30, 30, 30, 33]


def test_the_bytes_of_many_row_groups_are_known_at_once() -> None:
    """Counting a file's shards anew for each of them took 20,000 x 20,000 steps: half a minute."""
    shards = [Shard(i, "b.parquet", "parquet", 10**9, i, i + 1) for i in range(20_000)]
    begun = time.process_time()
    assert sum(shard_bytes(shards).values()) == 10**9
    assert time.process_time() - begun < 3


def test_off_a_terminal_progress_is_a_line_now_and_then(tmp_path: Path) -> None:
    """Ten documents of 50 characters in the first of two like shards: half the bytes are done, so as long again is left."""
    shards = [Shard(i, f"{i}.jsonl", "jsonl", 1000) for i in range(2)]
    ledger, said = Ledger(tmp_path), list[str]()
    with Progress(ledger, shards, shard_bytes(shards), said.append, every_s=(0.2, 60.0)) as progress:
        ledger.write("timing", shards[0].name, {"seconds": 1.0, "documents": 10, "chars": 500, "file_bytes": 1000})
        progress.update([])
        assert said == []
        progress.finish(shards[0])
        time.sleep(0.25)
        progress.update([])
        progress.update([])
    assert len(said) == 1
    assert said[0].startswith("10 documents, ")
    assert said[0].endswith("MB/s of text, 1 of 2 shards done, about 0 s left")
