"""The memory of reading does not grow with the file; a fresh process per file, so that the peak is its own."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = "Words of a document that is like a page and yet like no other, number {}. " * 30
MEASURE = """
import sys
from assay.corpus.crawl import CrawlReader, ReadOptions
from assay.corpus.shards import plan_shards
plan = plan_shards([sys.argv[1]])
count = sum(1 for shard in plan.shards for _ in CrawlReader(shard, ReadOptions()))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss counts the parent's too
print(count, int(peak.split()[1]) // 1024)
"""


def wet(i):
    body = TEXT.format(*[i] * 30).encode()
    return b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (len(body), body)


def line(i):
    return json.dumps({"text": TEXT.format(*[i] * 30)}).encode() + b"\n"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is asked of Linux")
@pytest.mark.parametrize("form", ["wet, member a record", "wet, one member", "jsonl.gz"])
def test_three_hundred_megabytes_are_read_in_two_hundred(tmp_path, form):
    make = line if form == "jsonl.gz" else wet
    count = 300_000_000 // len(make(0))
    path = tmp_path / "a"
    if form == "wet, member a record":
        with path.open("wb") as file:
            for i in range(count):
                file.write(gzip.compress(make(i), 1))
    else:
        with gzip.open(path, "wb", compresslevel=1) as file:
            for i in range(count):
                file.write(make(i))
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    read, megabytes = map(int, done.stdout.split())
    assert read == count
    assert megabytes < 200
