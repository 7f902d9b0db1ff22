"""Damage costs the documents it hit and no others, and says where it is; odd but legal records cost nothing."""

import gzip
import importlib
import json
import random

import pytest
import zstandard
from assay.corpus.crawl import CrawlDocument, CrawlReader, Lost, ReadOptions
from assay.corpus.shards import Shard

lz4 = importlib.import_module("lz4.frame")


def record(i, body=None, *, length=None, nl="\r\n", names=str, kind="conversion"):
    body = f"text {i} ".encode() * 40 if body is None else body
    fields = {"WARC-Type": kind, "WARC-Record-ID": f"<urn:{i}>", "Content-Type": "text/plain"}
    if length != "none":
        fields["Content-Length"] = str(len(body) if length is None else length)
    head = nl.join(["WARC/1.0", *(f"{names(name)}: {value}" for name, value in fields.items()), "", ""])
    return head.encode() + body + 2 * nl.encode()


def read(tmp_path, data, kind="warc", position=None, **options):
    path = tmp_path / "a"
    path.write_bytes(data)
    return list(CrawlReader(Shard(0, str(path), kind, 0), ReadOptions(**options), position))


def ids(items):
    return [int(item.id[5:-1]) for item in items if isinstance(item, CrawlDocument)]


def lost(items):
    return [(item.offset, item.reason) for item in items if isinstance(item, Lost)]


def resumes_everywhere(tmp_path, data, items, kind="warc"):
    path = tmp_path / "a"
    path.write_bytes(data)
    reader = CrawlReader(Shard(0, str(path), kind, 0), ReadOptions())
    for k, _ in enumerate(reader, 1):
        assert read(tmp_path, data, kind, json.loads(json.dumps(reader.position()))) == items[k:], k


def flip(member, at):
    return member[:at] + bytes([member[at] ^ 0xFF]) + member[at + 1 :]


@pytest.mark.parametrize("harm", ["checksum", "length", "deflate", "head", "cut out"])
@pytest.mark.parametrize("hit", [0, 7, 19])
def test_a_damaged_member_costs_its_document_alone(tmp_path, harm, hit):
    if harm == "head" and hit == 0:
        pytest.skip("such a file is refused when it is told: nothing says that it is gzip")
    members = [gzip.compress(record(i), mtime=0) for i in range(20)]
    start = sum(map(len, members[:hit]))
    whole = members[hit]
    members[hit] = {
        "checksum": flip(whole, len(whole) - 8),
        "length": flip(whole, len(whole) - 1),
        "deflate": flip(whole, 40),
        "head": b"\0\1" + whole[2:],
        "cut out": whole[:-20],
    }[harm]
    data = b"".join(members)
    items = read(tmp_path, data)
    assert ids(items) == [i for i in range(20) if i != hit]
    offset = start + (harm == "head")  # a zero byte between members is padding
    reason = "truncated" if harm == "cut out" and hit == 19 else "damaged_member"
    assert lost(items) == [(offset, reason)]
    resumes_everywhere(tmp_path, data, items)


def test_two_damaged_neighbours_are_two_losses_or_one_stretch_and_the_rest_is_read(tmp_path):
    members = [gzip.compress(record(i), mtime=0) for i in range(20)]
    members[7], members[8] = flip(members[7], 40), flip(members[8], 40)
    items = read(tmp_path, b"".join(members))
    assert ids(items) == [i for i in range(20) if i not in (7, 8)]
    assert lost(items)[0] == (sum(map(len, members[:7])), "damaged_member")
    resumes_everywhere(tmp_path, b"".join(members), items)


def test_one_large_member_gives_all_before_its_damage(tmp_path):
    rng = random.Random(5)
    parts = [record(i, f"{rng.getrandbits(2000):x}".encode()) for i in range(4000)]
    data = gzip.compress(b"".join(parts), mtime=0)
    items = read(tmp_path, flip(data, len(data) - 8))
    assert ids(items) == list(range(3999))  # the checksum is that of all: the last document is not given out
    assert [reason for _, reason in lost(items)] == ["damaged_member"]
    assert "may hold wrong bytes" in items[-1].message
    middle = len(data) // 2
    items = read(tmp_path, data[:middle] + b"\xff" * 400 + data[middle + 400 :])
    assert 1985 < len(ids(items)) < 2003
    assert ids(items)[:1985] == list(range(1985))
    assert [reason for _, reason in lost(items)] == ["damaged_member"]


@pytest.mark.parametrize(
    "pack",
    [
        b"".join,
        lambda parts: gzip.compress(b"".join(parts), mtime=0),
        lambda parts: zstandard.compress(b"".join(parts)),
    ],
    ids=["plain", "gzip", "zstd"],
)
def test_a_file_cut_anywhere_gives_every_whole_document_and_says_that_it_is_cut(tmp_path, pack):
    parts = [record(i, f"{i} some text".encode()) for i in range(4)]
    data = pack(parts)
    plain = pack == b"".join
    ends = [sum(map(len, parts[: i + 1])) for i in range(4)]
    for cut in range(len(parts[0]) // 4, len(data), 3):
        items = read(tmp_path, data[:cut])
        assert ids(items) == list(range(len(ids(items)))), cut
        if plain:
            whole = sum(cut >= end - 4 for end in ends)  # without its line ends a record is whole
            assert len(ids(items)) == whole, cut
            boundary = any(end - 4 <= cut <= end for end in ends)
            assert len(lost(items)) == (not boundary), (cut, items)
        else:
            assert len(lost(items)) == 1, cut
            assert "ends inside" in items[-1].message or "damaged" in items[-1].message


def test_members_a_record_cut_inside_the_last_one_say_so(tmp_path):
    members = [gzip.compress(record(i), mtime=0) for i in range(13)]
    data = b"".join(members)[:-30]
    items = read(tmp_path, data)
    assert ids(items) == list(range(12))
    assert lost(items) == [(sum(map(len, members[:12])), "truncated")]
    resumes_everywhere(tmp_path, data, items)


@pytest.mark.parametrize("compress", [zstandard.compress, lz4.compress], ids=["zstd", "lz4"])
def test_a_damaged_frame_costs_its_document_alone(tmp_path, compress):
    frames = [compress(record(i)) for i in range(9)]
    start = sum(map(len, frames[:4]))
    frames[4] = frames[4][:30] + b"\xff" * (len(frames[4]) - 30)
    items = read(tmp_path, b"".join(frames))
    assert ids(items) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert lost(items) == [(start, "damaged_member")]


PACKS = [b"".join, lambda parts: b"".join(gzip.compress(part, mtime=0) for part in parts)]


@pytest.mark.parametrize("pack", PACKS, ids=["plain", "members"])
def test_legal_and_odd_headers_cost_nothing(tmp_path, pack):
    parts = [
        record(0),
        record(1, names=str.lower),
        record(2, nl="\n"),
        record(3, names=str.upper, kind="CONVERSION"),
        record(4, nl="\n", names=str.lower),
        record(5).replace(b"WARC-Type", b"X-Folded: a\r\n b\r\nWARC-Type"),
        record(6).replace(b"WARC/1.0", b"WARC/1.1"),
        record(7, b""),
        record(8),
    ]
    items = read(tmp_path, pack(parts))
    assert ids(items) == list(range(9))
    assert lost(items) == []
    assert [item.text for item in items] == [f"text {i} " * 40 if i != 7 else "" for i in range(9)]
    resumes_everywhere(tmp_path, pack(parts), items)


@pytest.mark.parametrize("pack", PACKS, ids=["plain", "members"])
@pytest.mark.parametrize("wrong", [3, 330, 400, 900, 99_999])
def test_a_wrong_length_takes_no_text_from_its_own_record_nor_from_its_neighbours(tmp_path, pack, wrong):
    parts = [record(0), record(1, length=wrong), record(2), record(3)]
    items = read(tmp_path, pack(parts))
    assert ids(items) == [0, 1, 2, 3]
    assert [item.text for item in items] == [f"text {i} " * 40 for i in range(4)]
    resumes_everywhere(tmp_path, pack(parts), items)


@pytest.mark.parametrize("pack", PACKS, ids=["plain", "members"])
def test_rubbish_and_records_without_a_length_are_stretches_that_are_left_out(tmp_path, pack):
    parts = [record(0), b"rubbish that no one knows\n", record(1), record(2, length="none"), record(3)]
    items = read(tmp_path, pack(parts))
    assert set(ids(items)) == {0, 1, 3}
    assert [item.text for item in items if isinstance(item, CrawlDocument)][1:] == ["text 1 " * 40, "text 3 " * 40]
    assert lost(items)[-1][1] == "bad_header"
    resumes_everywhere(tmp_path, pack(parts), items)


def test_damaged_gzip_lines_lose_the_torn_line_and_go_on(tmp_path):
    lines = [json.dumps({"id": f"<urn:{i}>", "text": f"line {i} " * 30}).encode() + b"\n" for i in range(60)]
    members = [gzip.compress(b"".join(lines[i : i + 10]), mtime=0) for i in range(0, 60, 10)]
    members[2] = flip(members[2], 60)
    data = b"".join(members)
    items = read(tmp_path, data, "jsonl")
    kept = ids(items)
    assert kept[:20] == list(range(20))
    assert kept[-30:] == list(range(30, 60))
    assert [reason for _, reason in lost(items)] == ["damaged_member"]
    resumes_everywhere(tmp_path, data, items, "jsonl")


@pytest.mark.parametrize("seed", range(6))
def test_the_fast_reader_gives_what_the_careful_one_gives(tmp_path, seed):
    """The oracle is the same stream without compression, which FastWARC never sees."""
    rng = random.Random(seed)
    odd = [
        lambda i: record(i, nl="\n"),
        lambda i: record(i, names=str.lower),
        lambda i: record(i, length=rng.randrange(2000)),
        lambda i: record(i, b"a body that quotes\nWARC/1.0 in a line of its own"),
        lambda i: record(i, rng.randbytes(70_000).hex().encode()),
        lambda i: record(i, b""),
        lambda i: record(i).replace(b"WARC-Type", b"X-Twice: a\r\nX-Twice: b\r\nWARC-Type"),
    ]
    parts = [rng.choice(odd)(i) if rng.random() < 0.04 else record(i) for i in range(500)]
    members = []
    left = list(parts)
    while left:
        n = rng.choice([2, 3]) if rng.random() < 0.02 else 1
        members.append(gzip.compress(b"".join(left[:n]), mtime=0))
        del left[:n]
        if rng.random() < 0.02:
            members.append(gzip.compress(b"", mtime=0))
    items = read(tmp_path, b"".join(members))
    assert ids(items) == list(range(500))
    plain = read(tmp_path, b"".join(parts))
    assert [item.text for item in items] == [item.text for item in plain]
    assert lost(items) == lost(plain) == []
    data = b"".join(members)
    path = tmp_path / "a"
    path.write_bytes(data)
    reader = CrawlReader(Shard(0, str(path), "warc", 0), ReadOptions())
    for k, _ in enumerate(reader, 1):
        if rng.random() < 0.1:
            assert read(tmp_path, data, "warc", reader.position()) == items[k:], k
