"""A run killed at any byte loses nothing and doubles nothing; a file of somebody else's is not touched."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from assay.corpus.writer import JsonLinesWriter, Resumed, resume_jsonl
from assay.errors import DataError

RECORDS = [
    {"id": f"p{i}", "text": text} for i, text in enumerate(["one", "", 'brace } and "quote" \\', "naïve 🙂 né\n"])
]


def output(path, records=RECORDS):
    with JsonLinesWriter(str(path)) as writer:
        writer.write_all(records)
    return path.read_bytes()


def test_a_whole_file_gives_its_ids_and_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    data = output(path, [{"id": "x"}, {"id": 7}, {"id": "y"}])
    assert resume_jsonl(str(path)) == Resumed({"x": 1, "7": 2, "y": 3}, 0)
    assert path.read_bytes() == data


def test_a_file_that_is_not_there_or_empty_holds_nothing(tmp_path):
    path = tmp_path / "a.jsonl"
    assert resume_jsonl(str(path)) == Resumed({}, 0)
    assert not path.exists()
    path.touch()
    assert resume_jsonl(str(path)) == Resumed({}, 0)


@pytest.mark.parametrize("n_whole", [0, 1, 3])
def test_a_last_line_torn_at_any_byte_is_written_again_and_only_that(tmp_path, n_whole):
    path = tmp_path / "a.jsonl"
    whole = output(path, RECORDS[:n_whole])
    full = output(path, RECORDS[: n_whole + 1])
    for cut in range(len(whole), len(full) + 1):
        path.write_bytes(full[:cut])
        complete = cut >= len(full) - 1  # all but the line end: the record is there
        resumed = resume_jsonl(str(path))
        assert list(resumed.ids) == [record["id"] for record in RECORDS[: n_whole + complete]], cut
        assert resumed.truncated_bytes == (0 if complete else cut - len(whole)), cut
        assert path.read_bytes() == (full if complete else whole), cut

        path.write_bytes(full[:cut])
        with JsonLinesWriter(str(path), append=True) as writer:
            assert writer.resumed == resumed
            writer.write_all(record for record in RECORDS if record["id"] not in writer.resumed.ids)
        assert [json.loads(line) for line in path.read_bytes().splitlines()] == RECORDS, cut


FOREIGN = {
    "notes without a line end": b"buy milk",
    "notes": b"buy milk\nand bread\n",
    "an object without an id": b'{"text": "a"}\n',
    "one without an id, no line end": b'{"text": "a"}',
    "a torn object of another shape": b'{"text": "a',
    "a list": b"[1, 2]\n",
    "an id that is none": b'{"id": null}\n',
    "a bad line in the middle": b'{"id": 1}\n{"id": 2\n{"id": 3}\n',
    "a bad last line with a line end": b'{"id": 1}\n{"id": 2\n',
    "an id twice": b'{"id": 1}\n{"id": "1"}\n',
    "binary": bytes(range(256)),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "zeros": bytes(5000),
    "UTF-16": '{"id": 1}\n'.encode("utf-16"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("use", [resume_jsonl, lambda path: JsonLinesWriter(path, append=True)])
def test_a_foreign_file_is_refused_and_not_a_byte_is_changed(tmp_path, name, use):
    path = tmp_path / "a.jsonl"
    path.write_bytes(FOREIGN[name])
    with pytest.raises(DataError, match="is not a record of an earlier run") as caught:
        use(str(path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: line ")
    assert path.read_bytes() == FOREIGN[name]


def test_a_line_too_long_to_be_a_record_is_not_taken_for_a_torn_one(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "' + bytes(65 << 20))
    with pytest.raises(DataError, match="is not a record of an earlier run"):
        resume_jsonl(str(path))
    assert path.stat().st_size == (65 << 20) + 8
    path.unlink()


def test_blank_lines_of_an_editor_are_no_reason_to_refuse(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": 1}\r\n\n{"id": 2}\n\n')
    assert resume_jsonl(str(path)).ids == {"1": 1, "2": 3}


def test_a_directory_cannot_be_resumed(tmp_path):
    with pytest.raises(DataError, match=r"cannot resume .*: Is a directory"):
        resume_jsonl(str(tmp_path))


def test_runs_killed_at_random_lose_nothing_and_double_nothing(tmp_path):
    """SIGKILL a writer some milliseconds after it has begun to write, eight times; then let it finish."""
    path = tmp_path / "a.jsonl"
    code = f"""
import sys
from assay.corpus.writer import JsonLinesWriter
n = int(sys.argv[1])
with JsonLinesWriter({str(path)!r}, append=True) as writer:
    print(len(writer.resumed.ids), flush=True)
    for i in range(n):
        if str(i) not in writer.resumed.ids:
            writer.write({{"id": i, "text": "x" * (i % 50_000)}})
    print("done", flush=True)
"""
    rng = random.Random(5)
    done_before = 0
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", code, "1000000000"], stdout=subprocess.PIPE, text=True) as process:
            done = int(process.stdout.readline())
            assert done >= done_before
            done_before = done
            time.sleep(rng.uniform(0.001, 0.03))
            process.send_signal(signal.SIGKILL)
    n = len(resume_jsonl(str(path)).ids) + 10
    subprocess.run([sys.executable, "-c", code, str(n)], check=True, timeout=60, capture_output=True)
    with open(path, "rb") as file:
        assert [json.loads(line)["id"] for line in file] == list(range(n))
    assert n > 100
