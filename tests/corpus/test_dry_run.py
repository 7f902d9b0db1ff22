"""A dry run estimates from the real work on a sample: what a scan then does is near it."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.corpus.dry_run import dry_run
from assay.corpus.ledger import Ledger
from assay.corpus.scan_config import ScanConfig
from assay.corpus.shards import plan_shards

from .scan_cases import config_of, english, make_mark


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ScanConfig:
    return config_of(make_mark(tmp_path_factory.mktemp("mark")), segment_documents=20_000, batch_documents=64)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards of 100, 100, 600 documents, the last ones long: the one in the middle is like the first, not the last."""
    folder = tmp_path_factory.mktemp("in")
    draw = random.Random(1)
    for s, (documents, sentences) in enumerate([(100, 4), (100, 4), (600, 24)]):
        lines = [json.dumps({"id": f"{s}-{i}", "text": english(draw, sentences)}) for i in range(documents)]
        (folder / f"part{s}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_documents_are_those_of_all_sizes_of_shards(config: ScanConfig, inputs: Path, tmp_path: Path) -> None:
    """800 by reading; by the middle shard alone, of a quarter of the bytes a document, it would be about 3,700."""
    found = dry_run(plan_shards([str(inputs)]), config, 2, ledger=Ledger(tmp_path / "out"))
    assert found.estimated_documents is not None
    assert 700 <= found.estimated_documents <= 900
    assert found.file_bytes == sum(path.stat().st_size for path in inputs.iterdir())
    assert not (tmp_path / "out").exists()


def test_a_limit_a_share_and_a_sample_make_it_less(config: ScanConfig, inputs: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    plan, ledger = plan_shards([str(inputs)]), Ledger(tmp_path / "out")
    assert dry_run(plan, replace(config, limit=50), 2, ledger=ledger).estimated_documents == 50
    second = dry_run(plan, config, 2, ledger=ledger, index=1, of=3)
    assert (second.shards, second.files, second.estimated_documents) == (1, 1, 100)
    sampled = dry_run(plan, replace(config, sample=0.25), 2, ledger=ledger).estimated_documents
    assert sampled is not None
    assert 100 <= sampled <= 320


def test_each_format_has_its_own_rate(config: ScanConfig, inputs: Path, tmp_path: Path) -> None:
    draw = random.Random(2)
    table = pa.table({"text": [english(draw, 4) for _ in range(300)]})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=50)
    plan = plan_shards([str(inputs / "part0.jsonl"), str(tmp_path / "x.parquet")], shard_bytes=5_000)
    assert len([shard for shard in plan.shards if shard.format == "parquet"]) > 1
    found = dry_run(plan, config, 1, ledger=Ledger(tmp_path / "out"))
    assert found.estimated_documents is not None
    assert 330 <= found.estimated_documents <= 470


def test_what_is_finished_is_not_counted_again(config: ScanConfig, inputs: Path, tmp_path: Path) -> None:
    plan, ledger = plan_shards([str(inputs)]), Ledger(tmp_path / "out")
    ledger.write("done", plan.shards[2].name, {})
    found = dry_run(plan, config, 1, ledger=ledger)
    assert (found.shards, found.shards_finished, found.estimated_documents) == (3, 1, 200)
