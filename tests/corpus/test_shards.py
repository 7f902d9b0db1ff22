"""Inputs become shards by content: mixed folders are refused, odd files named, and no cut loses or doubles a document."""

import gzip
import json
import os
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from assay.corpus.crawl import CrawlDocument, CrawlReader, Lost, ReadOptions
from assay.corpus.shards import Shard, expand, plan_shards
from assay.errors import DataError

RNG = random.Random(1)
WORDS = [f"w{i}" for i in range(500)]


def text(i):
    return f"document {i} " + " ".join(RNG.choices(WORDS, k=RNG.randint(3, 200)))


def warc(i, body=None, kind="conversion"):
    body = text(i).encode() if body is None else body
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <{i}>\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body + b"\r\n\r\n"


LINE = json.dumps({"text": "words"}).encode() + b"\n"


def put(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return str(folder)


def texts(plan):
    items = [item for shard in plan.shards for item in CrawlReader(shard, ReadOptions())]
    assert not [item for item in items if isinstance(item, Lost)]
    return [item.text for item in items if isinstance(item, CrawlDocument)]


def test_content_tells_the_format_under_any_name(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "parquet.txt")
    made = {
        "warc": {
            "a.jsonl": warc(0),
            "b.gz": warc(0),
            "c": gzip.compress(warc(0)),
            "d.wet": zstandard.compress(warc(0)),
        },
        "jsonl": {"e.warc.gz": LINE, "f.txt": gzip.compress(b"not json\n" + LINE), "g": b"\xef\xbb\xbf" + LINE},
        "arc": {"h": b"filedesc://x 0.0.0.0 20080101000000 text/plain 2\n1\n"},
        "text": {"i.warc": b"Only words.", "j": "grüße".encode() * 9000},
    }
    for files in made.values():
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
    plan = plan_shards([str(tmp_path)], format="any")
    told = {os.path.basename(shard.path): shard.format for shard in plan.shards}
    assert told == {name: kind for kind, files in made.items() for name in files} | {"parquet.txt": "parquet"}


def test_a_folder_that_mixes_formats_is_refused_in_one_line(tmp_path):
    folder = put(tmp_path / "in", a=warc(0), b=warc(1), c=LINE, README=b"words")
    for given in (folder, folder + "/*"):
        with pytest.raises(DataError) as caught:
            plan_shards([given])
        assert str(caught.value) == (
            f"{given} mixes formats: 2 warc, 1 jsonl; name one with --format, or --format any to read all"
        )
    assert [shard.format for shard in plan_shards([folder], format="any").shards] == ["text", "warc", "warc", "jsonl"]
    plan = plan_shards([folder], format="warc")
    assert [shard.format for shard in plan.shards] == ["warc", "warc"]
    assert dict(plan.refused) == {f"{folder}/c": "jsonl, expected warc", f"{folder}/README": "text, expected warc"}
    named = plan_shards([f"{folder}/a", f"{folder}/c"])
    assert [shard.format for shard in named.shards] == ["warc", "jsonl"]  # each was named: no accident


def test_files_that_are_no_input_are_named_with_the_reason(tmp_path):
    folder = put(
        tmp_path / "in",
        a=warc(0),
        README__md=b"# Words",
        doc__pdf=b"%PDF-1.4\n",
        empty=b"",
        noise=bytes(range(256)) * 9,
        utf16=("\ufeff" + "words").encode("utf-16-le"),
        _SUCCESS=b"",
        cut__gz=gzip.compress(b"")[:9],
    )
    put(tmp_path / "in" / ".hidden", x=warc(1))
    put(tmp_path / "in" / "sub", __hidden=warc(1), b=warc(2))
    plan = plan_shards([folder])
    assert [shard.path for shard in plan.shards] == [f"{folder}/a", f"{folder}/sub/b"]
    assert {os.path.basename(path): why.split(";")[0] for path, why in plan.refused} == {
        "README.md": "plain text beside warc",
        "doc.pdf": "a PDF",
        "empty": "empty: 0 bytes",
        "noise": "no format that is read: not WARC, ARC, JSON Lines, Parquet or UTF-8 text",
        "utf16": "UTF-16 text",
        "cut.gz": "the file ends inside this gzip member",
    }


def test_no_readable_input_is_one_line(tmp_path):
    folder = put(tmp_path / "in", a=b"%PDF-1.4")
    with pytest.raises(DataError, match=r"no readable input: 1 files, none of them .*, for example .*/in/a: a PDF"):
        plan_shards([folder])
    with pytest.raises(DataError, match=r"no such file: .*none"):
        plan_shards([str(tmp_path / "none")])
    with pytest.raises(DataError, match="no file matches"):
        plan_shards([str(tmp_path / "*.x")])
    with pytest.raises(DataError, match="holds no files"):
        plan_shards([put(tmp_path / "empty")])
    with pytest.raises(DataError, match="format is 'csv', expected one of auto"):
        plan_shards([folder], format="csv")


def test_each_file_is_taken_once_in_order(tmp_path):
    folder = put(tmp_path / "in", b=LINE, a=LINE)
    os.symlink(f"{folder}/a", tmp_path / "same")
    assert expand([f"{folder}/b", folder, str(tmp_path / "same"), f"{folder}/*"]) == [f"{folder}/b", f"{folder}/a"]


def test_names_are_unique_and_safe_and_records_come_back(tmp_path):
    folder = put(tmp_path / "in", **{"a b&ü": LINE * 9, "c": LINE})
    plan = plan_shards([folder], shard_bytes=50)
    names = [shard.name for shard in plan.shards]
    assert len(set(names)) == len(names) > 3
    assert names[0] == "00000-a_b_"
    for shard in plan.shards:
        assert Shard.from_record(json.loads(json.dumps(shard.to_record()))) == shard


def test_a_changed_file_has_another_identity(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(LINE * 9)
    os.utime(path, ns=(1, 1))
    before = plan_shards([str(path)]).shards[0].identity
    assert plan_shards([str(path)]).shards[0].identity == before
    os.utime(path, ns=(1, 2))
    assert plan_shards([str(path)]).shards[0].identity != before
    path.write_bytes(LINE * 8 + LINE.replace(b"words", b"other"))
    os.utime(path, ns=(1, 1))
    assert plan_shards([str(path)]).shards[0].identity != before


def test_any_division_holds_each_document_exactly_once(tmp_path):
    bodies = [text(i) for i in range(60)]
    members = [gzip.compress(warc(i, body.encode())) for i, body in enumerate(bodies)]
    lines = b"".join(json.dumps({"text": body}).encode() + b"\n" for body in bodies)
    made = {
        "a.warc.gz": b"".join(members),
        "b.jsonl": lines,
        "c.jsonl": lines.rstrip(b"\n").replace(b"\n", b"\n\n\r\n"),
        "d.jsonl.gz": gzip.compress(lines),
        "e.warc": b"".join(warc(i, body.encode()) for i, body in enumerate(bodies)),
        "f.warc.gz": b"".join(
            gzip.compress(b"".join(warc(j, bodies[j].encode()) for j in range(i, i + 4))) for i in range(0, 60, 4)
        ),
    }
    for name, data in made.items():
        path = tmp_path / name
        path.write_bytes(data)
        sizes = [1, 2, 61, *range(300, 3000, 311), len(data) // 3, len(data) - 1, len(data), len(data) * 2]
        for shard_bytes in sizes if name[0] in "abc" else sizes[::5]:
            plan = plan_shards([str(path)], shard_bytes=shard_bytes)
            assert texts(plan) == bodies, (name, shard_bytes)
            if shard_bytes <= len(data) // 3:
                assert (len(plan.shards) > 1) == (name[0] in "abcf"), (name, shard_bytes)


def test_offsets_and_ids_do_not_depend_on_the_division(tmp_path):
    members = [gzip.compress(warc(i)) for i in range(50)]
    lines = b"".join(json.dumps({"text": text(i)}).encode() + b"\n" for i in range(50))
    for data in (b"".join(members).replace(b"WARC-Record-ID", b"X"), lines):
        path = tmp_path / "a"
        path.write_bytes(data)
        whole = [list(CrawlReader(shard, ReadOptions())) for shard in plan_shards([str(path)]).shards]
        plan = plan_shards([str(path)], shard_bytes=2000)
        assert len(plan.shards) > 5
        assert [list(CrawlReader(shard, ReadOptions())) for shard in plan.shards] != whole
        assert [item for shard in plan.shards for item in CrawlReader(shard, ReadOptions())] == whole[0]


def test_parquet_is_divided_between_row_groups(tmp_path):
    path = tmp_path / "a"
    bodies = [text(i) for i in range(100)]
    pq.write_table(pa.table({"text": bodies}), path, row_group_size=9)
    for shard_bytes in (1, 3000, 10_000, 1 << 20):
        plan = plan_shards([str(path)], shard_bytes=shard_bytes)
        assert texts(plan) == bodies
        items = [item for shard in plan.shards for item in CrawlReader(shard, ReadOptions())]
        assert [item.offset for item in items] == list(range(100))
    assert len(plan_shards([str(path)], shard_bytes=1).shards) == 12


def test_a_crawl_inside_a_crawl_is_not_cut_open(tmp_path):
    inner = b"".join(gzip.compress(warc(1000 + i, bytes(RNG.randbytes(300)))) for i in range(200))
    parts = [gzip.compress(warc(i)) for i in range(30)]
    parts[15] = gzip.compress(warc(15, inner))
    data = b"".join(parts)
    path = tmp_path / "a"
    path.write_bytes(data)
    for shard_bytes in range(1500, len(data), 9777):
        plan = plan_shards([str(path)], shard_bytes=shard_bytes)
        items = [item for shard in plan.shards for item in CrawlReader(shard, ReadOptions())]
        assert [item.id for item in items] == [f"<{i}>" for i in range(30)], shard_bytes
