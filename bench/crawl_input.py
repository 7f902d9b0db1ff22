"""Crawl files of real English documents, all distinct, for the benchmarks of the scan: WET.gz with a member a record, JSONL.zst, plain JSONL."""

import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import record
import zstandard

_LEVEL = 6  # Common Crawl's
FILES = ("train-00", "train-01", "train-02", "train-03", "train-04", "train-05")


def documents() -> Iterator[str]:
    """Yield the training documents of the corpus: 350 MB, 74,000 of 4.7 kB on average, none twice."""
    for name in FILES:
        with open(record.shared_data() / "corpus" / f"{name}.jsonl.zst", "rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                yield json.loads(line)["text"]


def take(megabytes: float) -> list[str]:
    """Return the first documents that have so many MB of UTF-8 together."""
    found: list[str] = []
    left = megabytes * 1e6
    for text in documents():
        found.append(text)
        left -= len(text.encode())
        if left <= 0:
            break
    return found


def size_mb(texts: Iterable[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def wet_gz(texts: Iterable[str], path: Path) -> None:
    with path.open("wb") as out:
        for i, text in enumerate(texts):
            body = text.encode()
            head = (
                "WARC/1.0\r\nWARC-Type: conversion\r\n"
                f"WARC-Target-URI: https://host{i % 997}.example/{i}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{i:012d}>\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            member = zlib.compressobj(_LEVEL, wbits=31)
            out.write(member.compress(head.encode() + body + b"\r\n\r\n") + member.flush())


def jsonl(texts: Iterable[str], out: IO[bytes]) -> None:
    for i, text in enumerate(texts):
        line = {"id": str(i), "url": f"https://host{i % 997}.example/{i}", "text": text}
        out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def jsonl_zst(texts: Iterable[str], path: Path) -> None:
    with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as out:
        jsonl(texts, out)


FORMATS: dict[str, tuple[str, Callable[[Iterable[str], Path], None]]] = {
    "WET.gz": ("crawl.warc.wet.gz", wet_gz),
    "JSONL.zst": ("crawl.jsonl.zst", jsonl_zst),
}
