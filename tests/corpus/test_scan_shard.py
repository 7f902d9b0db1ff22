"""A shard is scanned once, completely, and to the same bytes however often it is interrupted."""

import gzip
import hashlib
import io
import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from assay.corpus.claim import READING, SCORING, Claim
from assay.corpus.durable import write_json
from assay.corpus.scan_columns import BatchScorer
from assay.corpus.scan_shard import scan_shard
from assay.corpus.scan_task import ShardTask
from assay.corpus.shards import plan_shards
from assay.errors import DataError

from .scan_cases import config_of, done, english, make_mark, make_shards, outputs, tasks_of

BROKEN = {(0, 17): "{broken", (0, 40): '{"id": "no text"}'}


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mark(tmp_path_factory.mktemp("mark"))


@pytest.fixture(scope="module")
def scorer(mark: Path) -> BatchScorer:
    return BatchScorer(config_of(mark).score)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("in") / "documents", 1, special=BROKEN)


class Interrupted(BaseException):
    """What a kill is to a test in one process: nothing after it runs."""


class Interrupting:
    """A real scorer that goes away at its n-th call."""

    def __init__(self, real: BatchScorer, at: int) -> None:
        self.schema, self.detectors, self.options = real.schema, real.detectors, real.options
        self._real, self._left = real, at

    def score(self, texts: Sequence[str], *rest: Any) -> Any:
        if self._left == 0:
            raise Interrupted
        self._left -= 1
        return self._real.score(texts, *rest)


def one(inputs: Path, mark: Path, out: Path, **settings: Any) -> ShardTask:
    return tasks_of(inputs, config_of(mark, **settings), out)[0]


def jsonl(data: bytes) -> list[dict[str, Any]]:
    """zstd with several frames, or gzip with several members."""
    if data[:2] == b"\x1f\x8b":
        text = gzip.decompress(data)
    else:
        text = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_has_its_row_in_order_and_what_is_broken_says_why(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    task = one(inputs, mark, tmp_path / "out")
    assert scan_shard(task, scorer).rows == 100
    rows = pq.read_table(tmp_path / "out/rows" / f"{task.shard.name}.parquet").to_pylist()
    lines = (inputs / "part0.jsonl").read_text().splitlines(keepends=True)
    offset = 0
    for i, (row, line) in enumerate(zip(rows, lines, strict=True)):
        assert (row["row"], row["offset"], row["file"]) == (i, offset, str(inputs / "part0.jsonl"))
        if (0, i) in BROKEN:
            assert row["verdict"] == "abstain"
            assert row["hash"] is None
        else:
            document = json.loads(line)
            assert row["id"] == document["id"]
            assert row["hash"] == hashlib.blake2b(document["text"].encode(), digest_size=16).digest()
        offset += len(line)
    assert rows[17]["error"].startswith("bad_json: ")
    assert rows[40]["error"].startswith("no_text_field: ")
    counts = done(tmp_path / "out", task.shard.name)["counts"]
    assert (counts["documents"], counts["rows"], counts["lost"]) == (98, 100, {"bad_json": 1, "no_text_field": 1})


@pytest.mark.parametrize("at", [0, 1, 3, 4, 5, 9, 12])
def test_an_interrupted_shard_ends_with_the_same_bytes(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path, at: int
) -> None:
    extras = {"keep": ("not_detected",), "sidecar": "assay"}
    whole, halted = (
        replace(one(inputs, mark, tmp_path / name, **extras), attributes="part0.jsonl.gz") for name in ("a", "b")
    )
    scan_shard(whole, scorer)
    with pytest.raises(Interrupted):
        scan_shard(halted, Interrupting(scorer, at))
    assert not (tmp_path / "b/done").exists()
    with pytest.raises(Interrupted):
        scan_shard(halted, Interrupting(scorer, 1))
    scan_shard(halted, scorer)
    assert len(outputs(tmp_path / "a")) == 5
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b")
    assert not list((tmp_path / "b/parts").iterdir())


def test_what_segments_were_finished_is_not_scored_again(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    """100 lines in segments of 30 and batches of 8 are 4 + 4 + 4 + 2 calls; eight make two segments."""
    task = one(inputs, mark, tmp_path / "out")
    with pytest.raises(Interrupted):
        scan_shard(task, Interrupting(scorer, 9))
    scan_shard(task, Interrupting(scorer, 6))
    assert done(tmp_path / "out", task.shard.name)["counts"]["rows"] == 100


def test_a_finished_shard_is_left_alone_even_without_its_input(mark: Path, scorer: BatchScorer, tmp_path: Path) -> None:
    task = one(make_shards(tmp_path / "in", 1, 9), mark, tmp_path / "out")
    scan_shard(task, scorer)
    before = outputs(tmp_path / "out")
    (tmp_path / "in/part0.jsonl").unlink()
    assert scan_shard(task, Interrupting(scorer, 0)).state == "done"
    assert outputs(tmp_path / "out") == before


def test_an_input_that_changed_or_vanished_is_refused(mark: Path, scorer: BatchScorer, tmp_path: Path) -> None:
    task = one(make_shards(tmp_path / "in", 1, 9), mark, tmp_path / "out")
    make_shards(tmp_path / "in", 1, 10)
    with pytest.raises(DataError, match="has changed since the scan began"):
        scan_shard(task, scorer)
    (tmp_path / "in/part0.jsonl").unlink()
    with pytest.raises(DataError, match=r"part0\.jsonl"):
        scan_shard(task, scorer)
    assert not (tmp_path / "out/done").exists()


def test_a_shard_that_another_run_has_is_busy(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.corpus.scan_shard._LOCK_WAIT_S", 0.1)
    task = one(inputs, mark, tmp_path / "out")
    claim = Claim.take(tmp_path / "out/claims", task.shard.name)
    assert claim is not None
    with claim:
        assert scan_shard(task, scorer).state == "busy"
    assert scan_shard(task, scorer).state == "done"


def test_the_sample_is_the_same_however_the_file_is_divided(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    config = config_of(mark, sample=0.4)
    found: list[set[str]] = []
    for name, size in (("a", None), ("b", 9_000)):
        ids: list[str] = []
        shards = plan_shards([str(inputs)], shard_bytes=size).shards
        for shard in shards:
            scan_shard(ShardTask(shard, config, str(tmp_path / name), ""), scorer)
            table = pq.read_table(tmp_path / name / "rows" / f"{shard.name}.parquet")
            ids += [row["id"] for row in table.to_pylist() if row["hash"] is not None]
        assert len(ids) == len(set(ids))
        assert (size is None) == (len(shards) == 1)
        found.append(set(ids))
    assert found[0] == found[1]
    assert 20 <= len(found[0]) <= 60  # of 98 at 0.4: outside with a chance of 1e-4


def test_documents_that_share_an_id_are_sampled_one_by_one(mark: Path, scorer: BatchScorer, tmp_path: Path) -> None:
    """All or none of 60 would be taken if the id alone decided; outside 12 to 48 of 60 at 0.5 has a chance of 1e-6."""
    same = {(0, i): json.dumps({"id": "same", "text": f"document {i} says nothing much"}) for i in range(60)}
    inputs = make_shards(tmp_path / "in", 1, 60, special=same)
    (task,) = tasks_of(inputs, config_of(mark, sample=0.5), tmp_path / "out")
    scan_shard(task, scorer)
    assert 12 <= pq.read_table(tmp_path / "out" / "rows" / f"{task.shard.name}.parquet").num_rows <= 48


def test_kept_and_dropped_are_the_documents_themselves(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    task = one(inputs, mark, tmp_path / "out", keep=("not_detected",))
    scan_shard(task, scorer)
    kept, dropped = (
        jsonl((tmp_path / "out" / kind / f"{task.shard.name}.jsonl.zst").read_bytes()) for kind in ("kept", "dropped")
    )
    lines = (inputs / "part0.jsonl").read_text().splitlines()
    wanted = [json.loads(line) for i, line in enumerate(lines) if (0, i) not in BROKEN]
    assert sorted(kept + [one for one in dropped if "text" in one], key=lambda d: int(d["n"])) == wanted
    assert {one["assay"]["error"].partition(":")[0] for one in dropped} == {"bad_json", "no_text_field"}


def test_a_lone_surrogate_costs_its_document_only(mark: Path, scorer: BatchScorer, tmp_path: Path) -> None:
    special = {(0, 3): '{"id": "bad \\ud800", "text": "half a \\ud83d pair"}'}
    task = one(
        make_shards(tmp_path / "in", 1, 9, special=special), mark, tmp_path / "out", keep=("not_detected",), sidecar="x"
    )
    scan_shard(replace(task, attributes="part0.jsonl.gz"), scorer)
    rows = pq.read_table(tmp_path / "out/rows" / f"{task.shard.name}.parquet").to_pylist()
    assert [row["row"] for row in rows if row["error"]] == [3]
    assert len(jsonl((tmp_path / "out/attributes/x/part0.jsonl.gz").read_bytes())) == 9


def test_attributes_stand_line_by_line_beside_the_documents(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    task = replace(one(inputs, mark, tmp_path / "out", sidecar="exp"), attributes="part0.jsonl.gz")
    scan_shard(task, scorer)
    lines = jsonl((tmp_path / "out/attributes/exp/part0.jsonl.gz").read_bytes())
    rows = pq.read_table(tmp_path / "out/rows" / f"{task.shard.name}.parquet").to_pylist()
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        p = row["greenlist:mark.log10_p"]
        assert line["attributes"]["assay__greenlist_mark__log10_p"] == ([] if p is None else [[0, row["n_chars"], p]])


def test_attributes_keep_their_lines_where_a_row_group_is_damaged(
    mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    """150 rows in three groups, the middle one overwritten: 150 lines, the 50 in the middle say nothing."""
    path = tmp_path / "in.parquet"
    draw = random.Random(3)
    table = pa.table({"id": [str(i) for i in range(150)], "text": [english(draw) for _ in range(150)]})
    pq.write_table(table, path, row_group_size=50, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * column.total_compressed_size)
    config = config_of(mark, sidecar="exp")
    shard = plan_shards([str(path)]).shards[0]
    scan_shard(ShardTask(shard, config, str(tmp_path / "out"), "", attributes="in.jsonl.gz"), scorer)
    lines = jsonl((tmp_path / "out/attributes/exp/in.jsonl.gz").read_bytes())
    assert len(lines) == 150
    assert [line["id"] for line in lines[:50] + lines[100:]] == [str(i) for i in [*range(50), *range(100, 150)]]
    for line in lines[50:100]:
        assert set(map(str, line["attributes"].values())) == {"[]"}
    assert sum(done(tmp_path / "out", shard.name)["counts"]["lost"].values()) == 50


@pytest.mark.parametrize("phase", [READING, SCORING])
def test_a_document_that_hung_a_worker_is_left_out_and_counted(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path, phase: int
) -> None:
    task = one(inputs, mark, tmp_path / "out")
    (tmp_path / "out/claims").mkdir(parents=True)
    write_json(tmp_path / "out/claims" / f"{task.shard.name}.json", {"hung": [[phase, 33, 34]], "died": []})
    scan_shard(task, scorer)
    rows = pq.read_table(tmp_path / "out/rows" / f"{task.shard.name}.parquet").to_pylist()
    assert [row["row"] for row in rows if row["error"].startswith("timeout")] == [33]
    assert [row["row"] for row in rows] == list(range(100))
    assert sum(row["hash"] is not None for row in rows) == 97
    assert done(tmp_path / "out", task.shard.name)["counts"]["lost"]["timeout"] == 1


def test_a_stack_trace_left_by_the_watchdog_makes_a_time_out_of_a_death(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    task = one(inputs, mark, tmp_path / "out")
    claims = tmp_path / "out/claims"
    with pytest.raises(Interrupted):
        scan_shard(task, Interrupting(scorer, 0))
    claim = Claim.take(claims, task.shard.name)
    assert claim is not None
    (claims / f"{task.shard.name}.stack").write_text("Timeout (0:01:00)!")
    with claim:
        claim.begin(after_death=True, watched=False)
        assert claim.trouble.hung == ()  # it ended by an exception, not in anybody's hands
    assert not (claims / f"{task.shard.name}.stack").exists()


def test_a_limit_takes_the_first_documents(inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path) -> None:
    task = replace(one(inputs, mark, tmp_path / "out"), limit=25)
    assert scan_shard(task, scorer).rows == 25
    rows = pq.read_table(tmp_path / "out/rows" / f"{task.shard.name}.parquet").to_pylist()
    assert rows[-1]["id"] == "0-24"


def test_no_key_stands_in_anything_that_is_written(
    inputs: Path, mark: Path, scorer: BatchScorer, tmp_path: Path
) -> None:
    secret = mark.with_suffix(".key").read_text().strip().splitlines()[-1]
    task = one(inputs, mark, tmp_path / "out")
    scan_shard(task, scorer)
    assert len(secret) >= 32
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), os.fspath(path)
    assert secret not in json.dumps(task.config.to_record())
