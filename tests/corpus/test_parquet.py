"""Parquet rows are documents too: typed fields are kept, and a broken row or file is reported like a broken line."""

import datetime
import decimal
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.corpus.documents import Document, Unreadable, read_documents
from assay.corpus.prompts import read_prompts
from assay.corpus.writer import JsonLinesWriter
from assay.errors import DataError

STAMP = datetime.datetime(2026, 8, 2, 12, 30, tzinfo=datetime.UTC)


def parquet(tmp_path, columns, name="in.parquet", **options):
    path = str(tmp_path / name)
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_rows_keep_their_other_columns_and_count_from_1(tmp_path):
    path = parquet(tmp_path, {"id": [5, None], "text": ["a", ""], "meta": [{"k": [1.5]}, None], "seen": [STAMP, None]})
    first, second = read_documents(path)
    assert first == Document("5", "a", {"meta": {"k": [1.5]}, "seen": STAMP}, f"{path}:row 1")
    assert second == Document("in.parquet:2", "", {"meta": None, "seen": None}, f"{path}:row 2")


def test_all_row_groups_are_read_in_order_whatever_the_name(tmp_path):
    path = parquet(tmp_path, {"text": [str(i) for i in range(1000)]}, name="in.jsonl", row_group_size=300)
    assert [item.text for item in read_documents(path)] == [str(i) for i in range(1000)]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_every_arrow_string_is_text(tmp_path, kind):
    path = parquet(tmp_path, {"text": pa.array(["a", "b"]).cast(kind)})
    assert [item.text for item in read_documents(path)] == ["a", "b"]


def test_a_row_without_text_is_reported_and_the_next_is_read(tmp_path):
    path = parquet(tmp_path, {"text": ["a", None, "c"]})
    first, second, third = read_documents(path)
    assert (first.text, third.text) == ("a", "c")
    assert second == Unreadable(
        f"{path}:row 2", 'field "text" must be a string, got null; repair the record', "in.parquet:2"
    )


def test_a_row_that_is_not_utf8_is_reported_and_the_others_are_read(tmp_path):
    broken = pa.StringArray.from_buffers(
        3, pa.array([0, 1, 3, 4], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff\xfec")
    )
    path = parquet(tmp_path, {"text": broken})
    first, second, third = read_documents(path)
    assert (first.text, third.text) == ("a", "c")
    assert second.place == f"{path}:row 2"
    assert "byte 0xff at byte 1 of a string" in second.message


def test_a_time_that_python_cannot_hold_costs_its_row_only(tmp_path):
    path = parquet(tmp_path, {"text": ["a", "b"], "t": pa.array([1000, 1001], pa.timestamp("ns"))})
    items = list(read_documents(path))
    if isinstance(items[1], Unreadable):  # with pandas installed pyarrow can hold it
        assert items[0].text == "a"
        assert "Nanosecond" in items[1].message
        assert "\n" not in items[1].message


def test_a_missing_column_is_one_error_that_names_those_there_are(tmp_path):
    path = parquet(tmp_path, {"body": ["a"], "url": ["u"]})
    with pytest.raises(DataError, match=r'no column "text", got "body", "url"'):
        read_documents(path)
    with pytest.raises(DataError, match=r'no column "prompt" or "messages" or "text"'):
        read_prompts(path)


def test_a_cut_file_is_refused_at_the_call_in_one_line(tmp_path):
    path = parquet(tmp_path, {"text": ["a"] * 1000})
    with open(path, "r+b") as file:
        file.truncate(300)
    with pytest.raises(DataError, match="not a whole Parquet file") as caught:
        read_documents(path)
    assert "\n" not in str(caught.value)


def test_a_corrupt_page_ends_the_file_after_the_rows_before_it(tmp_path):
    path = parquet(tmp_path, {"text": [f"{i:050}" for i in range(600)]}, row_group_size=200, compression="zstd")
    start = pq.read_metadata(path).row_group(1).column(0).dictionary_page_offset
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 64)
    items = list(read_documents(path))
    good = [item for item in items if isinstance(item, Document)]
    assert len(good) == len(items) - 1
    assert 128 <= len(good) <= 200
    assert items[-1].place == f"{path}:row {len(good) + 1}"
    assert "all after it are lost" in items[-1].message


def test_parquet_in_a_stream_is_refused(tmp_path):
    path = parquet(tmp_path, {"text": ["a"]})
    with open(path, "rb") as file, pytest.raises(DataError, match="in a stream"):
        read_documents("-", stdin=file)
    packed = tmp_path / "packed.parquet"
    with open(path, "rb") as file:
        packed.write_bytes(gzip.compress(file.read(), mtime=0))
    with pytest.raises(DataError, match="in a stream"):
        read_documents(str(packed))


def test_what_parquet_holds_and_json_does_not_is_written_in_a_plain_form(tmp_path):
    columns = {
        "text": ["a"],
        "time": [STAMP],
        "day": [STAMP.date()],
        "price": [decimal.Decimal("1.50")],
        "raw": [b"\x00\xff"],
        "nan": [float("nan")],
    }
    (document,) = read_documents(parquet(tmp_path, columns))
    out = io.BytesIO()
    with JsonLinesWriter("-", stdout=out) as writer:
        writer.write({"id": document.id, **document.fields})
    assert json.loads(out.getvalue()) == {
        "id": "in.parquet:1",
        "time": "2026-08-02T12:30:00+00:00",
        "day": "2026-08-02",
        "price": "1.50",
        "raw": "AP8=",
        "nan": None,
    }


def test_prompts_come_from_parquet(tmp_path):
    chat = [[{"role": "user", "content": "hi"}], None]
    first, second = read_prompts(parquet(tmp_path, {"prompt": chat, "text": [None, "plain"]}))
    assert first.messages == ({"role": "user", "content": "hi"},)
    assert second.text == "plain"
