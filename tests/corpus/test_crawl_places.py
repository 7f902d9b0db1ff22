"""`offset` and `skip` of an item lead back to it in the file: seek, decompress from there, skip, and it begins."""

import gzip
import importlib
import io
import json

import pyarrow as pa
import pytest
import zstandard
from assay.corpus.crawl import CrawlDocument, CrawlReader, ReadOptions
from assay.corpus.scan_rows import build_rows, rows_schema
from assay.corpus.shards import Shard, plan_shards

from .test_crawl import FORMS, lines, lost, put, read, records

lz4 = importlib.import_module("lz4.frame")


def tens(compress):
    return lambda parts: b"".join(compress(b"".join(parts[i : i + 10])) for i in range(0, len(parts), 10))


LAYOUTS = {
    **FORMS,
    "gzip, members of ten": tens(gzip.compress),
    "zstd, frames of ten": tens(zstandard.compress),
    "lz4, frames of ten": tens(lz4.compress),
}


def plain_from(data, offset):
    """Decompress from a byte of the file to its end, by the libraries alone."""
    rest = data[offset:]
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(rest)
    if data[:4] == b"\x04\x22\x4d\x18":
        return lz4.open(io.BytesIO(rest)).read()
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(rest), read_across_frames=True).read()
    if data[:4] == b"\x5d\x2a\x4d\x18":
        trained = zstandard.ZstdCompressionDict(data[8 : 8 + int.from_bytes(data[4:8], "little")])
        reader = zstandard.ZstdDecompressor(dict_data=trained).stream_reader(io.BytesIO(rest), read_across_frames=True)
        return reader.read()
    return rest


@pytest.mark.parametrize("layout", LAYOUTS)
def test_offset_and_skip_lead_to_the_document_in_every_layout(tmp_path, layout):
    for kind, parts in (("warc", records(43)), ("jsonl", lines(43))):
        data = LAYOUTS[layout](parts)
        items, _ = read(put(tmp_path, data), kind)
        assert len(items) == 43
        for item, part in zip(items, parts, strict=True):
            assert 0 <= item.offset < len(data)
            assert plain_from(data, item.offset)[item.skip :].startswith(part)
        assert len({(item.offset, item.skip) for item in items}) == 43
        alone = layout in ("plain", "zstd, dictionary") or "a record" in layout
        assert all(item.skip == 0 for item in items) == alone


def test_shards_of_a_file_give_the_places_in_the_file(tmp_path):
    cuttable = ("warc", "gzip, member a record", records(90)), ("jsonl", "plain", lines(90))
    for kind, form, parts in cuttable:
        data = FORMS[form](parts)
        plan = plan_shards([str(put(tmp_path, data, f"a.{kind}"))], format=kind, shard_bytes=len(data) // 4)
        assert len(plan.shards) > 2
        items = [item for shard in plan.shards for item in CrawlReader(shard, ReadOptions())]
        begins = [len(FORMS[form](parts[:i])) for i in range(90)]
        assert [(item.offset, item.skip) for item in items] == [(begin, 0) for begin in begins]


def test_a_loss_inside_a_member_leads_to_its_record_and_says_both_numbers(tmp_path):
    parts = [b'{"text": "%d"}\n' % i if i % 4 else b"{bad %d\n" % i for i in range(40)]
    for layout in ("gzip, one member", "gzip, members of ten", "zstd, frames of ten"):
        data = LAYOUTS[layout](parts)
        items, _ = read(put(tmp_path, data, "a"), "jsonl")
        for i in range(0, 40, 4):
            item = items[i]
            assert plain_from(data, item.offset)[item.skip :].startswith(parts[i])
            said = f"{item.skip:,} plain bytes into the member at file offset {item.offset:,}"
            assert item.message.endswith(said) == (item.skip > 0)
            assert item.id == (f"a:{item.offset}+{item.skip}" if item.skip else f"a:{item.offset}")


@pytest.mark.parametrize("kind", ["warc", "jsonl"])
def test_damage_inside_a_member_is_placed_where_the_record_it_spoils_begins(tmp_path, kind):
    parts = (records if kind == "warc" else lines)(400)
    whole = gzip.compress(b"".join(parts), mtime=0)
    first = gzip.compress(parts[0], mtime=0)
    data = first + whole[: len(whole) * 2 // 3]
    items, _ = read(put(tmp_path, data), kind)
    loss = items[-1]
    read_before = len(items) - 2  # of the cut member
    assert lost(items) == [(len(first), "truncated", False)]
    assert loss.skip == sum(map(len, parts[:read_before]))


def test_ids_by_place_do_not_meet_where_a_skip_equals_a_later_offset(tmp_path):
    """Two records in the first member, the second of which begins as many plain bytes in as the member is long."""
    for pad in range(2000):
        part = json.dumps({"text": "a" * pad}).encode() + b"\n"
        member = gzip.compress(part + b'{"text": "b"}\n', mtime=0)
        if len(part) == len(member):
            break
    else:
        pytest.fail("no such member")
    items, _ = read(put(tmp_path, member + gzip.compress(b'{"text": "c"}\n'), "a"), "jsonl")
    n = len(member)
    assert [item.id for item in items] == ["a:0", f"a:0+{n}", f"a:{n}"]


def test_the_rows_of_a_scan_hold_both_numbers_of_documents_and_losses(tmp_path):
    parts = lines(3)
    parts[1] = b"{bad\n"
    items, _ = read(put(tmp_path, gzip.compress(b"".join(parts)), "a"), "jsonl")
    scored = pa.RecordBatch.from_pydict({"verdict": ["detected"] * 2, "error": [""] * 2})
    schema = rows_schema(scored.schema)
    assert schema.names[:6] == ["row", "id", "file", "offset", "skip", "host"]
    rows = build_rows(items, 5, "a", scored, schema)
    assert rows.column("offset").to_pylist() == [0, 0, 0]
    assert rows.column("skip").to_pylist() == [0, len(parts[0]), len(parts[0]) + len(parts[1])]
    assert rows.column("row").to_pylist() == [5, 6, 7]


def test_a_position_in_a_plain_file_is_a_byte_of_it(tmp_path):
    parts = records(9)
    reader = CrawlReader(Shard(0, str(put(tmp_path, b"".join(parts))), "warc", 0), ReadOptions())
    for i, item in enumerate(reader):
        assert isinstance(item, CrawlDocument)
        assert (item.offset, item.skip) == (sum(map(len, parts[:i])), 0)
        if i < 8:
            at = item.offset + len(parts[i])
            assert reader.position() == {"member": at, "skip": 0, "total": at, "passed": {}}
