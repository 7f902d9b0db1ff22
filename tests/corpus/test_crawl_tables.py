"""Rows of Parquet are documents with their number; a row group can be lost, and reading be entered inside one."""

import itertools
import tracemalloc

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


def resumes(path, items, at):
    reader = CrawlReader(Shard(0, str(path), "parquet", 0), ReadOptions())
    for k, _ in enumerate(reader, 1):
        if k in at:
            assert read(path, "parquet", reader.position())[0] == items[k:], k


def test_parquet_without_the_field_is_a_loss_a_row_and_reads_no_data(tmp_path):
    path = tmp_path / "a"
    pq.write_table(pa.table({"body": ["a", "b", "c"]}), path, row_group_size=2)
    items, _ = read(path, "parquet")
    assert lost(items) == [(i, "no_text_field", True) for i in range(3)]
    assert [item.id for item in items] == ["a:0", "a:1", "a:2"]
    assert 'no column "text", got "body"' in items[0].message
    resumes(path, items, range(4))
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(b"PAR1" + bytes(footer - 4) + data[footer:])
    assert read(path, "parquet")[0] == items


def damaged(path, rows=300, group=100):
    """Write rows of which those of the second row group cannot be read."""
    table = pa.table({"text": [f"text {i} " * 30 for i in range(rows)]})
    pq.write_table(table, path, row_group_size=group, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = bytes(40)
    path.write_bytes(data)
    return path


def test_each_row_of_a_damaged_row_group_is_lost_and_the_next_group_is_read(tmp_path):
    path = damaged(tmp_path / "a.parquet")
    items, _ = read(path, "parquet")
    assert [item.offset for item in items] == list(range(300))
    assert [item.offset for item in good(items)] == [*range(100), *range(200, 300)]
    assert lost(items) == [(i, "damaged_row_group", True) for i in range(100, 200)]
    assert [item.id for item in items[100:200]] == [f"a.parquet:{i}" for i in range(100, 200)]
    resumes(path, items, (99, 100, 101, 150, 199, 200))


def test_rows_behind_a_damaged_page_are_lost_and_those_before_it_kept(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": [f"text {i} " * 30 for i in range(4000)]}),
        path,
        use_dictionary=False,
        compression="none",
        data_page_size=1 << 16,
        write_page_checksum=True,
    )
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(data)
    items, _ = read(path, "parquet")
    assert [item.offset for item in items] == list(range(4000))
    kept = len(good(items))
    assert 500 < kept < 2100
    assert lost(items) == [(i, "damaged_row_group", True) for i in range(kept, 4000)]
    assert f"from row {kept:,} on" in items[-1].message
    resumes(path, items, (kept - 1, kept, kept + 1, 3999))


def varint(number):
    """Return a number as the footer of Parquet holds it (Thrift compact protocol, zigzag)."""
    number *= 2
    low = []
    while number > 127:
        low.append(number & 127 | 128)
        number >>= 7
    return bytes([*low, number])


def test_a_footer_that_promises_more_rows_than_there_are_is_said_and_not_waited_for(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {i}" for i in range(5000)]}), path, use_dictionary=False)
    data = path.read_bytes()
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for promised, losses in (
        (5003, [(i, "damaged_row_group", True) for i in range(5000, 5003)]),
        (10**15, [(5000, "damaged_row_group", False)]),
    ):
        footer = data[begin:-8].replace(varint(5000), varint(promised))
        path.write_bytes(data[:begin] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
        items, _ = read(path, "parquet")
        assert len(good(items)) == 5000
        assert lost(items) == losses


def test_memory_stays_flat_over_many_lost_rows(tmp_path):
    pq.write_table(pa.table({"body": pa.nulls(400_000, pa.string())}), tmp_path / "a")
    reader = CrawlReader(Shard(0, str(tmp_path / "a"), "parquet", 0), ReadOptions())
    reader_items = iter(reader)
    next(reader_items)
    tracemalloc.start()
    try:
        assert sum(1 for _ in itertools.islice(reader_items, 100_000)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert sum(1 for _ in reader_items) == 299_999
