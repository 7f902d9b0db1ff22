"""Rows of Parquet are documents with their number; a row group can be lost, and reading be entered inside one."""

import pyarrow as pa
import pyarrow.parquet as pq
from assay.corpus.crawl import CrawlDocument, CrawlReader, Lost, ReadOptions
from assay.corpus.shards import Shard


def read(path, kind, position=None):
    reader = CrawlReader(Shard(0, str(path), kind, 0), ReadOptions(), position)
    return list(reader), reader


def good(items):
    return [item for item in items if isinstance(item, CrawlDocument)]


def lost(items):
    return [(item.offset, item.reason, item.row) for item in items if isinstance(item, Lost)]


def test_parquet_rows_carry_their_number_and_are_resumed_inside_a_row_group(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table(
        {"text": [f"t{i}" if i % 5 else None for i in range(700)], "url": [f"http://h/{i}" for i in range(700)]}
    )
    pq.write_table(table, path, row_group_size=300)
    items, _ = read(path, "parquet")
    assert [item.offset for item in items] == list(range(700))
    assert {item.text for item in good(items)} == {f"t{i}" for i in range(700) if i % 5}
    assert lost(items) == [(i, "no_text_field", True) for i in range(0, 700, 5)]
    assert items[1].url == "http://h/1"
    reader = CrawlReader(Shard(0, str(path), "parquet", 0), ReadOptions())
    for k, _ in enumerate(reader, 1):
        if k % 37 == 0 or k in (299, 300, 301):
            assert read(path, "parquet", reader.position())[0] == items[k:], k


def test_parquet_without_the_field_is_one_loss_a_row_group(tmp_path):
    pq.write_table(pa.table({"body": ["a", "b", "c"]}), tmp_path / "a", row_group_size=2)
    items, _ = read(tmp_path / "a", "parquet")
    assert lost(items) == [(0, "no_text_field", False), (2, "no_text_field", False)]
    assert '2 rows from row 0 have no column "text", got "body"' in items[0].message


def test_a_damaged_row_group_is_lost_and_the_next_one_read(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text {i} " * 30 for i in range(300)]})
    pq.write_table(table, path, row_group_size=100, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = bytes(40)
    path.write_bytes(data)
    items, _ = read(path, "parquet")
    assert [item.offset for item in good(items)] == [*range(100), *range(200, 300)]
    assert lost(items) == [(100, "damaged_row_group", False)]
