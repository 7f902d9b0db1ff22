"""gzip and zstd are told by content; what stands before a cut is delivered, and the cut is reported once."""

import gzip
import json
import os

import pytest
import zstandard
from assay.corpus.documents import Document, Unreadable, read_documents


def write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


def lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def split(path, **options):
    items = list(read_documents(path, **options))
    good = [item.text for item in items if isinstance(item, Document)]
    return good, [item for item in items if isinstance(item, Unreadable)]


ABC = lines({"text": "a"}, {"text": "b"}, {"text": "c"})


def test_content_decides_whether_a_file_is_compressed(tmp_path):
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.ndjson", "a.json", "a"):
        for data in (ABC, gzip.compress(ABC, mtime=0), zstandard.compress(ABC)):
            assert split(write(tmp_path, name, data)) == (["a", "b", "c"], []), name


def test_gzip_members_and_zstd_frames_in_a_row_are_one_file(tmp_path):
    more = lines({"text": "d"})
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    for data in (
        gzip.compress(ABC, mtime=0) + gzip.compress(more) + b"\0" * 512,
        zstandard.compress(ABC) + zstandard.compress(more),
        skippable + zstandard.compress(ABC) + skippable + zstandard.compress(more),
    ):
        assert split(write(tmp_path, "a.jsonl.x", data)) == (["a", "b", "c", "d"], [])


def test_zstd_with_a_long_window_is_read(tmp_path):
    parameters = zstandard.ZstdCompressionParameters(window_log=28)  # 256 MiB; the library's default limit is 128
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(ABC) + compressor.flush()
    assert zstandard.get_frame_parameters(data).window_size == 1 << 28
    assert split(write(tmp_path, "a.jsonl.zst", data)) == (["a", "b", "c"], [])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_stream_cut_at_any_byte_gives_the_documents_before_it_and_one_report(tmp_path, compress):
    members = [compress(lines({"text": str(i)})) for i in range(3)]
    ends = [sum(map(len, members[: n + 1])) for n in range(3)]
    data = b"".join(members)
    for cut in range(4, len(data)):
        good, bad = split(write(tmp_path, "a.jsonl", data[:cut]), max_bytes=1 << 20)
        whole = sum(cut >= end for end in ends)
        assert len(bad) == (cut not in ends), cut
        assert good[:whole] == [str(i) for i in range(whole)], cut
        assert len(good) <= whole + 1, cut
        for item in bad:
            assert item.place.endswith(f":{len(good) + 1}")
            assert "cut" in item.message
            assert "all after it are lost" in item.message
            assert "\n" not in item.message


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_most_of_a_large_cut_stream_is_delivered(tmp_path, compress):
    records = [{"text": os.urandom(50).hex(), "id": i} for i in range(20_000)]
    data = compress(lines(*records))
    good, bad = split(write(tmp_path, "a.jsonl", data[: len(data) // 2]))
    assert 8_000 < len(good) < 12_000
    assert good == [record["text"] for record in records[: len(good)]]
    assert [item.place.rpartition(":")[2] for item in bad] == [str(len(good) + 1)]


def test_a_corrupt_stream_ends_in_one_report(tmp_path):
    packed = gzip.compress(ABC, mtime=0)
    flipped = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    for data in (flipped, packed + b"garbage", zstandard.compress(ABC) + b"garbage"):
        good, bad = split(write(tmp_path, "a.jsonl", data))
        assert good == ["a", "b", "c"]
        assert len(bad) == 1
        assert "corrupt" in bad[0].message
