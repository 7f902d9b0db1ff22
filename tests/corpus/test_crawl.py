"""A shard of any format gives its documents and losses, each with its place, and can be left and entered anywhere."""

import gzip
import importlib
import json
import struct

import pytest
import zstandard
from assay.corpus.crawl import CrawlDocument, CrawlReader, Lost, ReadOptions
from assay.corpus.shards import Shard, plan_shards
from assay.errors import DataError

lz4 = importlib.import_module("lz4.frame")


def warc_record(i, body, *, kind="conversion", length=None, nl="\r\n", lower=False, record_id=True):
    names = ["WARC-Type: " + kind, f"WARC-Target-URI: https://site{i % 3}.example/{i}"]
    names += [f"WARC-Record-ID: <urn:uuid:{i}>"] if record_id else []
    names += ["Content-Type: text/plain", f"Content-Length: {len(body) if length is None else length}"]
    if lower:
        names = [name.partition(":")[0].lower() + ":" + name.partition(":")[2] for name in names]
    return (nl.join(["WARC/1.0", *names, "", ""])).encode() + body + 2 * nl.encode()


def records(n):
    return [warc_record(i, f"text {i} é ".encode() * (20 + i % 7)) for i in range(n)]


def lines(n):
    return [json.dumps({"id": f"d{i}", "text": f"line {i} " * 9, "n": i}).encode() + b"\n" for i in range(n)]


def read(path, kind, position=None, start=0, stop=None, **options):
    reader = CrawlReader(Shard(0, str(path), kind, 0, start, stop), ReadOptions(**options), position)
    return list(reader), reader


def good(items):
    return [item for item in items if isinstance(item, CrawlDocument)]


def lost(items):
    return [(item.offset, item.reason, item.row) for item in items if isinstance(item, Lost)]


def put(tmp_path, data, name="a"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def with_dictionary(parts):
    samples = [bytes([65 + (i * j) % 26 for j in range(400)]) for i in range(60)] + parts * 8
    trained = zstandard.train_dictionary(2048, samples)
    head = b"\x5d\x2a\x4d\x18" + struct.pack("<I", len(trained.as_bytes())) + trained.as_bytes()
    compressor = zstandard.ZstdCompressor(dict_data=trained)
    return head + b"".join(compressor.compress(part) for part in parts)


FORMS = {
    "plain": b"".join,
    "gzip, one member": lambda parts: gzip.compress(b"".join(parts), mtime=0),
    "gzip, member a record": lambda parts: b"".join(gzip.compress(part, mtime=0) for part in parts),
    "gzip, members of three": lambda parts: b"".join(
        gzip.compress(b"".join(parts[i : i + 3]), mtime=0) for i in range(0, len(parts), 3)
    ),
    "gzip, cut anywhere into members": lambda parts: b"".join(
        gzip.compress(b"".join(parts)[i : i + 997], mtime=0) for i in range(0, len(b"".join(parts)), 997)
    ),
    "zstd, one frame": lambda parts: zstandard.compress(b"".join(parts)),
    "zstd, frame a record": lambda parts: b"".join(map(zstandard.compress, parts)),
    "zstd, dictionary": with_dictionary,
    "lz4, one frame": lambda parts: lz4.compress(b"".join(parts)),
    "lz4, frame a record": lambda parts: b"".join(map(lz4.compress, parts)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_layout_of_compression_gives_the_same_documents_and_resumes_at_every_item(tmp_path, form):
    wanted = {
        "warc": [(f"<urn:uuid:{i}>", f"text {i} é " * (20 + i % 7)) for i in range(23)],
        "jsonl": [(f"d{i}", f"line {i} " * 9) for i in range(23)],
    }
    for kind, parts in (("warc", records(23)), ("jsonl", lines(23))):
        path = put(tmp_path, FORMS[form](parts), "wrong-ending.pdf")
        items, _ = read(path, kind)
        assert [(item.id, item.text) for item in items] == wanted[kind]
        resumes_everywhere(path, kind, items)


@pytest.mark.parametrize("form", FORMS)
def test_documents_without_an_id_get_one_that_is_theirs_alone(tmp_path, form):
    nameless = [part.replace(b"WARC-Record-ID", b"X-Id").replace(b'"id"', b'"x"') for part in records(50) + lines(50)]
    for kind, parts in (("warc", nameless[:50]), ("jsonl", nameless[50:])):
        items, _ = read(put(tmp_path, FORMS[form](parts)), kind)
        assert len({item.id for item in good(items)}) == 50


def resumes_everywhere(path, kind, items, **options):
    reader = CrawlReader(Shard(0, str(path), kind, 0), ReadOptions(**options))
    positions = [json.dumps(reader.position())]
    counts = [dict(reader.passed)]
    for _ in reader:
        positions.append(json.dumps(reader.position()))
        counts.append(dict(reader.passed))
    for k, position in enumerate(positions):
        rest, again = read(path, kind, json.loads(position), **options)
        assert rest == items[k:], k
        assert again.passed == reader.passed, k
    assert read(path, kind, reader.position(), **options)[0] == []


def test_the_offset_of_a_member_a_record_is_where_it_begins_in_the_file(tmp_path):
    members = [gzip.compress(part) for part in records(9)]
    items, _ = read(put(tmp_path, b"".join(members)), "warc")
    assert [item.offset for item in items] == [sum(map(len, members[:i])) for i in range(9)]
    plain = records(4)
    items, _ = read(put(tmp_path, b"".join(plain)), "warc")
    assert [item.offset for item in items] == [sum(map(len, plain[:i])) for i in range(4)]


def test_a_document_of_a_wet_brings_its_address_date_and_language(tmp_path):
    record = (
        b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: <http://a.example/x y>\r\nWARC-Date: 2024-05-01T00:00:00Z\r\n"
        b"WARC-Identified-Content-Language: eng,deu\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n"
    )
    path = put(tmp_path, gzip.compress(record) * 2, "a.wet.gz")
    items, _ = read(path, "warc")
    assert [item.id for item in items] == ["a.wet.gz:0", f"a.wet.gz:{len(gzip.compress(record))}"]  # none of its own
    assert items[0].url == "http://a.example/x y"
    assert items[0].fields == {"date": "2024-05-01T00:00:00Z", "content_type": "text/plain", "language": "eng,deu"}


def test_what_holds_no_text_is_counted_by_kind(tmp_path):
    def http(head, body):
        return f"HTTP/1.1 {head}\r\n\r\n".encode() + body

    page = b"<html><body><p>" + b"Some words of a page. " * 20 + b"</p></body></html>"
    parts = [
        warc_record(0, b"x: y", kind="warcinfo"),
        warc_record(1, b"GET /", kind="request"),
        warc_record(2, http("200 OK\r\nContent-Type: image/png", b"\x89PNG"), kind="response"),
        warc_record(3, http("404 Not Found\r\nContent-Type: text/html", page), kind="response"),
        warc_record(4, http("301 Moved\r\nLocation: /x", b""), kind="response"),
        warc_record(5, b"", kind="revisit"),
        warc_record(6, http("200 OK\r\nContent-Type: text/plain", b"plain body"), kind="response"),
        warc_record(7, http("200 OK\r\nContent-Type: text/html\r\nContent-Length: 99", b""), kind="response"),
        warc_record(8, b"notes of the crawl", kind="resource"),
        warc_record(9, http("200 OK\r\nContent-Type: text/plain", b"\0\1\2 binary"), kind="response"),
        warc_record(10, http("200 OK", page), kind="response"),
    ]
    for form in ("plain", "gzip, member a record"):
        path = put(tmp_path, FORMS[form](parts))
        items, reader = read(path, "warc")
        assert [item.text[:10] for item in good(items)] == ["Some words", "plain body", "notes of t", "Some words"]
        assert [(item.reason, item.id) for item in items if isinstance(item, Lost)] == [("empty_body", "<urn:uuid:7>")]
        assert reader.passed == {
            "warcinfo": 1,
            "request": 1,
            "image/png": 1,
            "http 301 without body": 1,
            "revisit": 1,
            "binary body as text/plain": 1,
        }
        resumes_everywhere(path, "warc", items)


def test_bad_lines_are_lost_one_by_one_with_their_offsets(tmp_path):
    parts = [
        b'{"text": "a"}\n',
        b"{bad json\n",
        b'{"text": "\xff"}\n',
        b"\n",
        b'{"other": 1}\n',
        b'{"text": 5}\n',
        b'{"text": "n\\u0000ul"}\n',
        b'{"text": "' + b"x" * 300 + b'"}\n',
        b'{"id": [1], "text": "odd id"}\n',
        b'{"id": "twice", "text": "1"}\n{"id": "twice", "text": "2"}',
    ]
    at = [sum(map(len, parts[:i])) for i in range(len(parts))]
    for form in ("plain", "gzip, one member", "zstd, frame a record"):
        path = put(tmp_path, FORMS[form](parts), "a.jsonl")
        items, _ = read(path, "jsonl", max_record_bytes=200)
        assert [item.text for item in good(items)] == ["a", "n\0ul", "odd id", "1", "2"]
        frames = [len(FORMS[form](parts[:i])) for i in range(len(parts))]
        places = [
            (0, skip) if form == "gzip, one member" else (frame, 0) for frame, skip in zip(frames, at, strict=True)
        ]
        ids = [f"a.jsonl:{offset}+{skip}" if skip else f"a.jsonl:{offset}" for offset, skip in places]
        assert [item.id for item in good(items)] == ["a.jsonl:0", ids[6], ids[8], "twice", "twice"]
        losses = [item for item in items if isinstance(item, Lost)]
        hit = (1, 2, 4, 5, 7)
        assert [(item.offset, item.skip) for item in losses] == [places[i] for i in hit]
        assert [item.id for item in losses] == [ids[i] for i in hit]
        reasons = ["bad_json", "bad_utf8", "no_text_field", "no_text_field", "too_big"]
        assert [(item.reason, item.row) for item in losses] == [(reason, True) for reason in reasons]
        resumes_everywhere(path, "jsonl", items, max_record_bytes=200)


def test_a_text_over_the_cap_is_lost_and_the_next_one_read(tmp_path):
    path = put(tmp_path, b'{"text": "' + b"x" * 60 + b'"}\n{"text": "y"}\n')
    items, _ = read(path, "jsonl", max_text_chars=50)
    assert [item.text for item in good(items)] == ["y"]
    assert lost(items) == [(0, "too_big", True)]


def test_a_text_file_is_one_document_and_nul_bytes_are_none(tmp_path):
    assert [item.text for item in read(put(tmp_path, "\ufeffgrüße\n".encode()), "text")[0]] == ["grüße\n"]
    assert lost(read(put(tmp_path, b"a\0b"), "text")[0]) == [(0, "bad_encoding", True)]
    assert lost(read(put(tmp_path, b"a\xffb"), "text")[0]) == [(0, "bad_utf8", True)]
    assert lost(read(put(tmp_path, b"a" * 50), "text", max_record_bytes=49)[0]) == [(0, "too_big", True)]
    resumes_everywhere(put(tmp_path, b"one"), "text", read(put(tmp_path, b"one"), "text")[0])


def test_a_file_that_vanishes_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"no such file: .*gone"):
        read(tmp_path / "gone", "warc")


def test_an_fsspec_url_reads_like_a_file(tmp_path):
    fsspec = importlib.import_module("fsspec")
    for name, form, kind, parts in (
        ("a", "gzip, member a record", "warc", records(7)),
        ("b", "zstd, one frame", "jsonl", lines(7)),
    ):
        with fsspec.open(f"memory://crawl/{name}", "wb") as file:
            file.write(FORMS[form](parts))
        path = put(tmp_path, FORMS[form](parts), name)
        assert read(f"memory://crawl/{name}", kind)[0] == read(path, kind)[0]
    plan = plan_shards(["memory://crawl"], format="any")
    assert [shard.format for shard in plan.shards] == ["warc", "jsonl"]
    assert [len(read(shard.path, shard.format)[0]) for shard in plan.shards] == [7, 7]


def test_bytes_read_grows_to_the_size_of_the_file(tmp_path):
    data = FORMS["gzip, member a record"](records(40))
    reader = CrawlReader(Shard(0, str(put(tmp_path, data)), "warc", len(data)), ReadOptions())
    seen = [reader.bytes_read for _ in reader]
    assert seen == sorted(seen)
    assert reader.bytes_read == len(data)


def test_a_bomb_is_lost_and_reading_goes_on_behind_it(tmp_path):
    bomb = warc_record(1, b"\0" * (64 << 20))
    before, after = records(1)[0], warc_record(2, b"behind")
    packed = [gzip.compress(part) for part in (before, bomb, after)]
    assert len(packed[1]) < 100_000
    path = put(tmp_path, b"".join(packed))
    items, _ = read(path, "warc", max_record_bytes=1 << 20)
    assert [item.text for item in good(items)] == ["text 0 é " * 20, "behind"]
    assert lost(items) == [(len(packed[0]), "too_big", True)]
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(
        b"\0" * (8 << 20)
    )
    path = put(tmp_path, warc_record(0, page, kind="response") + after)
    items, _ = read(path, "warc", max_record_bytes=1 << 20)
    assert [item.text for item in good(items)] == ["behind"]
    assert lost(items) == [(0, "too_big", True)]


def test_arc_records_of_both_versions_are_read_and_resumed(tmp_path):
    page = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nwords"
    first = b"filedesc://a.arc 0.0.0.0 20080101000000 text/plain 4\n1 0\n\n"
    v1 = b"http://a.example/ 1.2.3.4 20080101000000 text/plain %d\n" % len(page) + page + b"\n"
    v2 = b"http://b.example/ 1.2.3.4 20080101000000 text/plain 200 - - 0 a.arc %d\n" % len(page) + page + b"\n"
    for form in ("plain", "gzip, member a record", "gzip, one member"):
        path = put(tmp_path, FORMS[form]([first, v1, v2, v1[:-9]]), "a.arc")
        items, reader = read(path, "arc")
        assert [(item.url, item.text) for item in good(items)] == [
            ("http://a.example/", "words"),
            ("http://b.example/", "words"),
        ]
        assert [reason for _, reason, _ in lost(items)] == ["truncated"]
        assert reader.passed == {"filedesc": 1}
        resumes_everywhere(path, "arc", items)
